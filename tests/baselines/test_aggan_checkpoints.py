"""Converted AGGAN checkpoints give the same outputs as plain networks with the variables of the public code.

The plain networks pad as TensorFlow defines SAME, and compute in the order of that code: upsampling before 1x1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from made_bundles import write_bundle
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from baselines.aggan import AGGAN
from ugbench.errors import UsageError
from ugbench.imports.checkpoint_files import read_tensors

Variables = dict[str, Tensor]
C, ATTENTION, JUDGES, BLOCKS, SIZE = 4, 3, 2, 2, 32


def variables(kernels: tuple[int, int, int] = (1, 1, 1), blocks: int = BLOCKS, seed: int = 0) -> Variables:
    """A checkpoint with that code's names and shapes, random, among variables that are not read."""
    random = torch.Generator().manual_seed(seed)
    checkpoint: Variables = {"beta1_power": torch.ones(()), "beta2_power": torch.ones(())}

    def add(scope: str, layer: str, shape: tuple[int, int, int], operation: str = "Conv") -> None:
        kernel, before, after = shape
        name, widths = f"Model/{scope}/{layer}", (after, before) if "transpose" in operation else (before, after)
        checkpoint[f"{name}/{operation}/weights"] = (
            torch.randn(kernel, kernel, *widths, generator=random) / (kernel**2 * before) ** 0.5
        )
        checkpoint[f"{name}/{operation}/biases"] = torch.randn(after, generator=random) / 4
        checkpoint[f"{name}/{operation}/weights/Adam"] = torch.ones(kernel, kernel, *widths)
        # Also in the last layers, where that code does not use it.
        checkpoint[f"{name}/instance_norm/scale"] = torch.rand(after, generator=random) + 0.5
        checkpoint[f"{name}/instance_norm/offset"] = torch.randn(after, generator=random) / 4

    for domain in "AB":
        scope = f"g_{domain}"
        for layer, shape in {"c1": (7, 3, C), "c2": (3, C, 2 * C), "c3": (3, 2 * C, 4 * C)}.items():
            add(scope, layer, shape)
        for block in range(1, blocks + 1):
            add(scope, f"r{block}/c1", (3, 4 * C, 4 * C))
            add(scope, f"r{block}/c2", (3, 4 * C, 4 * C))
        add(scope, "c4", (3, 4 * C, 2 * C), "Conv2d_transpose")
        add(scope, "c5", (3, 2 * C, C), "Conv2d_transpose")
        add(scope, "c6", (7, C, 3))
        wide = 2 * ATTENTION
        shapes = {
            "c1": (7, 3, ATTENTION),
            "c2": (3, ATTENTION, wide),
            "r1/c1": (3, wide, wide),
            "r1/c2": (3, wide, wide),
        }
        shapes |= {
            "c4": (kernels[0], wide, wide),
            "c5": (kernels[1], wide, ATTENTION),
            "c6": (kernels[2], ATTENTION, 1),
        }
        for layer, shape in shapes.items():
            add(f"{scope}_ae", layer, shape)
        widths = (3, JUDGES, 2 * JUDGES, 4 * JUDGES, 8 * JUDGES, 1)
        for i in range(5):
            add(f"d_{domain}", f"c{i + 1}", (4, widths[i], widths[i + 1]))
    return checkpoint


