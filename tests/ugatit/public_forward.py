"""A plain forward pass of a generator of the authors' PyTorch code, with the key names of its state dict.

Both of that code's forward passes: since 2019-08-27, and before (`early`), when the decoder's blocks did not add
their input and a variance was the variance, axis after axis, of variances.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-5


def generator(keys: Mapping[str, Tensor], x: Tensor, *, blocks: int, light: bool, early: bool) -> Tensor:
    """(n, 3, size, size) in [-1, 1] to as much."""

    def conv(name: str, x: Tensor, pad: int, stride: int = 1) -> Tensor:
        return F.conv2d(F.pad(x, (pad,) * 4, mode="reflect"), keys[f"{name}.weight"], None, stride)

    def mixed(name: str, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        rho = keys[f"{name}.rho"]
        by_channel = (x - x.mean((2, 3), keepdim=True)) / (variance(x, (2, 3)) + EPS).sqrt()
        by_sample = (x - x.mean((1, 2, 3), keepdim=True)) / (variance(x, (1, 2, 3)) + EPS).sqrt()
        return gamma * (rho * by_channel + (1 - rho) * by_sample) + beta

    def variance(x: Tensor, axes: tuple[int, ...]) -> Tensor:
        if not early:
            return x.var(axes, keepdim=True, unbiased=True)
        for axis in axes:
            count = x.shape[axis]
            x = ((x - x.sum(axis, keepdim=True) / count) ** 2).sum(axis, keepdim=True) / (count - 1)
        return x

    for position, pad, stride in ((1, 3, 1), (5, 1, 2), (9, 1, 2)):
        x = F.relu(F.instance_norm(conv(f"DownBlock.{position}", x, pad, stride)))
    for block in range(blocks):
        here = f"DownBlock.{12 + block}.conv_block"
        y = F.relu(F.instance_norm(conv(f"{here}.1", x, 1)))
        x = x + F.instance_norm(conv(f"{here}.5", y, 1))
    maps = [x * keys[f"{which}.weight"][:, :, None, None] for which in ("gap_fc", "gmp_fc")]
    x = F.relu(F.conv2d(torch.cat(maps, 1), keys["conv1x1.weight"], keys["conv1x1.bias"]))
    hidden = x.mean((2, 3)) if light else x.reshape(len(x), -1)
    for layer in ("FC.0", "FC.2"):
        hidden = F.relu(hidden @ keys[f"{layer}.weight"].T)
    gamma, beta = ((hidden @ keys[f"{which}.weight"].T)[:, :, None, None] for which in ("gamma", "beta"))
    for block in range(1, blocks + 1):
        here = f"UpBlock1_{block}"
        y = F.relu(mixed(f"{here}.norm1", conv(f"{here}.conv1", x, 1), gamma, beta))
        y = mixed(f"{here}.norm2", conv(f"{here}.conv2", y, 1), gamma, beta)
        x = y if early else x + y
    for layer, norm in ((2, 3), (7, 8)):
        x = conv(f"UpBlock2.{layer}", x.repeat_interleave(2, 2).repeat_interleave(2, 3), 1)
        gamma_beta = (keys[f"UpBlock2.{norm}.{which}"] for which in ("gamma", "beta"))
        x = F.relu(mixed(f"UpBlock2.{norm}", x, *gamma_beta))
    return torch.tanh(conv("UpBlock2.11", x, 3))


def checkpoint(size: int, channels: int, blocks: int, light: bool, depths: tuple[int, int]) -> dict[str, dict]:
    """A `*_params_*.pt` in float64, with that code's key names and shapes, and random numbers."""
    generators = {name: _generator(size, channels, blocks, light) for name in ("genA2B", "genB2A")}
    wide, narrow = depths
    discriminators = {
        name: _discriminator(channels, wide if name[3] == "G" else narrow)
        for name in ("disGA", "disGB", "disLA", "disLB")
    }
    return {**generators, **discriminators}


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64) / max(1, torch.Size(shape[1:]).numel()) ** 0.5


def _generator(size: int, channels: int, blocks: int, light: bool) -> dict[str, Tensor]:
    half, wide = 2 * channels, 4 * channels
    shapes = {
        "DownBlock.1": (channels, 3, 7, 7),
        "DownBlock.5": (half, channels, 3, 3),
        "DownBlock.9": (wide, half, 3, 3),
    }
    for block in range(blocks):
        for position in (1, 5):
            shapes[f"DownBlock.{12 + block}.conv_block.{position}"] = (wide, wide, 3, 3)
            shapes[f"UpBlock1_{block + 1}.conv{position // 4 + 1}"] = (wide, wide, 3, 3)
    shapes |= {"gap_fc": (1, wide), "gmp_fc": (1, wide), "conv1x1": (wide, 2 * wide, 1, 1)}
    shapes |= {"FC.0": (wide, wide if light else wide * (size // 4) ** 2), "FC.2": (wide, wide)}
    shapes |= {"gamma": (wide, wide), "beta": (wide, wide)}
    shapes |= {
        "UpBlock2.2": (half, wide, 3, 3),
        "UpBlock2.7": (channels, half, 3, 3),
        "UpBlock2.11": (3, channels, 7, 7),
    }
    state = {f"{name}.weight": _random(*shape) for name, shape in shapes.items()}
    state["conv1x1.bias"] = _random(wide)
    for block in range(1, blocks + 1):
        state |= {f"UpBlock1_{block}.norm{i}.rho": torch.rand(1, wide, 1, 1, dtype=torch.float64) for i in (1, 2)}
    for norm, width in ((3, half), (8, channels)):
        state |= {
            f"UpBlock2.{norm}.{which}": torch.rand(1, width, 1, 1, dtype=torch.float64)
            for which in ("rho", "gamma", "beta")
        }
    return state


def _discriminator(channels: int, depth: int) -> dict[str, Tensor]:
    widths = [3, *(channels << layer for layer in range(depth + 1))]
    shapes = {f"model.{1 + 3 * i}": (o, c, 4, 4) for i, (c, o) in enumerate(pairwise(widths))}
    state = {f"{name}.bias": _random(shape[0]) for name, shape in shapes.items()}
    last = widths[-1]
    shapes |= {"gap_fc": (1, last), "gmp_fc": (1, last), "conv": (1, last, 4, 4)}
    for name, shape in shapes.items():
        inputs = torch.Size(shape[1:]).numel()
        parts = {"orig": _random(*shape), "u": _random(shape[0]), "v": _random(inputs)}
        state |= {f"{name}.weight_{part}": tensor for part, tensor in parts.items()}
    return {**state, "conv1x1.weight": _random(last, 2 * last, 1, 1), "conv1x1.bias": _random(last)}
