"""Names an earlier run that a new one almost repeats, since a forgotten option makes another run silently."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ugbench.runs.configurations import STARTS, configurations, differing_fields, value_text, values_of
from ugbench.runs.run import Run

MOST = 2  # fields in which a near miss may differ
NAMES = {"images": "training images"}  # what people call a field


def near_miss(run: Run, others: Iterable[Run]) -> str | None:
    """A sentence about the run that is most like a new one; None where none differs in at most MOST fields.

    Only runs of the same method, variant, direction and seed on a data set of the same name count: another seed is no
    miss. A run that starts from another one is meant to differ from it, so nothing is said about it.

    Args:
        run: has no checkpoint yet; its folder need not exist.
    """
    if run.config.dataset is None or any(getattr(run.config, name, None) for name in STARTS):
        return None
    alike = [other for other in others if other.id != run.id and _place(other) == _place(run)]
    configs = configurations([run, *alike])
    candidates = []
    for other in alike:
        names = differing_fields([configs[run.id], configs[other.id]])
        if len(names) <= MOST:
            candidates.append((len(names), -other.step(), other.id, other, names))
    if not candidates:
        return None
    *_, other, names = min(candidates, key=lambda candidate: candidate[:3])
    here, there = dict(values_of(configs[run.id], names)), dict(values_of(configs[other.id], names))
    differences = " and ".join(
        f"{_name(name)} ({_text(name, there[name])} there, {_text(name, here[name])} here)" for name in names
    )
    sentence = f"run {other.id} ({other.config.label}) differs from this new run only in {differences}"
    if names == ("steps",) and other.step() and other.steps < run.steps:
        return f"{sentence}; to train that one further instead, give --continue-from {other.id}."
    return f"{sentence}; if that one was meant, give its command again."


def _place(run: Run) -> tuple[object, ...]:
    config = run.config
    dataset = None if config.dataset is None else config.dataset.name
    return (config.method, config.variant, config.direction, config.seed, dataset, config.origin is None)


def _name(field: str) -> str:
    """What people call a field: `frozen.vgg` is the weights of vgg."""
    network = field.removeprefix("frozen.")
    return NAMES.get(field, field) if network == field else f"the weights of {network}"


def _text(name: str, value: str) -> str:
    return value_text(name, json.loads(value))