class Plain:
    """That code's networks, given its variables."""

    def __init__(self, named: Variables) -> None:
        self.named = {name: tensor.double() for name, tensor in named.items()}

    def conv(self, name: str, x: Tensor, stride: int = 1, padding: str = "VALID") -> Tensor:
        weight = self.named[f"Model/{name}/Conv/weights"].permute(3, 2, 0, 1)
        if padding == "SAME":
            x = same(x, weight.shape[2], stride)
        return F.conv2d(x, weight, self.named[f"Model/{name}/Conv/biases"], stride)

    def transposed(self, name: str, x: Tensor) -> Tensor:
        """As TensorFlow defines it: the gradient of a convolution of stride 2 with SAME padding."""
        weight = self.named[f"Model/{name}/Conv2d_transpose/weights"].permute(3, 2, 0, 1)
        large = torch.zeros(len(x), weight.shape[1], 2 * x.shape[2], 2 * x.shape[3], dtype=x.dtype)
        _, y = torch.autograd.functional.vjp(lambda z: F.conv2d(same(z, 3, 2), weight, stride=2), large, x)
        return y + self.named[f"Model/{name}/Conv2d_transpose/biases"].view(1, -1, 1, 1)

    def norm(self, name: str, x: Tensor) -> Tensor:
        scale, offset = (
            self.named[f"Model/{name}/instance_norm/{part}"].view(1, -1, 1, 1) for part in ("scale", "offset")
        )
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
        return scale * (x - mean) / (variance + 1e-5).sqrt() + offset

    def block(self, name: str, x: Tensor, mode: str) -> Tensor:
        y = F.relu(self.norm(f"{name}/c1", self.conv(f"{name}/c1", F.pad(x, (1, 1, 1, 1), mode))))
        y = self.norm(f"{name}/c2", self.conv(f"{name}/c2", F.pad(y, (1, 1, 1, 1), mode)))
        return F.relu(x + y)

    def generator(self, scope: str, x: Tensor, blocks: int) -> Tensor:
        x = F.relu(self.norm(f"{scope}/c1", self.conv(f"{scope}/c1", F.pad(x, (3, 3, 3, 3)))))
        for layer in ("c2", "c3"):
            x = F.relu(self.norm(f"{scope}/{layer}", self.conv(f"{scope}/{layer}", x, 2, "SAME")))
        for i in range(1, blocks + 1):
            x = self.block(f"{scope}/r{i}", x, "constant")
        for layer in ("c4", "c5"):
            x = F.relu(self.norm(f"{scope}/{layer}", self.transposed(f"{scope}/{layer}", x)))
        return torch.tanh(self.conv(f"{scope}/c6", x, 1, "SAME"))

    def attention(self, scope: str, x: Tensor) -> Tensor:
        x = F.pad(x, (3, 3, 3, 3), "reflect")
        x = F.relu(self.norm(f"{scope}/c1", self.conv(f"{scope}/c1", x, 2)))
        x = F.relu(self.norm(f"{scope}/c2", self.conv(f"{scope}/c2", x, 2, "SAME")))
        x = self.block(f"{scope}/r1", x, "reflect")
        for layer in ("c4", "c5"):
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            x = F.relu(self.norm(f"{scope}/{layer}", self.conv(f"{scope}/{layer}", x, 1, "SAME")))
        return torch.sigmoid(self.conv(f"{scope}/c6", x, 1, "SAME"))

    def translation(self, domain: str, x: Tensor, blocks: int) -> tuple[Tensor, Tensor]:
        soft = self.attention(f"g_{domain}_ae", x)
        return soft * self.generator(f"g_{domain}", x, blocks) + (1 - soft) * x, soft

    def discriminator(self, scope: str, x: Tensor, normalised: bool) -> Tensor:
        for i in range(1, 6):
            name = f"{scope}/c{i}"
            x = self.conv(name, F.pad(x, (2, 2, 2, 2)), 2 if i < 4 else 1)
            if i < 5:
                x = F.leaky_relu(self.norm(name, x) if normalised else x, 0.2)
        return x


