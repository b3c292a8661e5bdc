"""`ugbench check-method` and `ugbench check-metric`: does a method or a metric do what ugbench relies on?"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from ugbench.cli.command import complete_metrics
from ugbench.cli.options import Json, MethodArgument
from ugbench.cli.output import log, print_json
from ugbench.cli.parse import split_list
from ugbench.errors import UgbenchError
from ugbench.visible import visible

if TYPE_CHECKING:
    from ugbench.contract.check import Outcome

BASE = "full"


def check_method(
    method: MethodArgument,
    variants: Annotated[
        list[str] | None,
        Option("--variant", metavar="A,B,…", help="Only these variants; full is the base. Default: all. Repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that a method does what ugbench relies on, by training it for a few steps at 32 px on the CPU.

    Each line is one rule: ok, failed, or skipped, with the reason. A failure names the line of the method where there
    is one. The exit code is 1 if a check failed. See docs/add-a-method.md.

    \b
    Examples:
      ugbench check-method cyclegan
      ugbench check-method ugatit --variant full,no-cam --json
    """
    from ugbench.contract.methods import check_method as check

    names = None if variants is None else split_list(variants, "--variant")
    chosen = None if names is None else tuple(None if name == BASE else name for name in names)
    _report(f"the method {method}", lambda: check(method, chosen), as_json)


def check_metric(
    metric: Annotated[
        str,
        Argument(
            metavar="METRIC",
            help="A metric of this or another installed package.",
            autocompletion=complete_metrics,
        ),
    ],
    as_json: Json = False,
) -> None:
    """Check that a metric does what ugbench relies on, by computing it of eight small images and random features.

    Each line is one rule: ok, failed, or skipped, with the reason. A failure names the line of the metric where there
    is one. The exit code is 1 if a check failed. See docs/add-a-metric.md.

    \b
    Examples:
      ugbench check-metric kid
      ugbench check-metric changed --json
    """
    from ugbench.contract.metrics import check_metric as check

    _report(f"the metric {metric}", lambda: check(metric), as_json)


def _report(what: str, begin: Callable[[], Iterator[Outcome]], as_json: bool) -> None:
    """Print each outcome as one line as soon as it is known, or all of them as JSON; then say how many rules hold.

    What the checked module prints goes to stderr, so that stdout has the outcomes alone.

    Raises:
        UgbenchError: a check failed.
    """
    outcomes: list[Outcome] = []
    with contextlib.redirect_stdout(sys.stderr):
        pending = begin()
    while True:
        with contextlib.redirect_stdout(sys.stderr):
            outcome = next(pending, None)
        if outcome is None:
            break
        outcomes.append(outcome)
        if not as_json:
            print(_line(outcome), flush=True)
    if as_json:
        print_json([asdict(outcome) for outcome in outcomes])
    failed = [outcome.check for outcome in outcomes if outcome.status == "failed"]
    if failed:
        rules = f"{len(failed)} of {len(outcomes)} rules"
        raise UgbenchError(f"{what} breaks {rules} ({', '.join(failed)}); correct it and check again.")
    log(f"{what} keeps all rules that apply to it.")


def _line(outcome: Outcome) -> str:
    """ok, failed or skipped, with the rule, and the reason if there is one."""
    text = f"{outcome.status:8} {outcome.title}"
    if outcome.variants and outcome.variants != (None,):
        text += f" [{', '.join(BASE if variant is None else variant for variant in outcome.variants)}]"
    return visible(text + (f": {outcome.reason.rstrip('.')}." if outcome.reason else ""))
