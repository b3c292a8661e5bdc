"""What every figure is given, and how figures are saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.figures._curves import rho_by_network
from ugbench.runs.filters import select_datasets
from ugbench.runs.run import Run, list_runs
from ugbench.runs.training_log import Curve, read_curves

SUFFIXES = (".png", ".pdf")


@dataclass(frozen=True)
class FigureContext:
    """What a figure's `draw` is given.

    Attributes:
        results: folder of the runs.
        runs: which of them, in order of columns or legends; none for all under `results`.
        dataset: only runs of this data set (its folder's name under `results`); None for all.
        direction: None for both, where a figure tells them apart.
        limit: most test images a direction, in figures of images.
        metrics: only these, in figures of scores; none for all.
    """

    results: Path
    runs: Sequence[Run] = ()
    dataset: str | None = None
    direction: Direction | None = None
    limit: int = 6
    metrics: Sequence[str] = ()

    def chosen(self) -> list[Run]:
        """The runs to draw.

        Raises:
            UsageError: there is none.
        """
        runs = self.runs or list_runs(self.results)
        wanted = () if self.dataset is None else (self.dataset,)
        if self.runs and self.dataset is not None and self.dataset not in map(dataset_name, self.runs):
            there = ", ".join(sorted(set(map(dataset_name, self.runs))))
            raise UsageError(f"--dataset {self.dataset}: the runs that --run names are of {there}; leave one out.")
        return select_datasets(runs, dataset_name, wanted, self.results, "runs", "train one with `ugbench train`")

    def chosen_of_one_dataset(self) -> list[Run]:
        """The runs to draw, in figures that make sense for one data set only.

        Raises:
            UsageError: there is none, or they are of several data sets.
        """
        runs = self.chosen()
        names = sorted({dataset_name(run) for run in runs})
        if len(names) > 1:
            raise UsageError(f"these runs are of several data sets ({', '.join(names)}); draw one: --dataset NAME.")
        return runs


def dataset_name(run: Run) -> str:
    """The data set that a run is filed under: one name is one content."""
    return run.dataset_folder.name


def label_runs(runs: Iterable[Run]) -> list[str]:
    """A short label a run, all different: method and variant, with seed or id where needed.

    Of runs of several data sets every label says which, for one that did not would leave the reader guessing.
    """
    runs = list(runs)
    several = len({dataset_name(run) for run in runs}) > 1
    parts: list[Callable[[Run], str]] = [
        lambda run: "" if run.config.seed is None else f" seed {run.config.seed}",
        lambda run: f" {run.id}",
    ]
    labels = [run.config.label + (f" {dataset_name(run)}" if several else "") for run in runs]
    for part in parts:
        shared = Counter(labels)
        kinds = {label: {part(run) for run, own in zip(runs, labels, strict=True) if own == label} for label in shared}
        labels = [label + (part(run) if len(kinds[label]) > 1 else "") for run, label in zip(runs, labels, strict=True)]
    return labels


def runs_with_rho(context: FigureContext) -> dict[str, tuple[Run, dict[str, dict[str, Curve]]]]:
    """By label each chosen run that has logged a rho, and its curves by network and layer.

    Raises:
        UsageError: no runs, or none that has logged a rho.
        RunError: a line of a metrics.jsonl is damaged.
    """
    runs = context.chosen()
    found = {
        label: (run, own)
        for label, run in zip(label_runs(runs), runs, strict=True)
        if (own := rho_by_network(read_curves(run)))
    }
    if not found:
        raise UsageError(f"no run under {context.results} has logged a rho; only methods that learn one do.")
    return found


def check_suffix(path: Path) -> str:
    """The suffix of a figure's file, in lower case.

    Raises:
        UsageError: no figure is written as that.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"--output {path}: a figure is written as {' or '.join(SUFFIXES)}; give it such a name.")
    return suffix


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG (300 dpi) or PDF (fonts embedded), by the suffix; no date inside: bytes repeat.

    Raises:
        UsageError: another suffix.
    """
    suffix = check_suffix(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"CreationDate": None} if suffix == ".pdf" else {"Software": None}
    # Type 42 embeds the fonts as they are; matplotlib's default, type 3, is refused by many publishers.
    with matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(path, format=suffix[1:], dpi=300, metadata=metadata)
