"""Converted generators of the authors' TensorFlow code give the same outputs as that code's forward pass."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ugatit.method import UGATIT
from ugbench.method import UsageError

Variables = dict[str, Tensor]
SIZE, CHANNELS, BLOCKS = 16, 4, 4  # that code's gamma and beta have channels * blocks numbers
EPS = 1e-5


def variables(light: bool) -> Variables:
    """A checkpoint with that code's names and shapes, random, among variables that are not read."""
    torch.manual_seed(1)
    checkpoint: Variables = {"discriminator_A/local/conv_0/bias": torch.zeros(4), "beta1_power": torch.ones(())}
    for scope in ("generator_A", "generator_B"):
        wide, half = 4 * CHANNELS, 2 * CHANNELS
        layers = {"conv": (7, 3, CHANNELS), "conv_0": (3, CHANNELS, half), "conv_1": (3, half, wide)}
        norms = {"ins_norm": CHANNELS, "ins_norm_0": half, "ins_norm_1": wide}
        rhos = {}
        for i in range(BLOCKS):
            for part in ("res1", "res2"):
                layers[f"resblock_{i}/{part}/conv_0"] = layers[f"adaptive_resblock{i}/{part}/conv_0"] = (3, wide, wide)
                norms[f"resblock_{i}/{part}/instance_norm"] = wide
                rhos[f"adaptive_resblock{i}/{part}/instance_layer_norm"] = wide
        layers |= {"conv_1x1": (1, 2 * wide, wide), "up_conv_0": (3, wide, half), "up_conv_1": (3, half, CHANNELS)}
        layers["G_logit"] = (7, CHANNELS, 3)
        ups = {"layer_ins_norm_0": half, "layer_ins_norm_1": CHANNELS}
        norms, rhos = norms | ups, rhos | ups
        dense = {"linear_0": wide if light else wide * (SIZE // 4) ** 2, "linear_1": wide, "gamma": wide, "beta": wide}
        tensors = {"CAM_logit/kernel": torch.randn(wide, 1), "CAM_logit/bias": torch.randn(1)}
        for name, (kernel, before, after) in layers.items():
            tensors[f"{name}/conv2d/kernel"] = torch.randn(kernel, kernel, before, after) / (kernel * before**0.5)
            tensors[f"{name}/conv2d/bias"] = torch.randn(after)
        for name, before in dense.items():
            tensors[f"MLP/{name}/dense/kernel"] = torch.randn(before, wide) / before**0.5
            tensors[f"MLP/{name}/dense/bias"] = torch.randn(wide)
        for name, width in norms.items():
            tensors |= {f"{name}/{part}": torch.randn(width) for part in ("gamma", "beta")}
        tensors |= {f"{name}/rho": torch.rand(width) for name, width in rhos.items()}
        checkpoint |= {f"{scope}/{name}": tensor for name, tensor in tensors.items()}
    return checkpoint


def forward(named: Variables, scope: str, images: Tensor, light: bool) -> tuple[Tensor, Tensor]:
    """That code's generator, channels last as there: images and attention maps (n, h, w, c)."""
    v = {name.removeprefix(f"{scope}/"): t.double() for name, t in named.items() if name.startswith(scope)}

    def conv(name: str, x: Tensor, pads: tuple[int, int], stride: int = 1) -> Tensor:
        x = F.pad(x.permute(0, 3, 1, 2), (*pads, *pads), mode="reflect") if any(pads) else x.permute(0, 3, 1, 2)
        y = F.conv2d(x, v[f"{name}/conv2d/kernel"].permute(3, 2, 0, 1), v[f"{name}/conv2d/bias"], stride)
        return y.permute(0, 2, 3, 1)

    def standard(x: Tensor, axes: tuple[int, ...]) -> Tensor:
        return (x - x.mean(axes, keepdim=True)) / (x.var(axes, keepdim=True, unbiased=False) + EPS).sqrt()

    def affine(name: str, x: Tensor) -> Tensor:
        return v[f"{name}/gamma"] * standard(x, (1, 2)) + v[f"{name}/beta"]

    def mixed(rho: Tensor, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return (rho * standard(x, (1, 2)) + (1 - rho) * standard(x, (1, 2, 3))) * gamma + beta

    def dense(name: str, x: Tensor) -> Tensor:
        return x @ v[f"MLP/{name}/dense/kernel"] + v[f"MLP/{name}/dense/bias"]

    x = images
    # With stride 2 that code pads one side alone.
    for end, pads, stride in (("", (3, 3), 1), ("_0", (1, 0), 2), ("_1", (1, 0), 2)):
        x = F.relu(affine(f"ins_norm{end}", conv(f"conv{end}", x, pads, stride)))
    for i in range(BLOCKS):
        here = f"resblock_{i}/res"
        y = F.relu(affine(f"{here}1/instance_norm", conv(f"{here}1/conv_0", x, (1, 1))))
        x = x + affine(f"{here}2/instance_norm", conv(f"{here}2/conv_0", y, (1, 1)))
    weights = v["CAM_logit/kernel"][:, 0] + v["CAM_logit/bias"]
    x = F.relu(conv("conv_1x1", torch.cat((x * weights, x * weights), 3), (0, 0)))
    attention_map = x.sum(3, keepdim=True)
    hidden = x.mean((1, 2)) if light else x.reshape(len(x), -1)
    for name in ("linear_0", "linear_1"):
        hidden = F.relu(dense(name, hidden))
    gamma, beta = (dense(name, hidden)[:, None, None] for name in ("gamma", "beta"))
    for i in range(BLOCKS):
        y = x
        for part in ("res1", "res2"):
            here = f"adaptive_resblock{i}/{part}"
            rho = (v[f"{here}/instance_layer_norm/rho"] - 0.1).clamp(0, 1)
            y = mixed(rho, conv(f"{here}/conv_0", y, (1, 1)), gamma, beta)
            y = F.relu(y) if part == "res1" else y
        x = x + y
    for i in (0, 1):
        x = conv(f"up_conv_{i}", x.repeat_interleave(2, 1).repeat_interleave(2, 2), (1, 1))
        parameters = (v[f"layer_ins_norm_{i}/{part}"] for part in ("rho", "gamma", "beta"))
        rho, gamma, beta = parameters
        x = F.relu(mixed(rho, x, gamma, beta))
    return torch.tanh(conv("G_logit", x, (3, 3))), attention_map


@pytest.mark.parametrize("light", [True, False], ids=["light", "full"])
@pytest.mark.parametrize(("direction", "scope"), [("A2B", "generator_B"), ("B2A", "generator_A")])
def test_images_and_attention_maps_are_those_of_that_code(images, light, direction, scope):
    named, x = variables(light), images(size=SIZE)[0]
    config, state = UGATIT.load_public_checkpoint(named)
    assert {name.split(".")[0] for name in state} == {"generator_a2b", "generator_b2a"}
    assert (config.channels, config.blocks, config.light, config.size) == (
        CHANNELS,
        BLOCKS,
        light,
        256 if light else SIZE,
    )
    method = UGATIT(config.model_copy(update={"size": SIZE, "global_depth": 1, "local_depth": 1})).double().eval()
    _, unexpected = method.load_state_dict(state, strict=False)
    assert not unexpected
    expected, attention_map = forward(named, scope, x.permute(0, 2, 3, 1), light)
    assert expected.std() > 0.1
    with torch.no_grad():
        output = method._generator(direction)(x)
    # rho - 0.1 and the CAM's sum are folded in the file's float32.
    torch.testing.assert_close(output.image.permute(0, 2, 3, 1), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(output.attention_map.permute(0, 2, 3, 1), attention_map, atol=1e-5, rtol=1e-5)


def test_a_variable_that_is_missing_is_named():
    named = variables(light=True)
    del named["generator_A/MLP/gamma/dense/bias"]
    with pytest.raises(
        UsageError, match=r"lacks generator_A/MLP/gamma/dense/bias; .* this file holds generator_A/CAM_logit"
    ):
        UGATIT.load_public_checkpoint(named)


def test_a_revision_means_nothing_there():
    with pytest.raises(UsageError, match="--revision 2019-07: TensorFlow's checkpoints have none"):
        UGATIT.load_public_checkpoint(variables(light=True), "2019-07")
