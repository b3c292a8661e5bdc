"""From records to the verdict on a learnt share, rho, and the verdict in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from ugbench import registry
from ugbench.method import DIRECTIONS
from ugbench.report.counted import latest
from ugbench.report.rho_records import RhoRecord
from ugbench.scoring.record import ScoreRecord
from ugbench.statistics.adaptation import Error, Rho, Setting, Verdict, judge
from ugbench.statistics.margins import Contrast

ERROR = "changed"


@dataclass(frozen=True)
class Study:
    """What a study of one method measured, one value a run: final rho, and error left, the mean of both directions."""

    method: str
    rhos: Mapping[Rho, float]
    errors: Mapping[Error, float]


def gather(rhos: Iterable[RhoRecord], scores: Sequence[ScoreRecord], method: str) -> Study:
    """The study of a method in records; of several of one arm, data set and seed the newest counts.

    Scores on data sets of which there is no rho, and of variants that are no arms of the study, are not read.
    """
    own = [one for one in rhos if one.method == method]
    adaptation = registry.load_method(method).adaptation
    assert adaptation is not None
    settings = {one.dataset: Setting(one.shape, one.texture) for one in own}
    arms = {variant: (True, start) for variant, start in adaptation.learnt.items()}
    arms |= {variant: (False, place) for variant, place in adaptation.fixed.items()}
    ways: dict[Error, dict[str, float]] = {}
    for score in latest(scores):
        if (score.metric, score.method) != (ERROR, method) or score.variant not in arms or score.seed is None:
            continue
        if score.dataset in settings:
            key = Error(settings[score.dataset], *arms[score.variant], score.seed)
            ways.setdefault(key, {})[score.direction] = score.value
    errors = {key: fmean(values.values()) for key, values in ways.items() if len(values) == len(DIRECTIONS)}
    rho = {Rho(Setting(r.shape, r.texture), r.direction, r.start, r.seed): r.value for r in own}
    return Study(method, rho, errors)


def verdict(study: Study) -> Verdict:
    """What `ugbench.statistics.adaptation.judge` says of it."""
    return judge(study.rhos, study.errors)


def to_json(own: Verdict) -> dict[str, Any]:
    """All fields, with the sentences."""
    fields = asdict(own)
    fields["pays"] = {f"{place:g}": one for place, one in fields["pays"].items()}
    return {**fields, "text": sentences(own)}


def sentences(own: Verdict) -> list[str]:
    """Both answers, then what they rest on."""
    out = [f"Does rho adapt? {own.answer}.", f"Does learning rho pay? {own.worth}."]
    if own.answer == "not testable":
        out[0] = f"Does rho adapt? Not testable: {len(own.seeds)} whole seeds, and {own.needed} are needed."
        out[1] = "Does learning rho pay? Not testable either."
    else:
        out = [f"{line.partition('? ')[0]}? {line.partition('? ')[2].capitalize()}" for line in out]
    if own.left_out:
        out.append(f"Left out, since a run of theirs is missing: seeds {', '.join(map(str, own.left_out))}.")
    for one in own.meetings:
        first, second = one.starts
        out.append(
            f"At {where(one.setting)}, rho from {second:g} less rho from {first:g}: {_within(one.difference, 'meet')}."
        )
    if own.placebo is not None:
        out.append(f"Placebo, rho of A to B less that of B to A: {_within(own.placebo, 'agree')}.")
    if own.moves is not None:
        out.append(f"Rho where texture alone changes less where shape alone does: {_claim(own.moves)}.")
    out += [
        f"Error left with the learnt rho less with rho fixed at {place:g}: {_claim(one)}."
        for place, one in own.pays.items()
    ]
    return out


def where(setting: Setting) -> str:
    """A setting in words."""
    return f"shape {setting.shape:g}, texture {setting.texture:g}"


def _within(one: Contrast, verb: str) -> str:
    said = f"they {verb}" if one.is_within else f"not shown to {verb}"
    p = "" if one.within is None else f" (p {one.within:.2g})"
    return f"{one.text()}, {said} to within {one.margin:g}{p}"


def _claim(one: Contrast) -> str:
    bound = f"±{one.margin:g}" if one.side == "both" else f"-{one.margin:g}"
    if one.is_beyond:
        said = f"beyond {bound}"
    elif one.is_within:
        said = f"within {bound}"
    else:
        said = f"neither beyond {bound} nor within"
    p = one.beyond if one.adjusted is None else one.adjusted
    tail = "" if p is None or one.within is None else f" (Holm p of beyond {p:.2g}, p of within {one.within:.2g})"
    return f"{one.text()}, {said}{tail}"
