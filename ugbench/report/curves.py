"""Which runs of a data set have their curves drawn in the report: a chart with hundreds of lines shows nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from ugbench.runs.files import is_file
from ugbench.runs.run import Run
from ugbench.runs.training_log import Curve, read_curves

MOST_RUNS = 20  # runs of a data set whose curves are drawn


@dataclass(frozen=True)
class Curves:
    """The logged curves that are drawn.

    Attributes:
        logs: curves by the label of the run, then by key.
        note: a sentence that says which runs are left out; empty if none is.
    """

    logs: Mapping[str, Mapping[str, Curve]]
    note: str


def collect_curves(
    runs_by_label: Mapping[str, Run], configurations: Mapping[str, str], most: int = MOST_RUNS
) -> Curves:
    """The curves of at most `most` runs; the logs of other runs are not read.

    First comes the lowest seed of each method, variant and configuration, then the second lowest of each, and so on.

    Args:
        runs_by_label: the runs of a data set, by labels that all differ.
        configurations: the label of each run's method, variant and configuration, by the run's id.
    Raises:
        RunError: a log that is read is damaged.
    """
    with_log = {label: run for label, run in runs_by_label.items() if is_file(run.metrics_file)}
    seeds: dict[str, list[str]] = {}
    for label, run in sorted(with_log.items(), key=lambda item: _place(item[1], configurations)):
        seeds.setdefault(configurations[run.id], []).append(label)
    in_turn = [label for of_turn in zip_longest(*seeds.values()) for label in of_turn if label is not None]
    chosen = set(in_turn[:most])
    note = ""
    if len(in_turn) > len(chosen):
        note = (
            f"The curves of {len(chosen)} of {len(in_turn)} runs are drawn: of the lowest seed of each method, variant "
            f"and configuration, then of the next seed of each, until there are {most}. `ugbench figure losses --run "
            "RUN` draws others."
        )
    return Curves({label: read_curves(run) for label, run in with_log.items() if label in chosen}, note)


def _place(run: Run, configurations: Mapping[str, str]) -> tuple[str, int, str]:
    return configurations[run.id], run.config.seed or 0, run.id
