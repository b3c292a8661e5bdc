"""CUT and FastCUT equal values of the authors' code, and a plain reference step."""

from __future__ import annotations

import copy
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from baselines.cut import CUT
from ugbench.method import Batch
from ugbench.nn.patch_nce import sample_positions
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

NETWORKS = {"G": "generator", "F": "projection", "D": "discriminator"}
TERMS = {
    "generators/G_GAN": "generators/adversarial",
    "generators/NCE": "generators/nce",
    "generators/NCE_Y": "generators/nce_identity",
    "discriminators/D_real": "discriminators/real",
    "discriminators/D_fake": "discriminators/fake",
}
LOSSES = {"NCE": "nce", "NCE_Y": "nce_identity"}

Golden = tuple[dict[str, Any], dict[str, Tensor]]


@pytest.fixture(params=["cut", "fastcut"])
def golden(request: pytest.FixtureRequest, test_data: Path) -> Golden:
    file = test_data / "golden" / f"{request.param}.json"
    return json.loads(file.read_text()), load_file(file.with_suffix(".safetensors"))


def states(tensors: dict[str, Tensor], when: str) -> dict[str, dict[str, Tensor]]:
    """The networks' public state dicts, `before` or `after3`, by the names of their files."""
    return {
        f"latest_net_{net}.pth": {
            key.removeprefix(f"{when}/{net}/"): value
            for key, value in tensors.items()
            if key.startswith(f"{when}/{net}/")
        }
        for net in NETWORKS
    }


def start(golden: Golden) -> CUT:
    """The method in the state that the golden steps begin with, with the options of its variant."""
    record, tensors = golden
    config, state = CUT.load_public_checkpoint(states(tensors, "before"))
    read = {name: getattr(config, name) for name in ("channels", "blocks", "discriminator_channels")}
    assert read == {"channels": 4, "blocks": record["generator"]["blocks"], "discriminator_channels": 4}
    overrides = {
        **read,
        "size": record["size"],
        "batch_size": record["batch"],
        "projection_channels": record["features"]["nc"],
        "patches": record["features"]["num_patches"],
        "steps": 1000,
        "lr": record["optimiser"]["adam_lr"],
    }
    method = CUT(CUT.make_config("paper", "fastcut" if record["mode"] == "FastCUT" else None, overrides))
    method.load_state_dict(state)
    return method.double()


def golden_batch(golden: Golden, step: int) -> Batch:
    """The images of a golden step, and draws that sort into its patch ids."""
    record, tensors = golden
    a, b = (tensors[f"step{step}/{name}"].double() / 127.5 - 1 for name in "ab")
    draws = {}
    for key in tensors:
        if key.startswith(f"step{step}/ids/"):
            loss, layer = key.split("/")[2:]
            ids = tensors[key]
            uniform = torch.full((record["features"]["map_sizes"][layer] ** 2,), 0.9)
            uniform[ids] = torch.arange(len(ids)) / (2 * len(ids))
            draws[f"{LOSSES[loss]}/{layer}"] = uniform
    if "flips" in record["draws"]:
        draws["flip"] = torch.tensor(record["draws"]["flips"][step]["uniform"])
    return Batch(a, b, draws, step)


def test_the_networks_give_the_authors_outputs_and_features(golden: Golden) -> None:
    method, tensors = start(golden).eval(), golden[1]
    batch = golden_batch(golden, 0)
    close = {"rtol": 0, "atol": 1e-10}
    with torch.no_grad():
        fake = method.translate(batch.a, "A2B")
        torch.testing.assert_close(fake, tensors["eval/G/out_a"], **close)
        torch.testing.assert_close(method.translate(batch.b, "A2B"), tensors["eval/G/out_b"], **close)
        torch.testing.assert_close(method.discriminator(batch.b), tensors["eval/D/out_b"], **close)
        torch.testing.assert_close(method.discriminator(fake), tensors["eval/D/out_fake"], **close)
        keys, queries = method._features(batch.a), method._features(fake)
        positions = [sample_positions(batch.draws[f"nce/{layer}"], 16) for layer in method.nce_layers]
        points_k, points_q = method.projection(keys, positions), method.projection(queries, positions)
    for layer, key, k, q in zip(method.nce_layers, keys, points_k, points_q, strict=True):
        torch.testing.assert_close(key[:1], tensors[f"eval/G/feat{layer}"], **close)
        torch.testing.assert_close(k.flatten(0, 1), tensors[f"eval/F/k{layer}"], **close)
        torch.testing.assert_close(q.flatten(0, 1), tensors[f"eval/F/q{layer}"], **close)


