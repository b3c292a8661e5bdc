"""The styles of outputs: drawn for each image and sample, or taken from an example image for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ugbench.arithmetic import exact_float32
from ugbench.data.fitting import Transform
from ugbench.data.styles import STYLE_SEED, draw_styles
from ugbench.data.tensors import load_images, to_float
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.inference.translate import device_of
from ugbench.method import Method


@dataclass(frozen=True)
class Styles:
    """The styles with which images are translated. The defaults are those of stored outputs, and fit every method.

    Attributes:
        samples: the number of outputs for each image, each with a style of its own; 1 for a method without a style.
        seed: of the drawn styles, see `ugbench.data.styles.draw_styles`.
        example: (style_dim,), the style of all outputs; None draws the styles.
    """

    samples: int = 1
    seed: int = STYLE_SEED
    example: Tensor | None = None

    def of_images(self, method: Method, places: Sequence[int]) -> Tensor | None:
        """The styles of some images, (n, samples, style_dim) on the CPU; None for a method without a style.

        Args:
            places: of the images in the list of all inputs, from 0.
        """
        if not method.style_dim:
            return None
        if self.example is not None:
            return self.example.expand(len(places), self.samples, -1)
        return draw_styles(method.style_dim, places, self.samples, self.seed)


DRAWN = Styles()


def choose_styles(
    method: Method,
    label: str,
    direction: Direction,
    samples: int = 1,
    seed: int | None = None,
    image: Path | None = None,
) -> Styles:
    """The styles that the options --samples, --seed and --style of `ugbench translate` ask for.

    Args:
        label: the name of the method in errors.
        seed: of the drawn styles; None is the default.
        image: an example image of the target domain, whose style all outputs get; None draws the styles.
    Raises:
        UsageError: the method has no style, it cannot take the style of an image, or the options exclude each other.
        DataError: the image cannot be read.
    """
    given = {
        f"--style {image}": image is not None,
        f"--samples {samples}": samples > 1,
        f"--seed {seed}": seed is not None,
    }
    options = [option for option, is_given in given.items() if is_given]
    if options and not method.style_dim:
        raise UsageError(f"{options[0]}: {label} makes one output for each image; leave it out.")
    if image is None:
        return Styles(samples, STYLE_SEED if seed is None else seed)
    if len(options) > 1:
        raise UsageError(
            f"{options[0]} gives all outputs one style, so {options[1]} has no effect; leave one of them out."
        )
    return Styles(example=_style_of(method, label, direction, image))


def _style_of(method: Method, label: str, direction: Direction, image: Path) -> Tensor:
    """The style (style_dim,) of an example image, computed in float32; on the CPU."""
    if not image.exists():
        raise UsageError(f"--style {image}: there is no such file; name an image of domain {direction[2]}.")
    x = to_float(load_images([image], Transform(method.config.size, method.config.fit))).to(device_of(method))
    try:
        with torch.no_grad(), exact_float32():
            style = method.encode_style(x, direction)
    except UsageError as error:
        raise UsageError(f"--style {image}: {str(error).rstrip('.')}; leave it out, and styles are drawn.") from None
    if style.shape != (1, method.style_dim):
        raise UsageError(
            f"--style {image}: the style that {label} computed has the shape {tuple(style.shape)} instead of "
            f"{(1, method.style_dim)}; correct its encode_style."
        )
    if not torch.isfinite(style).all():
        raise UsageError(
            f"--style {image}: the style that {label} computed is NaN or infinite; use another image or checkpoint."
        )
    return style[0].float().cpu()
