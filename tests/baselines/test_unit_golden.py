"""UNIT equals values of the authors' code: outputs, and three steps in float64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from baselines.unit import UNIT
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

Golden = tuple[dict[str, Any], dict[str, Tensor]]

NOISE = {
    "noise_discriminators_a": "noise_dis_a",
    "noise_discriminators_b": "noise_dis_b",
    "noise_a": "noise_gen_a",
    "noise_b": "noise_gen_b",
    "noise_fake_a": "noise_gen_cyc_b",
    "noise_fake_b": "noise_gen_cyc_a",
}
TERMS = {
    **{f"discriminators/dis_{x}": (f"discriminators/real_{x}", f"discriminators/fake_{x}") for x in "ab"},
    **{f"generators/adv_{x}": (f"generators/adversarial_{x}",) for x in "ab"},
    **{f"generators/recon_{x}": (f"generators/reconstruction_{x}",) for x in "ab"},
    **{f"generators/{kind}_{x}": (f"generators/{kind}_{x}",) for kind in ("kl", "cycle", "cycle_kl") for x in "ab"},
}


@pytest.fixture
def golden(test_data: Path) -> Golden:
    file = test_data / "golden" / "unit.json"
    return json.loads(file.read_text()), load_file(file.with_suffix(".safetensors"))


def state_of(tensors: dict[str, Tensor], when: str) -> dict[str, Tensor]:
    """The method's state dict: generators as the importer reads them, discriminators by their public keys."""
    public: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(f"{when}/"):
            _, net, rest = key.split("/")
            public.setdefault(net, {})[rest] = value
    _, state = UNIT.load_public_checkpoint({x: public[f"gen_{x}"] for x in "ab"})
    for x in "ab":
        for key, value in public[f"dis_{x}"].items():
            _, scale, layer, *_, kind = key.split(".")
            place = 12 if layer == "4" else 1 + 3 * int(layer)
            state[f"discriminator_{x}.scales.{scale}.{place}.{kind}"] = value
    return state


def start(golden: Golden) -> UNIT:
    """The method in the state that the golden steps begin with."""
    record, tensors = golden
    overrides = {
        "size": record["size"],
        "batch_size": record["batch"],
        "channels": record["generator"]["dim"],
        "blocks": record["generator"]["n_res"],
        "discriminator_channels": record["discriminator"]["dim"],
        "lr": record["optimiser"]["adam_lr"],
    }
    method = UNIT(UNIT.make_config("paper", None, overrides))
    method.load_state_dict(state_of(tensors, "before"))
    return method.double()


def golden_batch(golden: Golden, step: int) -> Batch:
    tensors = golden[1]
    a, b = (tensors[f"step{step}/{name}"].double() / 127.5 - 1 for name in "ab")
    return Batch(a, b, {draw: tensors[f"step{step}/{public}"] for draw, public in NOISE.items()}, step)


def test_the_defaults_are_the_weights_and_rates_of_the_authors_configurations(golden):
    config, weights, optimiser = UNIT.make_config(), golden[0]["weights"], golden[0]["optimiser"]
    assert (config.reconstruction_weight, config.kl_weight) == (weights["recon_x"], weights["recon_kl"])
    assert (config.cycle_weight, config.cycle_kl_weight) == (weights["recon_x_cyc"], weights["recon_kl_cyc"])
    assert [config.beta1, config.beta2] == optimiser["betas"]
    assert config.weight_decay == optimiser["weight_decay"]


def test_the_networks_give_the_authors_outputs(golden):
    tensors = golden[1]
    method = start(golden).eval()
    batch = golden_batch(golden, 0)
    with torch.no_grad():
        outputs = {}
        for name, x in (("a", batch.a), ("b", batch.b)):
            code = getattr(method, f"encoder_{name}")(x)
            outputs[f"gen_{name}/encode"] = code
            outputs[f"gen_{name}/decode"] = getattr(method, f"decoder_{name}")(code)
            for scale, scores in enumerate(getattr(method, f"discriminator_{name}")(x)):
                outputs[f"dis_{name}/scale{scale}"] = scores
        outputs["translate_a2b"] = method.translate(batch.a, "A2B")
        outputs["translate_b2a"] = method.translate(batch.b, "B2A")
        outputs["translate_a2b_cropped"] = method.translate(batch.a[:, :, :38, :51], "A2B")
    assert {f"eval/{name}" for name in outputs} == {key for key in tensors if key.startswith("eval/")}
    for name, value in outputs.items():
        torch.testing.assert_close(value, tensors[f"eval/{name}"], rtol=0, atol=1e-10, msg=lambda m, n=name: n + m)


def test_three_steps_give_the_authors_losses_and_weights(golden, deterministic):
    record, tensors = golden
    method = start(golden)
    phases = Phases(build_optimizers(method))
    for step, expected in enumerate(record["losses"]):
        phases.begin_step(step)
        method.step(golden_batch(golden, step), phases)
        losses = {term: sum(float(phases.losses[part]) for part in parts) for term, parts in TERMS.items()}
        assert losses == pytest.approx(expected, abs=1e-10, rel=0)
        assert phases.losses.keys() == {part for parts in TERMS.values() for part in parts}
    after = state_of(tensors, "after3")
    found_state = method.state_dict()
    assert after.keys() == found_state.keys()
    for key, value in after.items():
        torch.testing.assert_close(found_state[key], value, rtol=0, atol=1e-10, msg=lambda m, k=key: f"{k}: {m}")


def test_parameters_and_multiplications_at_256_px_are_the_authors(golden):
    record = golden[0]["full_size"]
    with torch.device("meta"):
        method = UNIT(UNIT.make_config()).requires_grad_(False)
        image, code = torch.zeros(1, 3, 256, 256), torch.zeros(1, 256, 64, 64)
    inputs = {"encoder": image, "decoder": code, "discriminator": image}
    for kind, x in inputs.items():
        for domain in "ab":
            network = getattr(method, f"{kind}_{domain}")
            assert sum(p.numel() for p in network.parameters()) == record[f"{kind}_parameters"]
            with FlopCounterMode(display=False) as counter:
                network(x)
            assert round(counter.get_total_flops() / 2e9, 3) == record[f"{kind}_gmac"]