def test_three_steps_give_the_authors_losses_and_weights(golden: Golden, deterministic: None) -> None:
    record, tensors = golden
    method = start(golden)
    phases = Phases(build_optimizers(method))
    for step, expected in enumerate(record["losses"]):
        phases.begin_step(step)
        method.step(golden_batch(golden, step), phases)
        losses = {term: float(phases.losses[our_term]) for term, our_term in TERMS.items() if our_term in phases.losses}
        assert losses == pytest.approx(expected, abs=1e-10, rel=0)
        assert len(phases.losses) == len(expected)

    _, after = CUT.load_public_checkpoint(states(tensors, "after3"))
    trained = dict(method.named_parameters())
    assert after.keys() == trained.keys()
    # A bias before instance norm has a gradient of rounding alone, which Adam turns into tiny moves.
    without_gradient = {our_key(key) for key in record["zero_gradient"]["max_move"]}
    assert without_gradient < trained.keys()
    for key, value in after.items():
        atol = 1e-7 if key in without_gradient else 1e-10
        torch.testing.assert_close(
            trained[key].detach(), value, rtol=0, atol=atol, msg=lambda m, key=key: f"{key}: {m}"
        )


def our_key(public: str) -> str:
    net, key = public.split("/model.")
    return f"{NETWORKS[net]}.{key.replace('conv_block', 'layers')}"


def lowest(numbers: Tensor | None, count: int) -> list[int]:
    """Where the lowest numbers stand, lowest first."""
    return [] if numbers is None else sorted(range(len(numbers)), key=numbers.tolist().__getitem__)[:count]


@pytest.mark.parametrize("variant", [None, "fastcut"])
@pytest.mark.parametrize("batch_size", [1, 2])
def test_six_steps_of_the_engine_equal_a_plain_loop(variant: str | None, batch_size: int, deterministic: None) -> None:
    # The rate falls in the last steps. A gain of 1 keeps Adam from magnifying rounding.
    steps, lr, size, patches = 6, 2.0**-10, 32, 5
    overrides = {
        "size": size,
        "channels": 3,
        "discriminator_channels": 3,
        "projection_channels": 8,
        "blocks": 5,
        "patches": patches,
        "init_gain": 1.0,
        "steps": steps,
        "lr": lr,
    }
    method = CUT(CUT.make_config("smoke", variant, overrides)).double()
    for name, parameter in method.named_parameters():
        if name.endswith("bias"):  # all 0, they would leave it open where they stand
            torch.nn.init.uniform_(parameter, -0.1, 0.1)
    networks = {name: getattr(method, name) for name in NETWORKS.values()}
    plain = copy.deepcopy(networks)
    images = torch.rand(steps, 2, batch_size, 3, size, size, dtype=torch.float64) * 2 - 1

    batches, oracle_batches = [], []
    for step in range(steps):
        draws = {name: torch.rand(draw.shape) for name, draw in method.draws().items()}
        if variant:
            draws["flip"] = torch.tensor(0.25 if step % 2 else 0.75)
        batches.append(Batch(*images[step], draws, step))
        ids = {
            loss: [lowest(draws.get(f"{loss}/{layer}"), patches) for layer in method.nce_layers]
            for loss in LOSSES.values()
        }
        oracle_batches.append((*images[step], ids, bool(variant) and step % 2 == 1))

    optimizers = build_optimizers(method)
    phases = Phases(optimizers)
    history = []
    for batch in batches:
        train_step(method, phases, batch)
        history.append({term: float(value) for term, value in phases.losses.items()})

    oracle = runpy.run_path(str(Path(__file__).with_name("cut_oracle.py")))
    options = {"steps": steps, "lr": lr, "constant": 4.5 if variant else 3, "fast": bool(variant)}
    for ours, expected in zip(history, oracle["train"](plain, oracle_batches, **options), strict=True):
        assert ours == pytest.approx(expected, abs=1e-9, rel=0)
    for name, network in plain.items():
        expected = dict(network.named_parameters())
        for key, value in networks[name].named_parameters():
            # A bias before instance norm has a gradient of rounding alone.
            atol = 1e-7 if key.endswith("bias") else 1e-9
            torch.testing.assert_close(value, expected[key], rtol=0, atol=atol, msg=lambda m, k=key: f"{k}: {m}")
