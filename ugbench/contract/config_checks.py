"""Rules about the class of a method: its presets, its variants, and what `smoke` promises."""

from __future__ import annotations

import torch

from ugbench import registry
from ugbench.contract.check import NotApplicable, demand
from ugbench.contract.small_methods import random_style, small_fields
from ugbench.errors import ConfigError
from ugbench.training.method_check import check_method
from ugbench.training.shapes import on_shapes, train_on_shapes

MOST_CHANNELS = 16
SMOKE_SIZES = (32, 64, 128)
RECTANGLES = ((32, 64), (64, 32))  # width and height, px
PAPER_SIZE = 256


def loads(name: str, _variant: str | None) -> None:
    """The module can be imported and has one method, whose class attributes have valid values."""
    registry.load_method(name)


def has_complete_configs(name: str, _variant: str | None) -> None:
    """Each preset with each variant is a config that is the same after it was stored."""
    method = registry.load_method(name)
    missing = [preset for preset in ("paper", "smoke") if preset not in method.PRESETS]
    demand(not missing, f"PRESETS has no {' and no '.join(missing)}; each method has paper and smoke.")
    demand("full" not in method.VARIANTS, "VARIANTS has 'full', which is the name of the base in tables; rename it.")
    for preset in method.PRESETS:
        for variant in (None, *method.VARIANTS):
            try:
                config = method.make_config(preset, variant)
            except ConfigError as refused:
                if "batch_size" in str(refused):  # a variant that needs a batch, in a preset with batches of one image
                    continue
                raise
            resolved = config.resolved(100, 120)
            label = f"{preset}, {variant}" if variant else preset
            demand(resolved.steps is not None, f"the config of {label} has no number of steps; give `steps`.")
            stored = method.Config(**resolved.model_dump(mode="json"))
            demand(stored == resolved, f"the config of {label} is another one after it was stored as JSON; correct it.")


def trains_on_shapes(name: str, variant: str | None) -> None:
    """What `ugbench train` checks before each run, and that a step hides nothing from checkpoints."""
    config = registry.load_method(name).make_config("smoke", variant, small_fields(name))
    said = check_method(name, config)
    demand(not said, " ".join(said))


def paper_is_at_256_px(name: str, _variant: str | None) -> None:
    """The preset `paper` trains at the size of the paper's images."""
    size = registry.load_method(name).make_config("paper").size
    demand(size == PAPER_SIZE, f"the preset paper has size {size}; leave size out of it, which gives {PAPER_SIZE}.")


def smoke_is_small(name: str, variant: str | None) -> None:
    """The preset `smoke` takes images of 32, 64 and 128 px, and its networks are narrow."""
    method_class = registry.load_method(name)
    for size in SMOKE_SIZES:
        config = method_class.make_config("smoke", variant, {"size": size})
        wide = {key: value for key, value in config.model_dump().items() if _is_wide(key, value)}
        fields = ", ".join(f"{key}={value}" for key, value in wide.items())
        demand(not wide, f"the preset smoke has {fields}; give at most {MOST_CHANNELS} channels.")
        if variant is not None:
            continue
        with on_shapes(name, config) as (method, _):
            for direction in method.directions:
                x = torch.rand(2, 3, size, size)
                shape = tuple(method.translate(x, direction, random_style(method, 2)).shape)
                demand(
                    shape == tuple(x.shape),
                    f"translate({direction}) of smoke makes {shape} of {tuple(x.shape)}; both shapes must be equal.",
                )


def takes_rectangles(name: str, variant: str | None) -> None:
    """A method is built, trained and translates on shapes of rectangles, unless its config takes squares only."""
    method_class = registry.load_method(name)
    if method_class.Config.takes_squares_only():
        raise NotApplicable("the config has `size: int`, so the method takes squares only")
    for size in RECTANGLES:
        try:
            config = method_class.make_config("smoke", variant, small_fields(name, size=size))
        except ConfigError as refused:
            raise NotApplicable(f"the config refuses rectangles ({str(refused).rstrip('.')})") from None
        check_method(name, config)


def _is_wide(key: str, value: object) -> bool:
    return key.endswith("channels") and isinstance(value, int) and value > MOST_CHANNELS


def scalars_are_scalars(name: str, variant: str | None) -> None:
    """`scalars` gives scalar tensors, and computing them waits for no device."""
    config = registry.load_method(name).make_config("smoke", variant, small_fields(name))
    with on_shapes(name, config) as (method, optimizers):
        train_on_shapes(method, optimizers)
        scalars = method.scalars()
        for key, value in scalars.items():
            demand(
                value.shape == (),
                f"scalars() gives {key} the shape {tuple(value.shape)}; give a scalar tensor, such as its mean.",
            )
    if not scalars:
        raise NotApplicable("the method logs no scalars")
