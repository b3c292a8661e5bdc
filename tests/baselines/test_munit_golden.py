"""MUNIT equals values of the authors' code: outputs, and three steps in float64, with and without the cycle loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from baselines.munit import MUNIT
from ugbench.method import Batch
from ugbench.training.optimizers import build_optimizers
from ugbench.training.step import Phases

Golden = tuple[dict[str, Any], dict[str, Tensor]]

STYLES = {
    "style_discriminators_a": "noise_dis_style_a",
    "style_discriminators_b": "noise_dis_style_b",
    "style_a": "noise_gen_style_a",
    "style_b": "noise_gen_style_b",
}
TERMS = {
    **{f"discriminators/dis_{x}": (f"discriminators/real_{x}", f"discriminators/fake_{x}") for x in "ab"},
    **{f"generators/adv_{x}": (f"generators/adversarial_{x}",) for x in "ab"},
    **{f"generators/recon_{x}": (f"generators/reconstruction_{x}",) for x in "ab"},
    **{f"generators/{kind}_{x}": (f"generators/{kind}_{x}",) for kind in ("style", "content") for x in "ab"},
}
CYCLE_TERMS = {f"generators/cycle_{x}": (f"generators/cycle_{x}",) for x in "ab"}


@pytest.fixture
def golden(test_data: Path) -> Golden:
    file = test_data / "golden" / "munit.json"
    return json.loads(file.read_text()), load_file(file.with_suffix(".safetensors"))


def public_networks(tensors: dict[str, Tensor], when: str) -> dict[str, dict[str, Tensor]]:
    """The networks of the authors' code by their names there, before the steps or after them."""
    public: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(f"{when}/"):
            _, net, rest = key.split("/")
            public.setdefault(net, {})[rest] = value
    return public


