"""What a check of a contract is, and how its outcome becomes one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from ugbench.errors import Stopped, UgbenchError
from ugbench.training.method_lines import line_of

Status = Literal["ok", "failed", "skipped"]


class Broken(UgbenchError):
    """A rule is broken; the message is a sentence that says what was found and what to do."""


class NotApplicable(Exception):
    """A rule is about something that the method or metric does not have; the message says what, without a full stop."""


@dataclass(frozen=True)
class Check:
    """One rule, with the function that checks it.

    Attributes:
        name: a word or two for scripts and messages, as in "finite-losses".
        title: the rule, as a sentence without a full stop.
        run: takes the name of a method and a variant (None for the base), or the name of a metric and None. It raises
            Broken, NotApplicable, or any error that the checked code causes; otherwise the rule holds.
        each_variant: whether the check is repeated for each variant of a method.
        about: the function of the method or metric that the rule is about, as in "translate": a failure names its line
            if no other line is known. Empty if it is about none in particular.
        is_gate: whether the checks after this one are left out when it fails, because they would fail alike.
    """

    name: str
    title: str
    run: Callable[[str, str | None], None]
    each_variant: bool = True
    about: str = ""
    is_gate: bool = False


@dataclass(frozen=True)
class Outcome:
    """The result of one check.

    Attributes:
        check, title: see `Check`.
        status: "ok", "failed" or "skipped".
        reason: why it failed or was skipped, one sentence; None if it is ok.
        variants: the variants for which it failed; None stands for the base method. Empty if it did not fail.
    """

    check: str
    title: str
    status: Status
    reason: str | None = None
    variants: tuple[str | None, ...] = ()


def demand(rule_holds: bool, sentence: str) -> None:
    """Raise Broken with the sentence unless the rule holds."""
    if not rule_holds:
        raise Broken(sentence)


def run_checks(
    checks: tuple[Check, ...], name: str, variants: tuple[str | None, ...], function_of: Callable[[str], object]
) -> Iterator[Outcome]:
    """The outcome of each check, as soon as it is known.

    Args:
        name: of the method or the metric.
        variants: for which the checks with `each_variant` are repeated; None is the base, for which all checks run.
        function_of: the function of the method or metric with this name, for `Check.about`.
    """
    failed_gate: str | None = None
    for check in checks:
        if failed_gate is not None:
            reason = f"it needs what the check {failed_gate} found to be wrong"
            yield Outcome(check.name, check.title, "skipped", reason)
            continue
        outcome = _outcome(check, name, variants if check.each_variant else (None,), function_of)
        if check.is_gate and outcome.status == "failed":
            failed_gate = check.name
        yield outcome


def _outcome(
    check: Check, name: str, variants: tuple[str | None, ...], function_of: Callable[[str], object]
) -> Outcome:
    failures: dict[str | None, str] = {}
    skipped: list[str] = []
    for variant in variants:
        try:
            run_check(check, name, variant)
        except NotApplicable as error:
            skipped.append(str(error))
        except Exception as error:  # of any type: the checked module may come from anybody
            if isinstance(error, Stopped):
                raise
            place = place_of(function_of(check.about)) if check.about and isinstance(error, Broken) else None
            failures[variant] = ": ".join(filter(None, (place, reason_of(error))))
    if failures:
        return Outcome(check.name, check.title, "failed", next(iter(failures.values())), tuple(failures))
    if len(skipped) == len(variants):
        return Outcome(check.name, check.title, "skipped", skipped[0])
    return Outcome(check.name, check.title, "ok")


def run_check(check: Check, name: str, variant: str | None = None) -> None:
    """Run one check; an error that it raises says what is wrong.

    Raises:
        NotApplicable: the method or metric does not have what the rule is about.
        Exception: the rule is broken, or the checked code failed.
    """
    with reproducible():
        check.run(name, variant)


def place_of(function: object) -> str | None:
    """The file and line of a function's definition, as `file.py:12`; None if it has none or is of ugbench itself."""
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    if code is None or code.co_filename.startswith(str(Path(__file__).parents[1])):
        return None
    return f"{code.co_filename}:{code.co_firstlineno}"


def reason_of(error: Exception) -> str:
    """One sentence about an error that ended a check, with the line of the checked module where there is one."""
    text = " ".join(str(error).split())
    if isinstance(error, UgbenchError):
        return text
    line = line_of(error)
    problem = ": ".join(filter(None, (type(error).__name__, text))).rstrip(".")
    return f"{line}: {problem}." if line else f"{problem}."


@contextmanager
def reproducible() -> Iterator[None]:
    """A block with one thread, deterministic algorithms and torch's generator seeded; all is put back afterwards."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.set_num_threads(threads)
