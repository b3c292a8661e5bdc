"""What the dial study trains: U-GAT-IT's arms on dials that change shape alone, texture alone, or neither.

docs/dial-study.md, section "Runs", gives the reasons.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from ugbench.data.dial import spec
from ugbench.direction import Direction
from ugbench.errors import UsageError


class Setting(NamedTuple):
    """How much the shape and the texture of a dial change, each from 0 to 1."""

    shape: float
    texture: float

    def __str__(self) -> str:
        return f"shape {self.shape:g}, texture {self.texture:g}"


class Arm(NamedTuple):
    """A variant of U-GAT-IT: rho is learnt and starts at `rho`, or it is fixed at `rho`."""

    learnt: bool
    rho: float

    def __str__(self) -> str:
        return f"learnt from {self.rho:g}" if self.learnt else f"fixed at {self.rho:g}"


METHOD = "ugatit"
# All arms of a seed start from the same other weights and see the same batches, so that a seed pairs them.
ARMS = {
    "rho-from-0": Arm(True, 0.0),
    "rho-from-05": Arm(True, 0.5),
    "rho-from-1": Arm(True, 1.0),
    "rho0": Arm(False, 0.0),
    "adain": Arm(False, 1.0),
}
STARTS = tuple(arm.rho for arm in ARMS.values() if arm.learnt)
FIXED_RHOS = tuple(arm.rho for arm in ARMS.values() if not arm.learnt)
# The beginning of the names of the logged scalars of which the mean is rho: the decoder's AdaLIN layers, without the
# LIN of the upsampling layers, which the paper's claim is not about.
RHO_SCALARS: dict[Direction, str] = {"A2B": "rho/generator_a2b.decoder.", "B2A": "rho/generator_b2a.decoder."}

PLACEBO, SHAPE, TEXTURE = Setting(0, 0), Setting(1, 0), Setting(0, 1)
SETTINGS = (PLACEBO, SHAPE, TEXTURE)
SEEDS = tuple(range(7))
PRESET, STEPS, SIZE = "smoke", 1000, 32
METRICS = ("changed", "unchanged", "iou")


def study_fields(base: str = "dial", more_variants: Sequence[str] = (), size: int | None = None) -> dict[str, Any]:
    """The study as the fields of a file that `ugbench compare --study` reads.

    Args:
        base: the dial of which the shape and texture are set, so it must leave both open.
        more_variants: variants of U-GAT-IT to run in addition to the arms.
        size: image size of the runs, px. None means the size that `base` gives, or SIZE if it gives none. A `base`
            without a size is drawn at this size too.
    Raises:
        UsageError: `base` is no dial, or gives its own shape or texture.
        DataError: a field of `base` has a value that a dial cannot have.
    """
    kind, _, settings = base.partition(":")
    names = {field.partition("=")[0].strip() for field in settings.split(",")}
    if kind != "dial":
        raise UsageError(
            f"--dataset {base}: this is no dial; give one such as dial:size={SIZE}, or leave --dataset out."
        )
    if names & set(Setting._fields):
        raise UsageError(
            f"--dataset {base}: the study sets shape and texture itself; give a dial without them, "
            f"such as dial:size={SIZE}."
        )
    if "size" not in names:
        base = f"dial:size={size or SIZE}" + (f",{settings}" if settings else "")
    datasets = [dial_with(base, setting) for setting in SETTINGS]
    fixed = [variant for variant, arm in ARMS.items() if not arm.learnt]
    return {
        "methods": [METHOD],
        "variants": {METHOD: list(dict.fromkeys([*ARMS, *more_variants]))},
        "datasets": datasets,
        # In the placebo only rho itself is measured: nothing should change, so there are no errors to compare.
        "without": {datasets[0]: [f"{METHOD}-{variant}" for variant in fixed]},
        "seeds": list(SEEDS),
        "preset": PRESET,
        "steps": STEPS,
        "size": size or spec.parse_spec(datasets[0]).size,
    }


def to_toml(fields: dict[str, Any]) -> str:
    """The fields of a study as TOML. Their values are numbers, texts, lists of these, and tables of such lists.

    >>> print(to_toml({"steps": 9, "variants": {"ugatit": ["rho0"]}}), end="")
    steps = 9
    variants = {"ugatit" = ["rho0"]}
    """
    return "".join(f"{key} = {_toml_value(value)}\n" for key, value in fields.items())


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {json.dumps(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)  # JSON's numbers, texts and lists are TOML too


def check_overrides(keys: Collection[str]) -> None:
    """Check that no `--set` changes a config field in which the arms differ.

    Args:
        keys: the names of the config fields, with or without `ugatit.` before them.
    Raises:
        UsageError: one of them tells the arms apart.
    """
    from ugatit.method import UGATIT  # loads torch, which nothing else here needs

    learnt = [UGATIT.VARIANTS[variant] for variant, arm in ARMS.items() if arm.learnt]
    apart = {key for fields in learnt for key in fields if len({other.get(key) for other in learnt}) > 1}
    apart |= {key for variant, arm in ARMS.items() if not arm.learnt for key in UGATIT.VARIANTS[variant]}
    for key in sorted(keys):
        if key.removeprefix(f"{METHOD}.") in apart:
            raise UsageError(f"--set {key}: the arms of the dial study differ in this field; leave it out.")


def dial_with(base: str, setting: Setting) -> str:
    """The dial `base` with this shape and texture, as `--dataset` takes it.

    >>> dial_with("dial:size=32", Setting(1, 0))
    'dial:shape=1,texture=0,size=32'
    """
    _, _, fields = base.partition(":")
    name = f"dial:shape={setting.shape:g},texture={setting.texture:g}" + (f",{fields}" if fields else "")
    spec.parse_spec(name)
    return name
