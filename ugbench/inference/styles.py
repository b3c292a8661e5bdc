"""The styles of outputs: drawn for each image and sample, or taken from an example image for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ugbench.arithmetic import exact_float32
from ugbench.data.fitting import Transform, fitted
from ugbench.data.styles import STYLE_SEED, draw_styles
from ugbench.data.tensors import to_float, to_tensor
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
    example: Image.Image | None = None,
    example_name: object = "",
) -> Styles:
    """The styles that the options --samples, --seed and --style of `ugbench translate` ask for.

    Args:
        label: the name of the method in errors.
        seed: of the drawn styles; None is the default.
        example: an image of the target domain, RGB, whose style all outputs get; None draws the styles.
        example_name: what an error calls this image, such as its path.
    Raises:
        UsageError: the method has no style, it cannot take the style of an image, or the options exclude each other.
    """
    style_option = f"--style {example_name}".rstrip()
    given = {
        style_option: example is not None,
        f"--samples {samples}": samples > 1,
        f"--seed {seed}": seed is not None,
    }
    options = [option for option, is_given in given.items() if is_given]
    if options and not method.style_dim:
        raise UsageError(f"{options[0]}: {label} makes one output for each image; leave it out.")
    if example is None:
        return Styles(samples, STYLE_SEED if seed is None else seed)
    if len(options) > 1:
        raise UsageError(
            f"{options[0]} gives all outputs one style, so {options[1]} has no effect; leave one of them out."
        )
    return Styles(example=_style_of(method, label, direction, example, style_option))


def _style_of(method: Method, label: str, direction: Direction, example: Image.Image, option: str) -> Tensor:
    """The style (style_dim,) of an example image, computed in float32; on the CPU. Errors begin with `option`."""
    image = to_tensor(fitted(example, Transform(method.config.size, method.config.fit)))
    x = to_float(image[None]).to(device_of(method))
    try:
        with torch.no_grad(), exact_float32():
            style = method.encode_style(x, direction)
    except UsageError as error:
        raise UsageError(f"{option}: {str(error).rstrip('.')}; leave it out, and styles are drawn.") from None
    if style.shape != (1, method.style_dim):
        raise UsageError(
            f"{option}: the style that {label} computed has the shape {tuple(style.shape)} instead of "
            f"{(1, method.style_dim)}; correct its encode_style."
        )
    if not torch.isfinite(style).all():
        raise UsageError(
            f"{option}: the style that {label} computed is NaN or infinite; use another image or checkpoint."
        )
    return style[0].float().cpu()