def state_of(public: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """The method's state dict: generators as the importer reads them, discriminators by their public keys."""
    _, state = MUNIT.load_public_checkpoint({x: public[f"gen_{x}"] for x in "ab"})
    for x in "ab":
        for key, value in public[f"dis_{x}"].items():
            _, scale, layer, *_, kind = key.split(".")
            place = 12 if layer == "4" else 1 + 3 * int(layer)
            state[f"discriminator_{x}.scales.{scale}.{place}.{kind}"] = value
    return state


def public_keys(public: dict[str, dict[str, Tensor]]) -> dict[str, str]:
    """The name in the authors' code of each key of the method's state dict: the tensor is the same object."""
    names = {id(tensor): f"{net}/{key}" for net, network in public.items() for key, tensor in network.items()}
    return {key: names[id(tensor)] for key, tensor in state_of(public).items()}


def start(golden: Golden, **fields: Any) -> MUNIT:
    """The method in the state that the golden steps begin with."""
    record, tensors = golden
    overrides = {
        "size": record["size"],
        "batch_size": record["batch"],
        "channels": record["generator"]["dim"],
        "blocks": record["generator"]["n_res"],
        "mlp_width": record["generator"]["mlp_dim"],
        "discriminator_channels": record["discriminator"]["dim"],
        "lr": record["optimiser"]["adam_lr"],
        **fields,
    }
    method = MUNIT(MUNIT.make_config("paper", None, overrides))
    method.load_state_dict(state_of(public_networks(tensors, "before")))
    return method.double()


def golden_batch(golden: Golden, step: int) -> Batch:
    tensors = golden[1]
    a, b = (tensors[f"step{step}/{name}"].double() / 127.5 - 1 for name in "ab")
    draws = {draw: tensors[f"step{step}/{public}"].flatten(1) for draw, public in STYLES.items()}
    return Batch(a, b, draws, step)


def trained(golden: Golden, method: MUNIT, expected: list[dict[str, float]], terms: dict[str, tuple[str, ...]]) -> None:
    """Train the golden steps, and assert that each has the losses of the authors' code."""
    phases = Phases(build_optimizers(method))
    for step, losses in enumerate(expected):
        phases.begin_step(step)
        method.step(golden_batch(golden, step), phases)
        ours = {term: sum(float(phases.losses[part]) for part in parts) for term, parts in terms.items()}
        assert ours == pytest.approx(losses, abs=1e-10, rel=0)
        assert phases.losses.keys() == {part for parts in terms.values() for part in parts}


def test_the_defaults_are_the_weights_and_rates_of_the_authors_configurations(golden):
    config, weights, optimiser = MUNIT.make_config(), golden[0]["weights"], golden[0]["optimiser"]
    assert (config.reconstruction_weight, config.style_weight) == (weights["recon_x"], weights["recon_s"])
    assert (config.content_weight, config.cycle_weight) == (weights["recon_c"], weights["recon_x_cyc"])
    assert config.vgg_weight == weights["vgg"]
    assert [config.beta1, config.beta2] == optimiser["betas"]
    assert config.weight_decay == optimiser["weight_decay"]


def test_the_file_tells_the_sizes_of_the_networks(golden):
    record, tensors = golden
    public = public_networks(tensors, "before")
    config, _ = MUNIT.load_public_checkpoint({x: public[f"gen_{x}"] for x in "ab"})
    generator = record["generator"]
    sizes = (generator["dim"], generator["n_res"], generator["mlp_dim"], generator["style_dim"])
    assert (config.channels, config.blocks, config.mlp_width, MUNIT.style_dim) == sizes


def test_the_networks_give_the_authors_outputs(golden):
    tensors = golden[1]
    method = start(golden).eval()
    batch = golden_batch(golden, 0)
    styles = {x: tensors[f"eval/style_{x}"].flatten(1) for x in "ab"}
    with torch.no_grad():
        outputs = {}
        for name, x, direction in (("a", batch.a, "B2A"), ("b", batch.b, "A2B")):
            content = getattr(method, f"content_encoder_{name}")(x)
            style = method.encode_style(x, direction)
            outputs[f"gen_{name}/content"] = content
            outputs[f"gen_{name}/style"] = style[:, :, None, None]
            outputs[f"gen_{name}/decode"] = getattr(method, f"decoder_{name}")(content, style)
            for scale, scores in enumerate(getattr(method, f"discriminator_{name}")(x)):
                outputs[f"dis_{name}/scale{scale}"] = scores
        outputs["translate_a2b"] = method.translate(batch.a, "A2B", styles["b"])
        outputs["translate_b2a"] = method.translate(batch.b, "B2A", styles["a"])
    drawn = {"eval/style_a", "eval/style_b"}
    assert {f"eval/{name}" for name in outputs} | drawn == {key for key in tensors if key.startswith("eval/")}
    for name, value in outputs.items():
        torch.testing.assert_close(value, tensors[f"eval/{name}"], rtol=0, atol=1e-10, msg=lambda m, n=name: n + m)


def test_three_steps_give_the_authors_losses_and_weights(golden, deterministic):
    record, tensors = golden
    method = start(golden)
    trained(golden, method, record["losses"], TERMS)
    after = state_of(public_networks(tensors, "after3"))
    state = method.state_dict()
    assert after.keys() == state.keys()
    for key, value in after.items():
        torch.testing.assert_close(state[key], value, rtol=0, atol=1e-10, msg=lambda m, k=key: f"{k}: {m}")


def test_three_steps_with_the_cycle_loss_give_the_authors_losses_sums_and_norms(golden, deterministic):
    record = golden[0]["recon_x_cyc_10"]
    method = start(golden, cycle_weight=10.0)
    trained(golden, method, record["losses"], TERMS | CYCLE_TERMS)
    names = public_keys(public_networks(golden[1], "before"))
    measured = {names[key]: [float(tensor.sum()), float(tensor.norm())] for key, tensor in method.state_dict().items()}
    expected = {key: pair for key, pair in record["after3_sum_and_l2_norm"].items() if "running_" not in key}
    assert measured.keys() == expected.keys()
    for key, pair in expected.items():
        # A sum adds up the differences of thousands of weights.
        assert measured[key] == pytest.approx(pair, abs=1e-9, rel=0), key


def test_parameters_and_multiplications_at_256_px_are_the_authors(golden):
    record = golden[0]["full_size"]
    with torch.device("meta"):
        method = MUNIT(MUNIT.make_config()).requires_grad_(False)
        image, style = torch.zeros(1, 3, 256, 256), torch.zeros(1, 8)
    generating = method.inference()
    for x in "ab":
        generator = [network for name, network in generating.items() if name.endswith(x)]
        assert sum(p.numel() for network in generator for p in network.parameters()) == record["generator_parameters"]
        discriminator = getattr(method, f"discriminator_{x}")
        assert sum(p.numel() for p in discriminator.parameters()) == record["discriminator_parameters"]
    calls = {
        "translation_gmac_256px": lambda: method.translate(image, "A2B", style),
        "style_encoder_gmac": lambda: method.encode_style(image, "B2A"),
    }
    for name, call in calls.items():
        with FlopCounterMode(display=False) as counter:
            call()
        assert round(counter.get_total_flops() / 2e9, 3) == record[name]
