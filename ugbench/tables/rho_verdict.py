"""From records to the verdict on a learnt share, rho, and the verdict in words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from ugbench import registry
from ugbench.direction import DIRECTIONS
from ugbench.errors import UsageError
from ugbench.scoring.record import ScoreRecord
from ugbench.statistics.adaptation import SHAPE, TEXTURE, Error, Plan, Rho, Setting, Verdict, judge
from ugbench.statistics.equivalence import Contrast, three_decimals
from ugbench.tables.numbers import with_error
from ugbench.tables.rho_records import RhoRecord

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
    """Both answers, then the figures that they rest on; each can be read without the plan.

    A claim stands beside a figure only where the answer allows one: none under too few seeds, none about rho where it
    is not identified, none about errors where the arms learnt nothing.
    """
    out = [f"Does rho adapt? {_adapts(own)}", f"Does learning rho pay? {_pays(own)}"]
    if own.left_out:
        out.append(f"Left out, since a run or a score of theirs is missing: seeds {', '.join(map(str, own.left_out))}.")
    tested = own.answer != "not testable"
    for one in own.meetings:
        first, second = one.starts
        what = f"Rho at {where(one.setting)}, from {second:g} minus from {first:g}"
        out.append(_told(what, one.difference, _equal(one.difference) if tested else ""))
    if own.placebo is not None:
        what = "Rho in the placebo, of A to B minus of B to A"
        out.append(_told(what, own.placebo, _equal(own.placebo) if tested else ""))
    if own.moves is not None:
        what = f"Rho at {where(TEXTURE)} minus rho at {where(SHAPE)}"
        claims = {"not testable": "", "not identified": "not tested, since rho is not identified"}
        out.append(_told(what, own.moves, claims.get(own.answer, _claim(own.moves))))
    for place, gain in own.pays.items():
        what = f"Error left with the learnt rho minus error left with rho fixed at {place:g}"
        claims = {"not testable": "", "not learnt": f"not tested, since nothing was learnt {_unlearnt(own)}"}
        out.append(_told(what, gain, claims.get(own.worth, _claim(gain))))
    if len(own.seeds) > 1:
        margins = " Within a margin: the larger p of two one-sided t-tests, at 5 %." if tested else ""
        out.append(f"In brackets: 95 % t intervals over {len(own.seeds)} seeds.{margins}")
    return out


def where(setting: Setting) -> str:
    """A setting in words."""
    return f"shape {setting.shape:g}, texture {setting.texture:g}"


def _adapts(own: Verdict) -> str:
    if own.answer == "not testable":
        seeds = f"{len(own.seeds)} whole seed{'' if len(own.seeds) == 1 else 's'}"
        return f"Not testable: {seeds}, and {own.needed} are needed."
    if own.answer == "not identified":
        return f"Not identified: {'; '.join(_unmet(own))}."
    if own.answer == "does not adapt" and own.moves is not None:
        alike = f"it ends alike to within {own.moves.margin:g}"
        return f"Does not adapt: {alike}; so would a rho that its rate shakes over all of [0, 1]."
    if own.answer == "adapts" and own.moves is not None:
        way = "higher" if own.moves.mean > 0 else "lower"
        paper = "as the paper says" if own.moves.mean > 0 else "against what the paper says"
        return f"Adapts: it ends {way} where texture alone changes than where shape alone does, {paper}."
    return "Undecided: neither a difference nor its absence is shown."


def _unmet(own: Verdict) -> list[str]:
    """Which of the conditions for calling rho identified failed."""
    apart = list(dict.fromkeys(where(one.setting) for one in own.meetings if not one.difference.is_within))
    found = [f"at {' and at '.join(apart)} rho is not shown to end at one place wherever it starts"] if apart else []
    if own.placebo is not None and not own.placebo.is_within:
        found.append("in the placebo the two generators' rhos are not shown to end alike")
    return found


def _pays(own: Verdict) -> str:
    if own.worth == "does not pay":
        as_good = [(f"{place:g}", gain.margin) for place, gain in own.pays.items() if gain.is_within]
        places, margin = " and with it at ".join(place for place, _ in as_good), as_good[0][1]
        return (
            f"Does not pay: with rho fixed at {places}, at most {margin:g} more error is left than with the learnt one."
        )
    if own.worth == "pays":
        margin = min(gain.margin for gain in own.pays.values())
        places = " and at ".join(f"{place:g}" for place in own.pays)
        each = " each" if len(own.pays) > 1 else ""
        return f"Pays: less error is left than with rho fixed at {places}, by more than {margin:g}{each}."
    return {
        "not testable": "Not testable either.",
        "not learnt": f"Not learnt: {_unlearnt(own)} the arms leave as much error as untouched images have, so there "
        "is nothing to compare.",
        "undecided": "Undecided: neither that it pays nor that it does not is shown.",
    }[own.worth]


def _unlearnt(own: Verdict) -> str:
    return " and ".join(f"at {where(setting)}" for setting in own.unlearnt)


def _told(what: str, one: Contrast, claim: str) -> str:
    return f"{what}: {one.text()}{'; ' if claim else ''}{claim}."


def _equal(one: Contrast) -> str:
    """Whether a difference is shown to be none, but for its margin."""
    if one.within is None or one.narrow is None:
        return ""
    if one.is_within:
        return f"shown to lie within ±{one.margin:g} (p {one.within:.2g})"
    low, high = map(three_decimals, one.narrow)
    return f"not shown to lie within ±{one.margin:g} (p {one.within:.2g}, 90 % interval [{low}, {high}])"


def _claim(one: Contrast) -> str:
    """What is shown of a difference against its margin."""
    if one.adjusted is None or one.within is None:
        return ""
    beyond, within = (
        (f"to be beyond ±{one.margin:g}", "to lie within it")
        if one.side == "both"
        else (f"to be below -{one.margin:g}", "not to be")
    )
    if one.is_beyond:
        return f"shown {beyond} (p {one.adjusted:.2g} after Holm)"
    if one.is_within:
        alone = f"to lie within ±{one.margin:g}" if one.side == "both" else f"not to be below -{one.margin:g}"
        return f"shown {alone} (p {one.within:.2g})"
    return f"shown neither {beyond} (p {one.adjusted:.2g} after Holm) nor {within} (p {one.within:.2g})"