def same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Images padded with zeros by TensorFlow's rule for SAME."""
    pads = []
    for size in (x.shape[3], x.shape[2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def built(tensors: dict[str, Any]) -> AGGAN:
    config, state = AGGAN.load_public_checkpoint(tensors)
    assert isinstance(config.size, int)
    method = AGGAN(config.model_copy(update={"size": SIZE}))
    missing, unexpected = method.load_state_dict(state, strict=False)
    assert not unexpected
    assert {key.split(".")[0] for key in missing} <= {"pool_a", "pool_b", "steps_done"}
    return method.double().eval()


@pytest.mark.parametrize(("kernels", "option"), [((1, 1, 1), "published"), ((3, 3, 7), "intended")])
def test_a_file_gives_the_images_maps_and_logits_of_plain_networks(
    kernels: tuple[int, int, int], option: str, tmp_path: Path
) -> None:
    named = variables(kernels)
    method, plain = built(read_tensors([write_bundle(tmp_path, named, "AGGAN-99")])), Plain(named)
    assert method.config.attention_kernels == option
    x = torch.rand(2, 3, SIZE, SIZE + 8, dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        for direction, domain in (("A2B", "A"), ("B2A", "B")):
            expected, soft = plain.translation(domain, x, BLOCKS)
            assert expected.std() > 0.1 and soft.std() > 0.02
            torch.testing.assert_close(method.translate(x, direction), expected, rtol=0, atol=1e-9)
            torch.testing.assert_close(method.attention(x, direction)["mask"], soft, rtol=0, atol=1e-9)
        for domain, network in (("A", method.discriminator_a), ("B", method.discriminator_b)):
            for without in (False, True):
                logits = plain.discriminator(f"d_{domain}", x, normalised=not without)
                torch.testing.assert_close(network(x, torch.tensor(without)), logits, rtol=0, atol=1e-9)


def test_the_tensors_tell_all_but_the_size_which_is_taken_as_256_px() -> None:
    config, _ = AGGAN.load_public_checkpoint(variables(blocks=3))
    widths = {"channels": C, "attention_channels": ATTENTION, "discriminator_channels": JUDGES, "blocks": 3}
    assert config == AGGAN.make_config("paper", None, {**widths, "steps": None}).model_copy(update={"epochs": None})


def test_all_variables_of_the_networks_are_read_but_the_norms_of_the_last_layers() -> None:
    named = variables()
    _, state = AGGAN.load_public_checkpoint(named)
    last = [f"Model/{scope}/instance_norm/" for d in "AB" for scope in (f"g_{d}/c6", f"g_{d}_ae/c6", f"d_{d}/c5")]
    kept = [name for name in named if name.startswith("Model/") and not name.startswith(tuple(last))]
    read = [name for name in kept if not name.endswith("/Adam")]
    assert len(state) == len(read)
    assert sum(tensor.numel() for tensor in state.values()) == sum(named[name].numel() for name in read)


def test_the_authors_attention_network_multiplies_more_for_the_same_maps() -> None:
    shapes = {"c1": (7, 3, 32), "c2": (3, 32, 64), "r1/c1": (3, 64, 64), "r1/c2": (3, 64, 64)}
    shapes |= {"c4": (1, 64, 64), "c5": (1, 64, 32), "c6": (1, 32, 1)}
    named = {}
    for layer, (kernel, before, after) in shapes.items():
        named[f"Model/x/{layer}/Conv/weights"] = torch.zeros(kernel, kernel, before, after, device="meta")
        for name in ("Conv/biases", "instance_norm/scale", "instance_norm/offset"):
            named[f"Model/x/{layer}/{name}"] = torch.zeros(after, device="meta")
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        Plain(named).attention("x", torch.zeros(1, 3, 256, 256, dtype=torch.float64))
    assert round(counter.get_total_flops() / 2e9, 2) == 0.66


def test_generators_and_attention_networks_alone_are_enough() -> None:
    named = {name: tensor for name, tensor in variables().items() if not name.startswith("Model/d_")}
    config, state = AGGAN.load_public_checkpoint(named)
    assert {key.split(".")[0] for key in state} == {"generator_a2b", "generator_b2a", "attention_a", "attention_b"}
    assert config.discriminator_channels == 64


NAMED = variables()


def without(name: str) -> Variables:
    return {key: tensor for key, tensor in NAMED.items() if key != name}


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({}, r"Model/g_A/c1/Conv/biases is missing, and nothing was found; expected .*AGGAN-<epoch>\.index"),
        (
            {"generator_A/conv/conv2d/kernel": torch.zeros(1)},
            "generator_A/conv/conv2d/kernel was found; expected Model/",
        ),
        (
            {**NAMED, "Model/g_A/c2/Conv_1/weights": torch.ones(3, 3, 1, 8)},
            "Model/g_A/c2/Conv_1/weights was found, which the authors' code of June to September 2018 wrote",
        ),
        (without("Model/g_B_ae/r1/c2/Conv/weights"), "Model/g_B_ae/r1/c2/Conv/weights is missing"),
        (without("Model/d_B/c1/instance_norm/scale"), "Model/d_B/c1/instance_norm/scale is missing"),
        (
            {**NAMED, "Model/g_A/c1/Conv/weights": torch.zeros(4)},
            r"c1/Conv/weights has the shape \(4,\); expected 4 dim",
        ),
        (
            {**NAMED, "Model/g_B/c1/Conv/biases": torch.zeros(9)},
            r"generator_b2a\.0\.bias is \(9,\), expected \(4,\); it belongs to other networks",
        ),
        (
            {**NAMED, "Model/g_B_ae/c4/Conv/weights": torch.zeros(3, 3, 6, 6)},
            r"attention_b\..*, expected \(6, 6, 1, 1\)",
        ),
    ],
)
def test_the_error_for_another_file_says_what_was_found_and_what_was_expected(tensors: Variables, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        AGGAN.load_public_checkpoint(tensors)


def test_a_revision_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--revision 99 was given; there is one, leave it out"):
        AGGAN.load_public_checkpoint(NAMED, "99")
