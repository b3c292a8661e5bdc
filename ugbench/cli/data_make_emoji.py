"""`ugbench data make emoji`: a data set of two families of emoji."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from ugbench.cli.output import log, print_result, progress_callback
from ugbench.cli.parse import split_list
from ugbench.data.data_root import data_root_option
from ugbench.errors import UsageError

EMOJI = "emoji"


@dataclass(frozen=True, kw_only=True)
class EmojiOptions:
    """The options of `ugbench data make emoji`."""

    sources: Annotated[
        list[str] | None,
        Option("--from", metavar="A,B", help="The packages of emoji of domain A and of domain B, or their folders."),
    ] = None
    name: Annotated[str | None, Option("--name", metavar="NAME", help="Name of the data set of emoji.")] = None
    test: Annotated[
        int | None, Option("--test", metavar="N", min=1, help="Number of test pairs of emoji; default: 150.")
    ] = None

    def check_unused(self) -> None:
        """Raise UsageError if an option is given."""
        for option, value in (("--from", self.sources), ("--name", self.name), ("--test", self.test)):
            if value is not None:
                shown = ",".join(value) if isinstance(value, list) else value
                raise UsageError(f"{option} {shown}: only `ugbench data make emoji` takes it; leave it out.")


def make_emoji(options: EmojiOptions, data_root: Path, as_json: bool) -> None:
    """Make a data set of two families of emoji, and say what was done and how to train with it.

    Raises:
        UsageError or a subclass: an option is missing, or see `ugbench.data.acquire.emoji`.
    """
    sources = split_list(options.sources, "--from")
    if len(sources) != 2:
        given = f"{','.join(sources)}:" if sources else "is missing:"
        raise UsageError(
            f"--from {given} emoji need two packages, that of domain A and that of domain B, as in --from A.tgz,B.tgz."
        )
    if options.name is None:
        raise UsageError("--name is missing; it names the new data set for --dataset.")
    from ugbench.data.acquire.emoji import TEST_PAIRS, carry_out, plan_emoji
    from ugbench.data.acquire.placing import check_name, check_target

    check_name(options.name, f"--name {options.name}")
    check_target(data_root / options.name)
    packages = (Path(sources[0]).expanduser(), Path(sources[1]).expanduser())
    with progress_callback("looking at emoji") as progress:
        plan = plan_emoji(packages, options.name, options.test or TEST_PAIRS, progress)
    for note in plan.notes:
        log(note)
    with progress_callback(f"writing {options.name}") as progress:
        folder = carry_out(plan, data_root, progress)
    log(f"{options.name} is in {folder}; train with it:")
    log(f"  ugbench train ugatit --dataset {shlex.quote(options.name)}{data_root_option(data_root)}")
    report = {"name": options.name, "root": folder, "images": plan.counts(), "paired": True, "notes": plan.notes}
    report["families"] = [family.name for family in plan.families]
    print_result(as_json, report, ("split", "images"), list(plan.counts().items()))
