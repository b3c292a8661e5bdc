"""The verdict of the dial study in words."""

from benchmarks.dial_study.design import SHAPE, TEXTURE
from benchmarks.dial_study.verdict import Verdict
from ugbench.statistics.equivalence import Contrast, three_decimals


def sentences(verdict: Verdict) -> list[str]:
    """Both answers, then the contrasts that they rest on; each sentence can be read without the plan.

    A claim about a contrast is made only where the answer allows one: not if there are too few seeds, not about rho if
    rho is not identified, and not about errors if the arms learnt nothing.
    """
    lines = [f"Does rho adapt? {_adapts(verdict)}", f"Does learning rho pay? {_pays(verdict)}"]
    if verdict.left_out:
        seeds = ", ".join(map(str, verdict.left_out))
        lines.append(f"Left out, since a run or a score of theirs is missing: seeds {seeds}.")
    testable = verdict.answer != "not testable"
    for start in verdict.meetings:
        first, second = start.starts
        what = f"Rho at {start.setting}, from {second:g} minus from {first:g}"
        lines.append(_sentence(what, start.difference, _equality_claim(start.difference) if testable else ""))
    if verdict.placebo is not None:
        what = "Rho in the placebo, of A to B minus of B to A"
        lines.append(_sentence(what, verdict.placebo, _equality_claim(verdict.placebo) if testable else ""))
    if verdict.moves is not None:
        what = f"Rho at {TEXTURE} minus rho at {SHAPE}"
        no_claim = {"not testable": "", "not identified": "not tested, since rho is not identified"}
        lines.append(_sentence(what, verdict.moves, no_claim.get(verdict.answer, _claim(verdict.moves))))
    for fixed_rho, difference in verdict.pays.items():
        what = f"Error left with the learnt rho minus error left with rho fixed at {fixed_rho:g}"
        no_claim = {"not testable": "", "not learnt": f"not tested, since nothing was learnt {_unlearnt(verdict)}"}
        lines.append(_sentence(what, difference, no_claim.get(verdict.worth, _claim(difference))))
    if len(verdict.seeds) > 1:
        margins = " Within a margin: the larger p of two one-sided t-tests, at 5 %." if testable else ""
        lines.append(f"In brackets: 95 % t intervals over {len(verdict.seeds)} seeds.{margins}")
    return lines


def _adapts(verdict: Verdict) -> str:
    if verdict.answer == "not testable":
        seeds = f"{len(verdict.seeds)} whole seed{'' if len(verdict.seeds) == 1 else 's'}"
        return f"Not testable: {seeds}, and {verdict.needed} are needed."
    if verdict.answer == "not identified":
        return f"Not identified: {'; '.join(_failed_conditions(verdict))}."
    if verdict.answer == "does not adapt" and verdict.moves is not None:
        alike = f"it ends alike to within {verdict.moves.margin:g}"
        return f"Does not adapt: {alike}; so would a rho that its rate shakes over all of [0, 1]."
    if verdict.answer == "adapts" and verdict.moves is not None:
        comparison = "higher" if verdict.moves.mean > 0 else "lower"
        paper = "as the paper says" if verdict.moves.mean > 0 else "against what the paper says"
        return f"Adapts: it ends {comparison} where texture alone changes than where shape alone does, {paper}."
    return "Undecided: neither a difference nor its absence is shown."


def _failed_conditions(verdict: Verdict) -> list[str]:
    """Which of the conditions for calling rho identified failed."""
    apart = dict.fromkeys(str(start.setting) for start in verdict.meetings if not start.difference.is_within)
    failed = [f"at {' and at '.join(apart)} rho is not shown to end at one place wherever it starts"] if apart else []
    if verdict.placebo is not None and not verdict.placebo.is_within:
        failed.append("in the placebo the two generators' rhos are not shown to end alike")
    return failed


def _pays(verdict: Verdict) -> str:
    if verdict.worth == "does not pay":
        as_good = {rho: contrast for rho, contrast in verdict.pays.items() if contrast.is_within}
        rhos = " and with it at ".join(f"{rho:g}" for rho in as_good)
        margin = max(contrast.margin for contrast in as_good.values())
        return (
            f"Does not pay: with rho fixed at {rhos}, at most {margin:g} more error is left than with the learnt one."
        )
    if verdict.worth == "pays":
        margin = min(contrast.margin for contrast in verdict.pays.values())
        rhos = " and at ".join(f"{rho:g}" for rho in verdict.pays)
        return f"Pays: less error is left than with rho fixed at {rhos}, by more than {margin:g} each."
    return {
        "not testable": "Not testable either.",
        "not learnt": f"Not learnt: {_unlearnt(verdict)} the arms leave as much error as untouched images have, so "
        "there is nothing to compare.",
        "undecided": "Undecided: neither that it pays nor that it does not is shown.",
    }[verdict.worth]


def _unlearnt(verdict: Verdict) -> str:
    return " and ".join(f"at {setting}" for setting in verdict.unlearnt)


def _sentence(what: str, contrast: Contrast, claim: str) -> str:
    return f"{what}: {contrast.text()}{'; ' if claim else ''}{claim}."


def _equality_claim(contrast: Contrast) -> str:
    """Whether the mean is shown to lie within the margin."""
    if contrast.within is None or contrast.narrow is None:
        return ""
    if contrast.is_within:
        return f"shown to lie within ±{contrast.margin:g} (p {contrast.within:.2g})"
    low, high = map(three_decimals, contrast.narrow)
    interval = f"90 % interval [{low}, {high}]"
    return f"not shown to lie within ±{contrast.margin:g} (p {contrast.within:.2g}, {interval})"


def _claim(contrast: Contrast) -> str:
    """Whether the mean is shown to lie beyond the margin, within it, or neither."""
    if contrast.adjusted is None or contrast.within is None:
        return ""
    beyond, within, within_alone = (
        (f"to be beyond ±{contrast.margin:g}", "to lie within it", f"to lie within ±{contrast.margin:g}")
        if contrast.side == "both"
        else (f"to be below -{contrast.margin:g}", "not to be", f"not to be below -{contrast.margin:g}")
    )
    if contrast.is_beyond:
        return f"shown {beyond} (p {contrast.adjusted:.2g} after Holm)"
    if contrast.is_within:
        return f"shown {within_alone} (p {contrast.within:.2g})"
    return f"shown neither {beyond} (p {contrast.adjusted:.2g} after Holm) nor {within} (p {contrast.within:.2g})"
