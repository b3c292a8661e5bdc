"""The networks of the authors' code of DRIT as plain functions of a state dict with its keys, written from these keys.

`made` gives such state dicts with random weights, small ones, for both forms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

CHANNELS, STYLE = 4, 8
C4 = 4 * CHANNELS
State = dict[str, Tensor]
Layer = tuple[str, tuple[int, ...], tuple[int, ...]]


def made(form: str, blocks: int = 3, seed: int = 0) -> dict[str, State]:
    """enc_c, enc_a and gen. In the form transform only three blocks fit, as the generator always has four."""
    torch.manual_seed(seed)
    enc_a, gen = (_enc_a_concat(), _gen_concat(blocks)) if form == "concat" else (_enc_a_transform(), _gen_transform())
    return {"enc_c": _weights(_enc_c(blocks)), "enc_a": _weights(enc_a), "gen": _weights(gen)}


def _weights(layers: Iterator[Layer]) -> State:
    state = {}
    for name, weight, bias in layers:
        scale = torch.Size(weight[1:]).numel() ** -0.5
        is_norm = weight == bias
        state[f"{name}.weight"] = torch.rand(weight) + 0.5 if is_norm else torch.randn(weight) * scale
        state[f"{name}.bias"] = torch.randn(bias) / 4
    return state


def _conv(name: str, channels: int, out: int, kernel: int) -> Layer:
    return name, (out, channels, kernel, kernel), (out,)


def _transposed(name: str, channels: int, out: int, kernel: int) -> Layer:
    return name, (channels, out, kernel, kernel), (out,)


def _linear(name: str, channels: int, out: int) -> Layer:
    return name, (out, channels), (out,)


def _norm(name: str, channels: int) -> Layer:
    return name, (channels, 1, 1), (channels, 1, 1)


def _enc_c(blocks: int) -> Iterator[Layer]:
    for domain in "AB":
        yield _conv(f"conv{domain}.0.model.1", 3, CHANNELS, 7)
        yield _conv(f"conv{domain}.1.model.1", CHANNELS, C4 // 2, 3)
        yield _conv(f"conv{domain}.2.model.1", C4 // 2, C4, 3)
        for block in range(3, 3 + blocks):
            yield from (_conv(f"conv{domain}.{block}.model.{place}", C4, C4, 3) for place in (1, 5))
    yield from (_conv(f"conv_share.0.model.{place}", C4, C4, 3) for place in (1, 5))


def _enc_a_concat() -> Iterator[Layer]:
    for domain in "AB":
        yield _conv(f"conv_{domain}.1", 3, CHANNELS, 4)
        for block in (2, 3, 4):
            width, out = (block - 1) * CHANNELS, block * CHANNELS
            yield _conv(f"conv_{domain}.{block}.conv.2", width, width, 3)
            yield _conv(f"conv_{domain}.{block}.conv.4.1", width, out, 3)
            yield _conv(f"conv_{domain}.{block}.shortcut.1", width, out, 1)
        yield _linear(f"fc_{domain}.0", C4, STYLE)
        yield _linear(f"fcVar_{domain}.0", C4, STYLE)


def _enc_a_transform() -> Iterator[Layer]:
    for domain in "ab":
        yield _conv(f"model_{domain}.1", 3, CHANNELS, 7)
        yield _conv(f"model_{domain}.4", CHANNELS, C4 // 2, 4)
        yield _conv(f"model_{domain}.7", C4 // 2, C4, 4)
        yield from (_conv(f"model_{domain}.{place}", C4, C4, 4) for place in (10, 13))
        yield _conv(f"model_{domain}.16", C4, STYLE, 1)


def _gen_concat(blocks: int) -> Iterator[Layer]:
    yield from (_conv(f"dec_share.0.model.{place}", C4, C4, 3) for place in (1, 5))
    for domain in "AB":
        width = C4 + STYLE
        for block in range(blocks):
            yield from (_conv(f"dec{domain}1.{block}.model.{place}", width, width, 3) for place in (1, 5))
        for part in (2, 3):
            out = (width + STYLE) // 2
            yield _transposed(f"dec{domain}{part}.0.model.0", width + STYLE, out, 3)
            yield _norm(f"dec{domain}{part}.0.model.1", out)
            width = out
        yield _transposed(f"dec{domain}4.0", width + STYLE, 3, 1)


def _gen_transform() -> Iterator[Layer]:
    for domain in "AB":
        for place, width, out in ((0, STYLE, C4), (2, C4, C4), (4, C4, 4 * C4)):
            yield _linear(f"mlp{domain}.{place}", width, out)
        for block in (1, 2, 3, 4):
            for part in (1, 2):
                yield _conv(f"dec{domain}{block}.conv{part}.0.1", C4, C4, 3)
                yield _conv(f"dec{domain}{block}.blk{part}.0", 2 * C4, 2 * C4, 1)
                yield _conv(f"dec{domain}{block}.blk{part}.2", 2 * C4, C4, 1)
        for part, width in ((0, C4), (1, C4 // 2)):
            yield _transposed(f"dec{domain}5.{part}.model.0", width, width // 2, 3)
            yield _norm(f"dec{domain}5.{part}.model.1", width // 2)
        yield _transposed(f"dec{domain}5.2", C4 // 4, 3, 1)


class Plain:
    """The public forward passes in float64."""

    def __init__(self, networks: Mapping[str, State]) -> None:
        self.weights = {
            f"{name}/{key}": tensor.double() for name, state in networks.items() for key, tensor in state.items()
        }
        self.is_concat = "enc_a/fc_A.0.weight" in self.weights

    def has(self, layer: str) -> bool:
        return f"{layer}.weight" in self.weights

    def conv(self, layer: str, x: Tensor, pad: int = 0, stride: int = 1) -> Tensor:
        x = F.pad(x, (pad, pad, pad, pad), mode="reflect") if pad else x
        return F.conv2d(x, self.weights[f"{layer}.weight"], self.weights[f"{layer}.bias"], stride)

    def linear(self, layer: str, x: Tensor) -> Tensor:
        return x @ self.weights[f"{layer}.weight"].T + self.weights[f"{layer}.bias"]

    def residual(self, layer: str, x: Tensor) -> Tensor:
        inner = F.relu(F.instance_norm(self.conv(f"{layer}.model.1", x, 1)))
        return x + F.instance_norm(self.conv(f"{layer}.model.5", inner, 1))

    def up(self, layer: str, x: Tensor) -> Tensor:
        weight, bias = (self.weights[f"{layer}.model.0.{kind}"] for kind in ("weight", "bias"))
        x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
        mean = x.mean((1, 2, 3), keepdim=True)
        variance = ((x - mean) ** 2).mean((1, 2, 3), keepdim=True)
        gamma, beta = (self.weights[f"{layer}.model.1.{kind}"] for kind in ("weight", "bias"))
        return F.relu(gamma * (x - mean) / (variance + 1e-5).sqrt() + beta)

    def image(self, layer: str, x: Tensor) -> Tensor:
        weight, bias = self.weights[f"{layer}.weight"], self.weights[f"{layer}.bias"]
        return torch.tanh(torch.einsum("nchw,cd->ndhw", x, weight[:, :, 0, 0]) + bias.view(1, -1, 1, 1))

    def content(self, x: Tensor, domain: str) -> Tensor:
        """Content codes without noise; `domain` is A or B, as in all functions."""
        start = f"enc_c/conv{domain}"
        x = F.leaky_relu(self.conv(f"{start}.0.model.1", x, 3), 0.01)
        for layer in (1, 2):
            x = F.relu(F.instance_norm(self.conv(f"{start}.{layer}.model.1", x, 1, 2)))
        block = 3
        while self.has(f"{start}.{block}.model.1"):
            x, block = self.residual(f"{start}.{block}", x), block + 1
        return self.residual("enc_c/conv_share.0", x)

    def attributes(self, x: Tensor, domain: str) -> tuple[Tensor, ...]:
        """Means and logarithms of variances, or the attributes alone."""
        if not self.is_concat:
            start = f"enc_a/model_{domain.lower()}"
            x = F.relu(self.conv(f"{start}.1", x, 3))
            for layer in (4, 7, 10, 13):
                x = F.relu(self.conv(f"{start}.{layer}", x, 1, 2))
            return (self.conv(f"{start}.16", x.mean((2, 3), keepdim=True))[:, :, 0, 0],)
        x = self.conv(f"enc_a/conv_{domain}.1", x, 1, 2)
        for block in (2, 3, 4):
            layer = f"enc_a/conv_{domain}.{block}"
            inner = self.conv(f"{layer}.conv.2", F.leaky_relu(x, 0.2), 1)
            inner = F.avg_pool2d(self.conv(f"{layer}.conv.4.1", F.leaky_relu(inner, 0.2), 1), 2)
            x = inner + self.conv(f"{layer}.shortcut.1", F.avg_pool2d(x, 2))
        x = F.leaky_relu(x, 0.2).mean((2, 3))
        return self.linear(f"enc_a/fc_{domain}.0", x), self.linear(f"enc_a/fcVar_{domain}.0", x)

    def generate(self, content: Tensor, z: Tensor, domain: str) -> Tensor:
        """Images of a domain."""
        start = f"gen/dec{domain}"
        x = content
        if self.is_concat:
            x = self.with_z(self.residual("gen/dec_share.0", x), z)
            block = 0
            while self.has(f"{start}1.{block}.model.1"):
                x, block = self.residual(f"{start}1.{block}", x), block + 1
            for part in (2, 3):
                x = self.up(f"{start}{part}.0", self.with_z(x, z))
            return self.image(f"{start}4.0", self.with_z(x, z))
        mlp = f"gen/mlp{domain}"
        z = self.linear(f"{mlp}.4", F.relu(self.linear(f"{mlp}.2", F.relu(self.linear(f"{mlp}.0", z)))))
        for block in range(4):
            inner, part_of_z = x, z[:, block * C4 : (block + 1) * C4]
            for part in (1, 2):
                layer = f"{start}{block + 1}"
                inner = F.instance_norm(self.conv(f"{layer}.conv{part}.0.1", inner, 1))
                inner = F.relu(self.conv(f"{layer}.blk{part}.0", self.with_z(inner, part_of_z)))
                inner = F.relu(self.conv(f"{layer}.blk{part}.2", inner))
            x = x + inner
        return self.image(f"{start}5.2", self.up(f"{start}5.1", self.up(f"{start}5.0", x)))

    def with_z(self, x: Tensor, z: Tensor) -> Tensor:
        return torch.cat((x, z.view(*z.shape, 1, 1).repeat(1, 1, *x.shape[2:])), 1)
