"""CycleGAN equals values of the authors' code, and a plain reference step."""

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

from baselines.cyclegan import CycleGAN
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases, train_step

GOLDEN = Path(__file__).parents[1] / "golden" / "cyclegan.json"
NETWORKS = {
    "G_A": "generator_a2b",
    "G_B": "generator_b2a",
    "D_A": "discriminator_b",
    "D_B": "discriminator_a",
}
TERMS = {
    "generators/G_A": "generators/adversarial_b",
    "generators/G_B": "generators/adversarial_a",
    "generators/cycle_A": "generators/cycle_a",
    "generators/cycle_B": "generators/cycle_b",
    "generators/idt_A": "generators/identity_b",
    "generators/idt_B": "generators/identity_a",
    "discriminators/D_A_real": "discriminators/real_b",
    "discriminators/D_A_fake": "discriminators/fake_b",
    "discriminators/D_B_real": "discriminators/real_a",
    "discriminators/D_B_fake": "discriminators/fake_a",
}
POOLS = {"fake_A": "pool_a", "fake_B": "pool_b"}


@pytest.fixture(scope="module")
def golden() -> tuple[dict[str, Any], dict[str, Tensor]]:
    return json.loads(GOLDEN.read_text()), load_file(GOLDEN.with_suffix(".safetensors"))


def states(tensors: dict[str, Tensor], when: str) -> dict[str, dict[str, Tensor]]:
    """The networks' public state dicts, `before` or `after3`."""
    return {
        net: {key.removeprefix(f"{when}/{net}/"): v for key, v in tensors.items() if key.startswith(f"{when}/{net}/")}
        for net in NETWORKS
    }


def start(golden: tuple[dict[str, Any], dict[str, Tensor]]) -> CycleGAN:
    """The method in the state that the golden steps begin with."""
    record, tensors = golden
    config, state = CycleGAN.load_public_checkpoint(states(tensors, "before"))
    assert config.blocks == record["generator"]["blocks"]
    update = {
        "size": record["size"],
        "batch_size": record["batch"],
        "pool_size": record["pool"]["size"],
        "steps": 1000,
    }
    method = CycleGAN(config.model_copy(update={**update, "lr": record["optimiser"]["adam_lr"]}))
    method.load_state_dict(state | {k: v for k, v in method.state_dict().items() if k.startswith("pool")})
    return method.double()


def golden_batch(golden: tuple[dict[str, Any], dict[str, Tensor]], step: int) -> Batch:
    """The images of a golden step, and draws that make our pools do what the golden ones did."""
    record, tensors = golden
    a, b = (tensors[f"step{step}/{name}"].double() / 127.5 - 1 for name in "ab")
    draws = {}
    for pool, pool_name in POOLS.items():
        entries = [e for e in record["pool"]["entries"] if e["step"] == step and e["pool"] == pool]
        # A pool that is filling must not look at its draws: give it ones that would swap.
        pairs = [(e.get("uniform", 0.99), (e.get("randint", 0) + 0.5) / record["pool"]["size"]) for e in entries]
        draws[pool_name] = torch.tensor(pairs)
    return Batch(a, b, draws, step)


def test_the_networks_give_the_authors_outputs(golden):
    method = start(golden).eval()
    batch = golden_batch(golden, 0)
    with torch.no_grad():
        for net, network in NETWORKS.items():
            x = batch.a if net in ("G_A", "D_B") else batch.b
            expected = golden[1][f"eval/{net}/out"]
            torch.testing.assert_close(getattr(method, network)(x), expected, rtol=0, atol=1e-10)


