"""The figure of the dial study: where learnt rho ends in each setting, and the error that each arm leaves there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.dial_study import rho_records
from benchmarks.dial_study.design import Arm, Setting
from benchmarks.dial_study.measurements import DIRECTION, Measurements, gather
from ugbench.figures import _style
from ugbench.runs.filters import select_datasets
from ugbench.scoring import record
from ugbench.statistics.equivalence import against_margin

LEARNT_MARKERS, FIXED_MARKERS = ("o", "s", "^", "D", "v"), ("x", "+", "1", "2")
ARMS_WIDTH = 0.6  # of the distance between two settings, over which the arms are spread
SEEDS_WIDTH = 0.1  # of the same distance, over which the seeds of an arm are spread
EDGE = {"markeredgecolor": "black", "markeredgewidth": 0.7, "linestyle": "none"}
MarkerStyles = Mapping[Arm, dict[str, Any]]


def draw(results: Path, dataset: str | None = None) -> Figure:
    """Left: rho at the last step, one point per run and one marker per start. Right: mean errors, 95 % intervals.

    It needs rho.jsonl and scores.jsonl under the results only, so it also draws records without runs.

    Args:
        dataset: draw only this data set. None means all.
    Raises:
        UsageError: there is no record of a rho, or there are records of several studies.
        RunError: a line of a file is no record.
    """
    rhos = select_datasets(
        rho_records.read_all(results),
        lambda rho: rho.dataset,
        () if dataset is None else (dataset,),
        results,
        "rho.jsonl",
        "`python -m benchmarks.dial_study run` makes them",
    )
    measurements = gather(rhos, record.read_all(results))
    starts = sorted({key.start for key in measurements.rhos})
    fixed_rhos = sorted({key.arm.rho for key in measurements.errors if not key.arm.learnt})
    styles = {Arm(True, start): _learnt_style(index, len(starts)) for index, start in enumerate(starts)}
    styles |= {Arm(False, rho): _fixed_style(index) for index, rho in enumerate(fixed_rhos)}
    with _style.settings():
        figure = _style.blank(_style.WIDTH, 2.7)
        left, right = figure.subplots(1, 2)
        _draw_rhos(left, measurements, styles)
        _draw_errors(right, measurements, styles)
        handles = [left.plot([], [], **style)[0] for style in styles.values()]
        labels = [str(arm) for arm in styles]
        figure.legend(handles, labels, title="rho", title_fontsize=7, loc="outside right upper", handletextpad=0.2)
    return figure


def _draw_rhos(panel: Axes, measurements: Measurements, styles: MarkerStyles) -> None:
    settings = measurements.settings()
    learnt = [arm for arm in styles if arm.learnt]
    seeds = sorted({key.seed for key in measurements.rhos})
    for index, arm in enumerate(learnt):
        rhos = {k: v for k, v in measurements.rhos.items() if (k.direction, k.start) == (DIRECTION, arm.rho)}
        x = [
            settings.index(key.setting)
            + _offset(index, len(learnt), ARMS_WIDTH)
            + _offset(seeds.index(key.seed), len(seeds), SEEDS_WIDTH)
            for key in rhos
        ]
        panel.plot(x, list(rhos.values()), **styles[arm])
    panel.set_ylim(-0.02, 1.02)
    panel.set_ylabel("rho at the last step")
    panel.set_title("rho of A to B, a point a run", loc="left")
    _settings_axis(panel, settings)


def _draw_errors(panel: Axes, measurements: Measurements, styles: MarkerStyles) -> None:
    errors = measurements.errors
    settings = [s for s in measurements.settings() if any(key.setting == s for key in errors)]
    settings = settings or measurements.settings()
    for index, arm in enumerate(styles):
        for position, setting in enumerate(settings):
            values = [value for key, value in errors.items() if key[:2] == (setting, arm)]
            if not values:
                continue
            mean = against_margin(values, 1.0)  # for its mean and interval; they do not depend on the margin
            x = position + _offset(index, len(styles), ARMS_WIDTH)
            if mean.low is not None and mean.high is not None:
                panel.plot([x, x], [mean.low, mean.high], color="0.45", linewidth=0.8, zorder=1)
            panel.plot([x], [mean.mean], **styles[arm])
    panel.set_ylabel("changed, mean of both directions")
    several_seeds = len({key.seed for key in errors}) > 1
    panel.set_title(f"error left{', mean and 95 % interval over seeds' if several_seeds else ''}", loc="left")
    _settings_axis(panel, settings)


def _offset(index: int, count: int, width: float) -> float:
    """Where the one with this index of `count` stands, if they are spread evenly over `width` around 0."""
    return width * (index / (count - 1) - 0.5) if count > 1 else 0.0


def _learnt_style(index: int, count: int) -> dict[str, Any]:
    """A different marker for each start, filled from white to black, so that grey prints show which is which."""
    shade = str(1 - index / max(count - 1, 1))
    marker = LEARNT_MARKERS[index % len(LEARNT_MARKERS)]
    return {**EDGE, "marker": marker, "markerfacecolor": shade, "markersize": 4}


def _fixed_style(index: int) -> dict[str, Any]:
    return {**EDGE, "marker": FIXED_MARKERS[index % len(FIXED_MARKERS)], "markersize": 5}


def _settings_axis(panel: Axes, settings: Sequence[Setting]) -> None:
    labels = [f"{setting.shape:g}, {setting.texture:g}" for setting in settings]
    panel.set_xticks(range(len(settings)), labels)
    panel.set_xlabel("shape, texture")
    panel.set_xlim(-0.5, len(settings) - 0.5)
    for position in range(1, len(settings)):
        panel.axvline(position - 0.5, color="0.85", linewidth=0.6, zorder=0)
