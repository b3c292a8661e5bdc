"""`ugbench data import --a DIR --b DIR`: two folders of one's own images become a data set."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from ugbench.cli.options import path_option
from ugbench.cli.output import log, print_result, progress_callback
from ugbench.cli.parse import parse_test_images
from ugbench.data.data_root import data_root_option
from ugbench.errors import UsageError

SHOWN = 10  # images that are left out and named
TEST = "0.1"


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """The options of `ugbench data import` for two folders."""

    a: Annotated[Path | None, path_option("--a", "any", "DIR", "Folder with the images of domain A.")] = None
    b: Annotated[Path | None, path_option("--b", "any", "DIR", "Folder with the images of domain B.")] = None
    test: Annotated[
        str | None,
        Option(
            "--test",
            metavar="N|SHARE",
            help=f"Test images per domain: a number, or a share of the images; default: {TEST}. Only with --a and --b.",
        ),
    ] = None
    recursive: Annotated[
        bool, Option("--recursive", help="Take the images of subfolders, too. Only with --a and --b.")
    ] = False
    link: Annotated[
        bool,
        Option("--link", help="Make links to the images, which must stay where they are. Only with --a and --b."),
    ] = False

    def are_given(self) -> bool:
        """True if a folder is given."""
        return self.a is not None or self.b is not None

    def check_unused(self) -> None:
        """Raise UsageError if an option is given that only two folders take."""
        given = {"--test": self.test is not None, "--recursive": self.recursive, "--link": self.link}
        for option, is_given in given.items():
            if is_given:
                raise UsageError(
                    f"{option}: only two folders of images take that; name them with --a and --b, or leave it out."
                )


def import_folders(
    source: Path | None, options: FolderOptions, name: str | None, paired: bool, data_root: Path, as_json: bool
) -> None:
    """Make a data set of two folders, and say what was done and how to train with it.

    Raises:
        UsageError or a subclass: an option is missing or does not fit the others, or see
            `ugbench.data.acquire.two_folders`.
    """
    if source is not None:
        raise UsageError(f"{source}: an archive or folder and --a or --b do not go together; leave one of them out.")
    if options.a is None or options.b is None:
        given, missing = ("--b", "--a") if options.a is None else ("--a", "--b")
        raise UsageError(f"{given}: {missing} is missing; a data set needs the images of two domains.")
    if name is None:
        raise UsageError("--name is missing; it names the new data set for --dataset.")
    test = parse_test_images(TEST if options.test is None else options.test)
    from ugbench.data.acquire.placing import check_name, check_target
    from ugbench.data.acquire.two_folders import carry_out, plan_two_folders

    check_name(name, f"--name {name}")
    check_target(data_root / name)
    folders = (options.a.expanduser(), options.b.expanduser())
    with progress_callback("looking at images") as progress:
        plan = plan_two_folders(folders, name, test, options.recursive, options.link, paired, progress)
    for domain in plan.domains.values():
        log(domain.listing.sentence())
    left_out = plan.left_out()
    for sentence in left_out[:SHOWN]:
        log(f"left out: {sentence}")
    if len(left_out) > SHOWN:
        log(f"left out: {len(left_out) - SHOWN} more images; --json names all.")
    for note in plan.notes:
        log(note)
    with progress_callback(f"importing {name}") as progress:
        folder = carry_out(plan, data_root, progress)
    counts = {split: len(paths) for split, paths in plan.files().items()}
    log(f"{name} is in {folder}{', as links' if plan.link else ''}; train with it:")
    log(f"  ugbench train ugatit --dataset {shlex.quote(name)}{data_root_option(data_root)}")
    report = {"name": name, "root": folder, "images": counts, "link": plan.link, "paired": paired, "left_out": left_out}
    rows = list(counts.items())
    print_result(as_json, {**report, "notes": plan.notes}, ("split", "images"), rows)
