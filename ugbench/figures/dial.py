"""Where a learnt rho ends on each dial from each start, and what error the arms leave there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ugbench.errors import UsageError
from ugbench.figures import _style
from ugbench.figures._context import FigureContext
from ugbench.runs.filters import select_datasets
from ugbench.scoring import record
from ugbench.statistics.adaptation import DIRECTION, Setting
from ugbench.statistics.equivalence import against_margin
from ugbench.tables.rho_records import read_all
from ugbench.tables.rho_verdict import Study, arm_name, gather, settings_of

TITLE = "where a learnt rho ends on each dial, and the error that learnt and fixed ones leave"

FILLED, OPEN = ("o", "s", "^", "D", "v"), ("x", "+", "1", "2")  # markers of learnt and of fixed rho
SPREAD = 0.6  # of the distance between two settings, over which arms stand side by side
JITTER = 0.1  # over the seeds of an arm
EDGE = {"markeredgecolor": "black", "markeredgewidth": 0.7, "linestyle": "none"}
Arm = tuple[bool, float]  # whether rho is learnt, and from where; else where it is fixed


def draw(context: FigureContext) -> Figure:
    """Left: a point a run, rho at its last step, a marker a start. Right: means over seeds with 95 % intervals.

    Reads rho.jsonl and scores.jsonl under the results alone, so it draws records without runs too.

    Raises:
        UsageError: no record of a rho, of several methods or studies, or a direction that is asked for.
        RunError: a line of a file is no record.
    """
    if context.direction is not None:
        raise UsageError("--direction: the figure is of rho from A to B and of errors over both; leave it out.")
    wanted = {run.id for run in context.runs}
    rhos = [one for one in read_all(context.results) if not wanted or one.run in wanted]
    asked, mend = () if context.dataset is None else (context.dataset,), "`ugbench ablate --dial` makes them"
    rhos = select_datasets(rhos, lambda one: one.dataset, asked, context.results, "rho.jsonl", mend)
    scores = [one for one in record.read_all(context.results) if not wanted or one.run in wanted]
    methods = sorted({one.method for one in rhos})
    if len(methods) > 1:
        raise UsageError(f"these records are of {', '.join(methods)}; name the runs of one: --run RUN.")
    study = gather(rhos, scores, methods[0])
    settings = settings_of(study)
    starts = sorted({key.start for key in study.rhos})
    arms = [(False, place) for place in sorted({key.rho for key in study.errors if not key.learnt})]
    looks = {(True, start): _learnt_look(number, len(starts)) for number, start in enumerate(starts)}
    looks |= {arm: _fixed_look(number) for number, arm in enumerate(arms)}
    with _style.settings():
        figure = _style.blank(_style.WIDTH, 2.7)
        left, right = figure.subplots(1, 2)
        _draw_rhos(left, study, settings, looks)
        _draw_errors(right, study, settings, looks)
        handles = [left.plot([], [], **look)[0] for look in looks.values()]
        labels = [arm_name(*arm) for arm in looks]
        figure.legend(handles, labels, title="rho", title_fontsize=7, loc="outside right upper", handletextpad=0.2)
    return figure


def _draw_rhos(panel: Axes, study: Study, settings: Sequence[Setting], looks: Mapping[Arm, dict[str, Any]]) -> None:
    learnt = [arm for arm in looks if arm[0]]
    seeds = sorted({key.seed for key in study.rhos})
    for number, arm in enumerate(learnt):
        own = {k: v for k, v in study.rhos.items() if (k.direction, k.start) == (DIRECTION, arm[1])}
        aside = [_offset(seeds.index(key.seed), len(seeds), JITTER) for key in own]
        x = [settings.index(k.setting) + _offset(number, len(learnt)) + by for k, by in zip(own, aside, strict=True)]
        panel.plot(x, list(own.values()), **looks[arm])
    panel.set_ylim(-0.02, 1.02)
    panel.set_ylabel("rho at the last step")
    panel.set_title("rho of A to B, a point a run", loc="left")
    _settings_axis(panel, settings)


def _draw_errors(panel: Axes, study: Study, settings: Sequence[Setting], looks: Mapping[Arm, dict[str, Any]]) -> None:
    shown = [setting for setting in settings if any(key.setting == setting for key in study.errors)] or settings
    for number, arm in enumerate(looks):
        for place, setting in enumerate(shown):
            values = [
                value for key, value in study.errors.items() if (key.setting, key.learnt, key.rho) == (setting, *arm)
            ]
            if not values:
                continue
            mean, x = against_margin(values, 1.0), place + _offset(number, len(looks))
            if mean.low is not None and mean.high is not None:
                panel.plot([x, x], [mean.low, mean.high], color="0.45", linewidth=0.8, zorder=1)
            panel.plot([x], [mean.mean], **looks[arm])
    panel.set_ylabel("changed, mean of both directions")
    several = len({key.seed for key in study.errors}) > 1
    panel.set_title(f"error left{', mean and 95 % interval over seeds' if several else ''}", loc="left")
    _settings_axis(panel, shown)


def _offset(number: int, count: int, room: float = SPREAD) -> float:
    return room * (number / (count - 1) - 0.5) if count > 1 else 0.0


def _learnt_look(number: int, count: int) -> dict[str, Any]:
    """A marker of its own, filled from white to black, for grey printers."""
    shade = str(1 - number / max(count - 1, 1))
    return {**EDGE, "marker": FILLED[number % len(FILLED)], "markerfacecolor": shade, "markersize": 4}


def _fixed_look(number: int) -> dict[str, Any]:
    return {**EDGE, "marker": OPEN[number % len(OPEN)], "markersize": 5}


def _settings_axis(panel: Axes, settings: Sequence[Setting]) -> None:
    panel.set_xticks(range(len(settings)), [f"{one.shape:g}, {one.texture:g}" for one in settings])
    panel.set_xlabel("shape, texture")
    panel.set_xlim(-0.5, len(settings) - 0.5)
    for place in range(1, len(settings)):
        panel.axvline(place - 0.5, color="0.85", linewidth=0.6, zorder=0)
