"""What every figure gets as input, and how figures are saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.figures._curves import rho_by_network
from ugbench.runs.configurations import run_labels
from ugbench.runs.filters import select_datasets
from ugbench.runs.output_file import output_file
from ugbench.runs.run import Run, list_runs
from ugbench.runs.training_log import Curve, read_curves

SUFFIXES = (".png", ".pdf")


@dataclass(frozen=True)
class FigureContext:
    """The input of a figure's `draw`.

    Attributes:
        results: the results folder.
        runs: the runs to draw, in the order of columns or legends; empty for all runs under `results`.
        dataset: draw only runs of this data set (the name of its folder under `results`); None for all.
        direction: draw only this direction; None for both.
        limit: largest number of test images per direction, in figures of images.
        metrics: draw only these metrics, in figures of scores, or rank by this one; empty for all.
        names: write the name of each image's file, without its suffix, beside its row, in figures of images.
        every: draw every n-th test image in the order of their names, in place of `limit` of them; None for `limit`.
    """

    results: Path
    runs: Sequence[Run] = ()
    dataset: str | None = None
    direction: Direction | None = None
    limit: int = 6
    metrics: Sequence[str] = ()
    names: bool = False
    every: int | None = None

    def selected_runs(self) -> list[Run]:
        """The runs to draw.

        Raises:
            UsageError: there are none, or `runs` are of other data sets than `dataset`.
        """
        runs = self.runs or list_runs(self.results)
        datasets = () if self.dataset is None else (self.dataset,)
        if self.runs and self.dataset not in (None, *map(dataset_name, self.runs)):
            names = ", ".join(sorted(set(map(dataset_name, self.runs))))
            raise UsageError(f"--dataset {self.dataset}: the runs given by --run are of {names}; leave one option out.")
        return select_datasets(runs, dataset_name, datasets, self.results, "runs", "train one with `ugbench train`")

    def selected_runs_of_one_dataset(self) -> list[Run]:
        """The runs to draw, for figures that show one data set only.

        Raises:
            UsageError: there are none, or they are of several data sets.
        """
        runs = self.selected_runs()
        names = sorted({dataset_name(run) for run in runs})
        if len(names) > 1:
            raise UsageError(f"these runs are of several data sets ({', '.join(names)}); choose one: --dataset NAME.")
        return runs


@dataclass(frozen=True)
class RhoLog:
    """The rho that a run has logged.

    Attributes:
        label: name of the run in the figure.
        networks: the curves by network, then by layer.
    """

    label: str
    run: Run
    networks: Mapping[str, Mapping[str, Curve]]


def dataset_name(run: Run) -> str:
    """The name of the data set's folder that holds the run."""
    return run.dataset_folder.name


def label_runs(runs: Iterable[Run]) -> list[str]:
    """A short label for each run, all different: method and variant, with seed or id where they are needed.

    Where a method has several configurations, labels name the fields in which they differ. Where the runs are of
    several data sets, every label names its data set.
    """
    runs = list(runs)
    by_run = run_labels(runs)
    several_datasets = len({dataset_name(run) for run in runs}) > 1
    labels = [by_run[run.id] + (f" {dataset_name(run)}" if several_datasets else "") for run in runs]
    seeds = ["" if run.config.seed is None else f" seed {run.config.seed}" for run in runs]
    for additions in (seeds, [f" {run.id}" for run in runs]):
        pairs = list(zip(labels, additions, strict=True))
        counts = Counter(label for label, _ in set(pairs))
        labels = [label + addition if counts[label] > 1 else label for label, addition in pairs]
    return labels


def read_rho_logs(context: FigureContext) -> list[RhoLog]:
    """The rho of each selected run that has logged one.

    Raises:
        UsageError: there are no runs, or none has logged a rho.
        RunError: a line of a metrics.jsonl is damaged.
    """
    runs = context.selected_runs()
    logs = [
        RhoLog(label, run, networks)
        for label, run in zip(label_runs(runs), runs, strict=True)
        if (networks := rho_by_network(read_curves(run)))
    ]
    if not logs:
        raise UsageError(
            f"no run under {context.results} has logged a rho; train a method that learns one, and draw again."
        )
    return logs


def check_suffix(path: Path) -> str:
    """The suffix of a figure's file, in lower case.

    Raises:
        UsageError: it is not one of SUFFIXES.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"--output {path}: a figure is written as {' or '.join(SUFFIXES)}; give it such a name.")
    return suffix


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG (300 dpi) or PDF (with its fonts), by the suffix. Equal figures give equal bytes.

    Raises:
        UsageError: the suffix is another one.
        DiskError: the file cannot be written; an older one stays.
    """
    suffix = check_suffix(path)
    metadata = {"CreationDate": None} if suffix == ".pdf" else {"Software": None}
    # Type 42 embeds the fonts as they are; matplotlib's default, type 3, is refused by many publishers.
    with output_file(path) as file, matplotlib.rc_context({"pdf.fonttype": 42}):
        figure.savefig(file, format=suffix[1:], dpi=300, metadata=metadata)