def test_three_steps_give_the_authors_losses_pools_and_weights(golden, deterministic):
    record, tensors = golden
    method = start(golden)
    optimizers = build_optimizers(method)
    phases = Phases(optimizers)
    shown: dict[str, list[Tensor]] = {pool_name: [] for pool_name in POOLS.values()}
    fakes: dict[str, list[Tensor]] = {pool_name: [] for pool_name in POOLS.values()}
    for pool_name in shown:

        def note(_pool: Any, args: tuple[Tensor, Tensor], result: Tensor, pool_name: str = pool_name) -> None:
            fakes[pool_name].append(args[0].detach())
            shown[pool_name].append(result)

        getattr(method, pool_name).register_forward_hook(note)
    for step, expected in enumerate(record["losses"]):
        phases.begin_step(step)
        method.step(golden_batch(golden, step), phases)
        losses = {term: float(phases.losses[our_term]) for term, our_term in TERMS.items()}
        assert losses == pytest.approx(expected, abs=1e-8, rel=0)
        assert phases.losses.keys() == set(TERMS.values())

    for entry in record["pool"]["entries"]:
        pool_name, returned = POOLS[entry["pool"]], entry["returned"]
        expected_image = fakes[pool_name][returned["step"]][returned["image"]]
        assert shown[pool_name][entry["step"]][entry["image"]].equal(expected_image), entry

    _, after = CycleGAN.load_public_checkpoint(states(tensors, "after3"))
    trained = dict(method.named_parameters())
    assert after.keys() == trained.keys()
    # A bias before instance norm has a gradient of rounding alone, which Adam turns into tiny moves.
    without_gradient = {our_key(key) for key in record["zero_gradient"]["max_move"]}
    assert without_gradient < trained.keys()
    for key, value in after.items():
        atol = 1e-7 if key in without_gradient else 1e-8
        torch.testing.assert_close(
            trained[key].detach(), value, rtol=0, atol=atol, msg=lambda m, key=key: f"{key}: {m}"
        )


def our_key(public: str) -> str:
    net, key = public.split("/model.")
    return f"{NETWORKS[net]}.{key.replace('conv_block', 'layers')}"


@pytest.mark.parametrize("batch_size", [1, 3])
def test_six_steps_of_the_engine_equal_a_plain_loop(batch_size, deterministic):
    # A rate that float32 holds exactly at each of these steps, as the engine keeps it in float32.
    steps, length, lr = 6, 8, 2.0**-12
    size, pool_size = 32, 2
    overrides = {
        "size": size,
        "channels": 4,
        "discriminator_channels": 4,
        "pool_size": pool_size,
        "steps": length,
        "lr": lr,
    }
    method = CycleGAN(CycleGAN.make_config("smoke", None, overrides)).double()
    networks = {
        "a2b": method.generator_a2b,
        "b2a": method.generator_b2a,
        "a": method.discriminator_a,
        "b": method.discriminator_b,
    }
    plain = copy.deepcopy(networks)
    images = torch.rand(steps, 2, batch_size, 3, size, size, dtype=torch.float64) * 2 - 1
    draws = torch.rand(steps, 2, batch_size, 2)

    optimizers = build_optimizers(method)
    phases = Phases(optimizers)
    history = []
    for step in range(steps):
        (a, b), (pool_a, pool_b) = images[step], draws[step]
        train_step(method, phases, Batch(a, b, {"pool_a": pool_a, "pool_b": pool_b}, step))
        history.append({term: float(value) for term, value in phases.losses.items()})

    oracle = runpy.run_path(str(Path(__file__).with_name("cyclegan_oracle.py")))
    batches = [(*images[step], *draws[step]) for step in range(steps)]
    record, pools = oracle["train"](plain, batches, steps=length, lr=lr, pool_size=pool_size)

    for ours, expected in zip(history, record, strict=True):
        assert ours == pytest.approx(expected, abs=1e-9, rel=0)
    for name, network in plain.items():
        expected = dict(network.named_parameters())
        for key, value in networks[name].named_parameters():
            torch.testing.assert_close(value, expected[key], rtol=0, atol=1e-9, msg=lambda m, k=key: f"{k}: {m}")
    for pool, kept in ((method.pool_a, pools["a"]), (method.pool_b, pools["b"])):
        assert int(pool.filled) == len(kept) == pool_size
        torch.testing.assert_close(pool.images, torch.cat(kept), rtol=0, atol=1e-9)
