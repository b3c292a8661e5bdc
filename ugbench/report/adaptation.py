"""From records to the verdict on a learnt share, rho, and the verdict in words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from ugbench import registry
from ugbench.errors import UsageError
from ugbench.method import DIRECTIONS
from ugbench.report.layout import with_error
from ugbench.report.rho_records import RhoRecord
from ugbench.scoring.record import ScoreRecord
from ugbench.statistics.adaptation import Error, Plan, Rho, Setting, Verdict, judge
from ugbench.statistics.margins import Contrast

ERROR = "changed"


@dataclass(frozen=True)
class Study:
    """What a study of one method measured, one value a run: final rho, and error left, the mean of both directions.

    Attributes:
        plan: what of it the verdict is on.
    """

    method: str
    plan: Plan
    rhos: Mapping[Rho, float]
    errors: Mapping[Error, float]


def gather(
    rhos: Iterable[RhoRecord], scores: Iterable[ScoreRecord], method: str, seeds: Iterable[int] | None = None
) -> Study:
    """The study of a method in records, oldest first; of several of one run the newest counts.

    Scores on data sets of which there is no rho, after other numbers of steps, of a checkpoint that was selected, and
    of variants that are no arms of the study, are not read.

    Args:
        seeds: that were declared; None for those of which there is a rho or a score.
    Raises:
        UsageError: the records are of several studies: of several dials of one setting, several numbers of steps,
            several runs of one arm and seed, or scores of several protocols.
    """
    own = [one for one in rhos if one.method == method]
    adaptation = registry.load_method(method).adaptation
    assert adaptation is not None
    settings = {one.dataset: Setting(one.shape, one.texture) for one in own}
    for setting in set(settings.values()):
        _only((name for name, its in settings.items() if its == setting), f"data sets at {where(setting)}")
    _only((f"{one.step:,}" for one in own), "numbers of steps")
    steps = {one.step for one in own}
    arms = {variant: (True, start) for variant, start in adaptation.learnt.items()}
    arms |= {variant: (False, place) for variant, place in adaptation.fixed.items()}
    counted = [
        one
        for one in scores
        if (one.metric, one.method) == (ERROR, method)
        and one.variant in arms
        and one.seed is not None
        and one.dataset in settings
        and one.step in steps
        and not one.selected
    ]
    _only((one.protocol_id for one in counted), f"protocols of {ERROR}")
    runs: dict[tuple[Setting, str, int], set[str]] = defaultdict(set)
    for rho in own:
        runs[settings[rho.dataset], rho.variant, rho.seed].add(rho.run)
    for score in counted:
        runs[settings[score.dataset], str(score.variant), int(score.seed or 0)].add(score.run)
    for (setting, variant, seed), ids in runs.items():
        _only(ids, f"runs of {variant}, seed {seed}, at {where(setting)}")
    ways: dict[Error, dict[str, float]] = {}
    for score in counted:
        key = Error(settings[score.dataset], *arms[str(score.variant)], int(score.seed or 0))
        ways.setdefault(key, {})[score.direction] = score.value
    return Study(
        method,
        Plan(
            tuple(adaptation.learnt.values()),
            tuple(adaptation.fixed.values()),
            tuple(sorted({seed for _, _, seed in runs} if seeds is None else seeds)),
        ),
        {Rho(settings[r.dataset], r.direction, r.start, r.seed): r.value for r in own},
        {key: fmean(values.values()) for key, values in ways.items() if len(values) == len(DIRECTIONS)},
    )


def _only(found: Iterable[str], what: str) -> None:
    """Raises UsageError where there are several."""
    names = sorted(set(found))
    if len(names) > 1:
        raise UsageError(
            f"these records are of several {what} ({', '.join(names)}), so of several studies; keep each in a "
            "--results folder of its own, or choose one by --dataset or --run."
        )


def verdict(study: Study) -> Verdict:
    """What `ugbench.statistics.adaptation.judge` says of it."""
    return judge(study.rhos, study.errors, study.plan)


HEADER = ("shape, texture", "rho", "rho A to B", "rho B to A", ERROR)


def means(study: Study) -> list[tuple[str, ...]]:
    """A row a setting and arm under HEADER: where rho ended and the error left, means over seeds ± standard error."""
    arms = [(True, start) for start in study.plan.starts] + [(False, place) for place in study.plan.places]
    rows = []
    for setting in settings_of(study):
        for learnt, rho in arms:
            ends = [
                _mean([v for k, v in study.rhos.items() if learnt and k[:3] == (setting, direction, rho)])
                for direction in DIRECTIONS
            ]
            error = _mean([v for k, v in study.errors.items() if k[:3] == (setting, learnt, rho)])
            if any((*ends, error)):
                rows.append((f"{setting.shape:g}, {setting.texture:g}", arm_name(learnt, rho), *ends, error))
    return rows


def settings_of(study: Study) -> list[Setting]:
    """Where there is a rho (errors are read nowhere else): the placebo, shape, texture, then what changes more."""
    return sorted({key.setting for key in study.rhos}, key=lambda one: (one.shape + one.texture, -one.shape))


def arm_name(learnt: bool, rho: float) -> str:
    """`learnt from 0.5`, `fixed at 1`."""
    return f"learnt from {rho:g}" if learnt else f"fixed at {rho:g}"


def _mean(values: list[float]) -> str:
    """`0.512 ± 0.021`; empty where there are none."""
    if not values:
        return ""
    se = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return with_error(fmean(values), se)


def to_json(own: Verdict) -> dict[str, Any]:
    """All fields, with the sentences."""
    fields = asdict(own)
    fields["pays"] = {f"{place:g}": one for place, one in fields["pays"].items()}
    return {**fields, "text": sentences(own)}


def sentences(own: Verdict) -> list[str]:
    """Both answers, then the figures that they rest on.

    A claim stands beside a figure only where the answer allows one: none under too few seeds, none about rho where it
    is not identified, none about errors where the arms learnt nothing.
    """
    out = [f"Does rho adapt? {_adapts(own)}", f"Does learning rho pay? {_pays(own)}"]
    if own.left_out:
        out.append(f"Left out, since a run or a score of theirs is missing: seeds {', '.join(map(str, own.left_out))}.")
    tested = own.answer != "not testable"
    for one in own.meetings:
        first, second = one.starts
        said = _within(one.difference, "meet") if tested else one.difference.text()
        out.append(f"At {where(one.setting)}, rho from {second:g} less rho from {first:g}: {said}.")
    if own.placebo is not None:
        said = _within(own.placebo, "agree") if tested else own.placebo.text()
        out.append(f"Placebo, rho of A to B less that of B to A: {said}.")
    if own.moves is not None:
        said = _claim(own.moves) if own.answer not in ("not testable", "not identified") else own.moves.text()
        out.append(f"Rho where texture alone changes less where shape alone does: {said}.")
    for place, gain in own.pays.items():
        said = _claim(gain) if own.worth not in ("not testable", "not learnt") else gain.text()
        out.append(f"Error left with the learnt rho less with rho fixed at {place:g}: {said}.")
    if own.seeds:
        out.append(f"In brackets: 95 % intervals over {len(own.seeds)} seeds; p within a margin: of two tests at 5 %.")
    return out


def where(setting: Setting) -> str:
    """A setting in words."""
    return f"shape {setting.shape:g}, texture {setting.texture:g}"


def _adapts(own: Verdict) -> str:
    if own.answer == "not testable":
        seeds = f"{len(own.seeds)} whole seed{'' if len(own.seeds) == 1 else 's'}"
        return f"Not testable: {seeds}, and {own.needed} are needed."
    if own.answer == "not identified":
        return "Not identified: it is not shown to forget where it starts, or to end alike where it has the same to do."
    if own.answer == "does not adapt":
        return "Does not adapt: it ends alike; so would a rho that its rate shakes over all of [0, 1]."
    if own.answer == "adapts" and own.moves is not None:
        way = "higher" if own.moves.mean > 0 else "lower"
        paper = "as the paper says" if own.moves.mean > 0 else "against what the paper says"
        return f"Adapts: it ends {way} where texture alone changes, {paper}."
    return "Undecided: neither a difference nor its absence is shown."


def _pays(own: Verdict) -> str:
    return {
        "not testable": "Not testable either.",
        "not learnt": "Not learnt: the arms leave as much error as untouched images have, so there is nothing to "
        "compare.",
        "pays": "Pays: no fixed rho, 0 or 1, leaves as little error.",
        "does not pay": "Does not pay: a fixed rho is shown to leave no more error, but for the margin.",
        "undecided": "Undecided: neither that it pays nor that it does not is shown.",
    }[own.worth]


def _within(one: Contrast, verb: str) -> str:
    said = f"they {verb}" if one.is_within else f"not shown to {verb}"
    p = "" if one.within is None else f" (p {one.within:.2g})"
    return f"{one.text()}, {said} to within {one.margin:g}{p}"


def _claim(one: Contrast) -> str:
    both = one.side == "both"
    beyond, within = (
        (f"beyond ±{one.margin:g}", f"within ±{one.margin:g}")
        if both
        else (f"below -{one.margin:g}", f"not below -{one.margin:g}")
    )
    if one.is_beyond:
        said = beyond
    elif one.is_within:
        said = within
    else:
        said = f"shown neither {beyond} nor {within}"
    return f"{one.text()}, {said} (Holm p of {beyond} {one.adjusted:.2g}, p of {within} {one.within:.2g})"
