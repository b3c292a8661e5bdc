"""Rules about translation, styles and attention maps."""

from __future__ import annotations

import torch
from torch import Tensor

from ugbench.contract.check import NotApplicable, demand
from ugbench.contract.small_methods import build, phases_of, random_batch, random_style, train_period
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.method import Method

SAME = 1e-10
"""The largest difference of outputs that are computed in float64 in batches of other sizes."""


def translates_to_images(name: str, variant: str | None) -> None:
    """Outputs have the shape, the type and the range of the inputs, and are not one flat colour."""
    method = build(name, variant).eval()
    x = random_batch(method, 3).a
    for direction in method.directions:
        with torch.no_grad():
            y = method.translate(x, direction, random_style(method, 3))
        made, expected = (f"{tuple(images.shape)} {images.dtype}" for images in (y, x))
        demand(made == expected, f"translate({direction}) makes {made} of {expected}; both must be equal.")
        most = float(y.abs().max())
        demand(most <= 1, f"translate({direction}) gives values up to {most:.3g} in size; end with tanh or a clamp.")
        demand(bool(y.std() > 0), f"translate({direction}) gives one value for all pixels of random images.")


def outputs_do_not_depend_on_neighbours(name: str, variant: str | None) -> None:
    """An output is the same whichever other images are in the batch."""
    method = build(name, variant).double()
    train_period(method, phases_of(method), 2, torch.float64)
    method.eval()
    for direction in method.directions:
        x, style = random_batch(method, 3, torch.float64).a, random_style(method, 3, torch.float64)
        with torch.no_grad():
            together = method.translate(x, direction, style)
            separately = [
                method.translate(x[i : i + 1], direction, None if style is None else style[i : i + 1]) for i in range(3)
            ]
        _demand_equal(f"translate({direction})", torch.cat(separately), together)


def _demand_equal(function: str, separately: Tensor, together: Tensor) -> None:
    gap = float((separately - together).abs().max())
    demand(
        gap <= SAME,
        f"{function} gives an image other values (by up to {gap:.3g}) when other images are in the batch; compute each "
        "output from its own input alone, in eval mode too.",
    )


def inference_names_what_translation_needs(name: str, variant: str | None) -> None:
    """With the networks of `inference` alone, of another training, translation gives the same."""
    whole = build(name, variant).eval()
    kept = whole.inference()
    children = dict(whole.named_children())
    for child, network in kept.items():
        demand(children.get(child) is network, f"inference() names {child}, which is not its attribute of that name.")
    x, style = random_batch(whole).a, random_style(whole, 2)
    torch.manual_seed(1)
    other = build(name, variant).eval()
    for child, network in kept.items():
        other.get_submodule(child).load_state_dict(network.state_dict())
    for child in [child for child, _ in other.named_children() if child not in kept]:
        delattr(other, child)
    with torch.no_grad():
        for direction in whole.directions:
            demand(
                other.translate(x, direction, style).equal(whole.translate(x, direction, style)),
                f"translate({direction}) depends on more than the networks of inference(), such as parameters or "
                "buffers of the method itself; put them into a network that inference() names.",
            )


def styles_of_images_are_styles(name: str, variant: str | None) -> None:
    """The style of an image has the length of a style, and is that image's own."""
    method = build(name, variant).double().eval()
    x = random_batch(method, 3, torch.float64).a
    for direction in method.directions:
        try:
            with torch.no_grad():
                together = method.encode_style(x, direction)
                separately = torch.cat([method.encode_style(image[None], direction) for image in x])
        except UsageError:
            raise NotApplicable("the method does not take the style of an image") from None
        demand(
            tuple(together.shape) == (3, method.style_dim),
            f"encode_style({direction}) gives {tuple(together.shape)}; give {(3, method.style_dim)}.",
        )
        demand(bool(torch.isfinite(together).all()), f"encode_style({direction}) is not finite on random images.")
        _demand_equal(f"encode_style({direction})", separately, together)
        demand(
            not together[0].equal(together[1]),
            f"encode_style({direction}) gives two images the same style; compute it from the image.",
        )


def attention_has_a_map_per_image(name: str, variant: str | None) -> None:
    """`attention` gives finite maps (n, 1, h, w)."""
    method = build(name, variant).eval()
    x = random_batch(method, 3).a
    for direction in method.directions:
        with torch.no_grad():
            maps = method.attention(x, direction)
        _demand_maps("attention", direction, maps)
    if not any(_attention(method, x, direction) for direction in method.directions):
        raise NotApplicable("the method has no attention maps")


def _attention(method: Method, x: Tensor, direction: Direction) -> dict[str, Tensor]:
    with torch.no_grad():
        return method.attention(x, direction)


def _demand_maps(function: str, direction: Direction, maps: dict[str, Tensor]) -> None:
    for map_name, attention_map in maps.items():
        demand(
            attention_map.ndim == 4 and attention_map.shape[:2] == (3, 1),
            f"{function}({direction}) gives {map_name} the shape {tuple(attention_map.shape)} for 3 images; give "
            "(3, 1, h, w).",
        )
        finite = bool(torch.isfinite(attention_map).all())
        demand(finite, f"{function}({direction}) gives {map_name} values that are not finite.")


def attention_leaves_out_missing_networks(name: str, variant: str | None) -> None:
    """The maps of networks that an imported run lacks, which are all but those of `inference`, are left out."""
    method = build(name, variant).eval()
    x = random_batch(method).a
    whole = {direction: _attention(method, x, direction) for direction in method.directions}
    for child, network in method.named_children():
        if child not in method.inference():
            network.to("meta")
    for direction, maps in whole.items():
        rest = _attention(method, x, direction)
        expected = [map_name for map_name in maps if map_name not in method.output_maps]
        demand(
            list(rest) == expected,
            f"attention({direction}) gives the maps {list(rest)} where the networks that inference() does not name are "
            f"missing; give {expected}, or name the others in output_maps.",
        )
        for map_name, attention_map in rest.items():
            demand(
                attention_map.equal(maps[map_name]),
                f"attention({direction}) gives {map_name} other values where networks that inference() does not name "
                "are missing.",
            )
        with torch.no_grad():
            missing = set(rest) - set(method.feature_maps(x, direction))
        demand(not missing, f"feature_maps({direction}) lacks {', '.join(sorted(missing))}, which attention has.")
    if not any(whole.values()):
        raise NotApplicable("the method has no attention maps")


def feature_maps_have_those_of_attention(name: str, variant: str | None) -> None:
    """`feature_maps` gives the maps of `attention`, in its order, and further ones of the same kind."""
    method = build(name, variant).eval()
    x = random_batch(method, 3).a
    has_maps = False
    for direction in method.directions:
        with torch.no_grad():
            maps, attention = method.feature_maps(x, direction), method.attention(x, direction)
        has_maps |= bool(maps)
        shared = [map_name for map_name in maps if map_name in attention]
        demand(
            shared == list(attention),
            f"feature_maps({direction}) has {shared} of the maps {list(attention)} of attention; give all, in order.",
        )
        for map_name, attention_map in attention.items():
            demand(
                torch.equal(attention_map, maps[map_name]),
                f"feature_maps({direction}) gives {map_name} other values than attention.",
            )
        _demand_maps("feature_maps", direction, maps)
    if not has_maps:
        raise NotApplicable("the method has no attention maps")
