"""The study of `ugbench ablate --dial`: dials turned to different shape and texture, and a method's arms on each.

docs/dial-study.md gives the reasons; the numbers here are that plan's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ugbench import registry
from ugbench.data.dial import spec
from ugbench.errors import UsageError
from ugbench.method import Adaptation
from ugbench.statistics.adaptation import PLACEBO, SHAPE, TEXTURE, Setting
from ugbench.study.grid import Arm

SETTINGS = (PLACEBO, SHAPE, TEXTURE)
SEEDS = tuple(range(7))
PRESET, STEPS, SIZE = "smoke", 1000, 32
METRICS = ("changed", "unchanged", "iou")


def fields(
    method: str, adaptation: Adaptation, base: str | None = None, others: Sequence[str] = (), size: int | None = None
) -> dict[str, Any]:
    """The fields of the study, for `ugbench.study.grid.declare`.

    Args:
        base: the dial that is turned; its shape and texture must be left open. Where it says no size, or is None,
            it has that of the runs.
        others: variants beside those of the adaptation.
        size: px of the runs; None is the base's, or the plan's where it says none.
    Raises:
        UsageError: `base` is no dial, or says its own shape or texture.
    """
    _check_open(base or "dial")
    arms = [*adaptation.learnt, *adaptation.fixed]
    placebo, *changes = (turned(_sized(base or "dial", size or SIZE), setting) for setting in SETTINGS)
    side = size or spec.parse_spec(placebo).size
    return {
        "methods": [method],
        "variants": {method: arms + [name for name in others if name not in arms]},
        "datasets": [placebo, *changes],
        # There rho's place alone is asked for, and no error is left to compare.
        "without": {placebo: [Arm(method, variant).label for variant in adaptation.fixed]},
        "seeds": SEEDS,
        "preset": PRESET,
        "steps": STEPS,
        "size": side,
    }


def check_sets(method: str, adaptation: Adaptation, sets: Collection[str]) -> None:
    """That no `--set` sets what tells the arms apart.

    Raises:
        UsageError: one does.
    """
    variants = registry.load_method(method).VARIANTS
    learnt = [variants[arm] for arm in adaptation.learnt]
    apart = {name for own in learnt for name in own if any(other.get(name) != own[name] for other in learnt)}
    apart |= {name for arm in adaptation.fixed for name in variants[arm]}
    if taken := sorted(set(sets) & apart):
        raise UsageError(f"--set {taken[0]}: the arms of --dial differ in it; leave it out.")


def _sized(base: str, size: int) -> str:
    """The dial with a size, where it says none."""
    kind, _, rest = base.partition(":")
    if any(part.partition("=")[0].strip() == "size" for part in rest.split(",")):
        return base
    return f"{kind}:size={size}" + (f",{rest}" if rest else "")


def _check_open(base: str) -> None:
    kind, _, rest = base.partition(":")
    if kind != "dial":
        raise UsageError(
            f"--dataset {base}: --dial turns a dial, and that is none; give one such as dial:size={SIZE}, or leave "
            "--dataset out."
        )
    if any(part.partition("=")[0].strip() in Setting._fields for part in rest.split(",")):
        raise UsageError(
            f"--dataset {base}: --dial turns a dial's shape and texture itself; give one without them, "
            f"such as dial:size={SIZE}."
        )


def turned(base: str, setting: Setting) -> str:
    """The dial of these settings, as `--dataset` takes it.

    >>> turned("dial:size=32", Setting(1, 0))
    'dial:shape=1,texture=0,size=32'
    """
    _, _, rest = base.partition(":")
    text = f"dial:shape={setting.shape:g},texture={setting.texture:g}" + (f",{rest}" if rest else "")
    spec.parse_spec(text)
    return text
