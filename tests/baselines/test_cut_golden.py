"""CUT and FastCUT against values of the authors' code, and against a plain step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from baselines.cut import CUT
from ugbench.method import Batch
from ugbench.nn.patch_nce import places_of
from ugbench.train import optim
from ugbench.train.phase import Phases

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
    told, tensors = golden
    config, state = CUT.read_foreign(states(tensors, "before"))
    read = {name: getattr(config, name) for name in ("channels", "blocks", "discriminator_channels")}
    assert read == {"channels": 4, "blocks": told["generator"]["blocks"], "discriminator_channels": 4}
    overrides = {
        **read,
        "size": told["size"],
        "batch_size": told["batch"],
        "projection_channels": told["features"]["nc"],
        "patches": told["features"]["num_patches"],
        "steps": 1000,
        "lr": told["optimiser"]["adam_lr"],
    }
    method = CUT(CUT.make_config("paper", "fastcut" if told["mode"] == "FastCUT" else None, overrides))
    method.load_state_dict(state)
    return method.double()


def golden_batch(golden: Golden, step: int) -> Batch:
    """The images of a golden step, and draws that sort into its patch ids."""
    told, tensors = golden
    a, b = (tensors[f"step{step}/{name}"].double() / 127.5 - 1 for name in "ab")
    draws = {}
    for key in tensors:
        if key.startswith(f"step{step}/ids/"):
            loss, layer = key.split("/")[2:]
            ids = tensors[key]
            uniform = torch.full((told["features"]["map_sizes"][layer] ** 2,), 0.9)
            uniform[ids] = torch.arange(len(ids)) / (2 * len(ids))
            draws[f"{LOSSES[loss]}/{layer}"] = uniform
    if "flips" in told["draws"]:
        draws["flip"] = torch.tensor(told["draws"]["flips"][step]["uniform"])
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
        keys, queries = method._encoded(batch.a), method._encoded(fake)
        places = [places_of(batch.draws[f"nce/{tap}"], 16) for tap in method.taps]
        points_k, points_q = method.projection(keys, places), method.projection(queries, places)
    for tap, key, k, q in zip(method.taps, keys, points_k, points_q, strict=True):
        torch.testing.assert_close(key[:1], tensors[f"eval/G/feat{tap}"], **close)
        torch.testing.assert_close(k.flatten(0, 1), tensors[f"eval/F/k{tap}"], **close)
        torch.testing.assert_close(q.flatten(0, 1), tensors[f"eval/F/q{tap}"], **close)


def test_three_steps_give_the_authors_losses_and_weights(golden: Golden, deterministic: None) -> None:
    told, tensors = golden
    method = start(golden)
    phases = Phases(optim.build(method))
    for step, expected in enumerate(told["losses"]):
        phases.begin_step()
        method.step(golden_batch(golden, step), phases)
        found = {term: float(phases.losses[own]) for term, own in TERMS.items() if own in phases.losses}
        assert found == pytest.approx(expected, abs=1e-10, rel=0)
        assert len(phases.losses) == len(expected)

    _, after = CUT.read_foreign(states(tensors, "after3"))
    trained = dict(method.named_parameters())
    assert after.keys() == trained.keys()
    # A bias before instance norm has a gradient of rounding alone, which Adam turns into tiny moves.
    without_gradient = {own_key(key) for key in told["zero_gradient"]["max_move"]}
    assert without_gradient < trained.keys()
    for key, value in after.items():
        atol = 1e-7 if key in without_gradient else 1e-10
        torch.testing.assert_close(
            trained[key].detach(), value, rtol=0, atol=atol, msg=lambda m, key=key: f"{key}: {m}"
        )


def own_key(public: str) -> str:
    net, key = public.split("/model.")
    return f"{NETWORKS[net]}.{key.replace('conv_block', 'layers')}"
