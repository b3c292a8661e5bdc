"""Networks, losses and three steps from a checkpoint equal the values of the authors' PyTorch code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ugatit.method import UGATIT
from ugbench.method import UsageError

HERE = Path(__file__).parents[1] / "golden"
NETWORKS = {
    "genA2B": "generator_a2b",
    "genB2A": "generator_b2a",
    "disGA": "global_a",
    "disGB": "global_b",
    "disLA": "local_a",
    "disLB": "local_b",
}
JUDGED = {"genA2B": "a", "disGA": "a", "genB2A": "b", "disLB": "b"}

Golden = tuple[dict[str, Any], dict[str, Tensor]]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The golden values of "light", which lie beside the tests, or "full", which lie with the test data."""
    name = getattr(request, "param", "light")
    folder = HERE if name == "light" else request.getfixturevalue("test_data") / "golden"
    record = json.loads((folder / f"ugatit-{name}.json").read_text())
    return record, load_file(folder / f"ugatit-{name}.safetensors")


both = pytest.mark.parametrize("golden", ["light", "full"], indirect=True)


def public(golden: Golden, when: str) -> dict[str, dict[str, Tensor]]:
    """A checkpoint as the public code writes it, `before` or `after3`, in float64."""
    networks: dict[str, dict[str, Tensor]] = {name: {} for name in NETWORKS}
    for key, tensor in golden[1].items():
        moment, *rest = key.split("/")
        if moment == when:
            networks[rest[0]][rest[1]] = tensor.double()
    return networks


def image(golden: Golden, step: int, domain: str) -> Tensor:
    return golden[1][f"step{step}/{domain}"].double() / 127.5 - 1


def start(golden: Golden) -> UGATIT:
    record = golden[0]
    config, state = UGATIT.load_public_checkpoint(public(golden, "before"))
    optimiser = record["optimiser"]
    update = {"size": record["generator"]["size"], "batch_size": record["batch"], "steps": 10**9}
    update |= {"lr": optimiser["adam_lr"], "weight_decay": optimiser["weight_decay"]}
    method = UGATIT(config.model_copy(update=update)).double()
    method.load_state_dict(state)
    return method


def our_term(public_term: str) -> str:
    """discriminators/disGA_cam is our discriminators/global_cam_a."""
    phase, term = public_term.split("/")
    if not term.startswith("dis"):
        return public_term
    kind = {"G": "global", "L": "local"}[term[3]]
    return f"{phase}/{kind}{'_cam' if term.endswith('_cam') else ''}_{term[4].lower()}"


@both
@pytest.mark.parametrize("network", JUDGED)
def test_networks_in_eval_mode_give_the_golden_outputs(golden, network):
    method = start(golden).eval()
    with torch.no_grad():
        output = method.get_submodule(NETWORKS[network])(image(golden, 0, JUDGED[network]))
    for part, name in zip(output, ("out", "cam_logit", "heatmap"), strict=True):
        # Relative: the discriminators' stored vectors there are no singular ones, and outputs reach 1e7.
        torch.testing.assert_close(part, golden[1][f"eval/{network}/{name}"], atol=1e-10, rtol=1e-12)


@both
def test_three_steps_give_the_golden_losses_and_state(golden, engine):
    method = start(golden)
    trained = engine(method)
    for step, expected in enumerate(golden[0]["losses"]):
        losses = trained.step(image(golden, step, "a"), image(golden, step, "b"), step)
        assert losses == pytest.approx({our_term(k): v for k, v in expected.items()}, rel=1e-10)
    _, after = UGATIT.load_public_checkpoint(public(golden, "after3"))
    state = method.state_dict()
    assert state.keys() == after.keys()
    for name, tensor in after.items():
        torch.testing.assert_close(state[name], tensor, atol=1e-8, rtol=0, msg=lambda m, name=name: f"{name}: {m}")


@both
def test_the_config_of_a_public_checkpoint_follows_from_its_tensors(golden):
    record = golden[0]
    config, state = UGATIT.load_public_checkpoint(public(golden, "before"))
    generator, discriminator = record["generator"], record["discriminator"]
    assert (config.channels, config.blocks, config.light) == tuple(
        generator[k] for k in ("channels", "blocks", "light")
    )
    assert config.size == (256 if config.light else generator["size"])
    assert config.discriminator_channels == discriminator["channels"]
    assert config.global_depth == discriminator["global_layers"] - 2
    assert config.local_depth == discriminator["local_layers"] - 2
    assert state["generator_a2b.up1.norm.rho"].shape == (8,)
    assert torch.equal(state["global_b.last.u"], public(golden, "before")["disGB"]["conv.weight_u"])


def test_a_public_checkpoint_is_taken_with_that_codes_own_settings(golden):
    config, _ = UGATIT.load_public_checkpoint(public(golden, "before"))
    assert (config.rho_start, config.init, config.spectral_iterations) == (0.9, "default", "forward")
    assert (config.variance, config.discriminator_cam_weight, config.steps) == (
        "unbiased",
        "unnormalised",
        1_000_000,
    )


def spoil(name: str, networks: dict[str, dict[str, Tensor]]) -> None:
    generator, discriminator = networks["genA2B"], networks["disGA"]
    if name == "network":
        del networks["disLB"]
    elif name == "key":
        del generator["DownBlock.5.weight"]
    elif name == "no generator at all":
        networks["genB2A"].clear()
    elif name == "no discriminator at all":
        discriminator.clear()
    elif name == "unknown key":
        discriminator["model.1.weight_g"] = discriminator["model.1.bias"]
    elif name == "one block less":
        for key in [key for key in networks["genB2A"] if key.startswith(("UpBlock1_2", "DownBlock.13"))]:
            del networks["genB2A"][key]
    else:
        generator["UpBlock2.11.weight"] = generator["UpBlock2.11.weight"][:, :, :5, :5]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("network", r"lacks disLB; .* hold genA2B, genB2A, disGA, disGB, disLA, disLB"),
        ("key", r"genA2B lacks DownBlock.5.weight; it should hold DownBlock.1.weight"),
        ("no generator at all", r"genB2A lacks DownBlock.1.weight, .* and \d+ more"),
        ("no discriminator at all", r"disGA lacks conv.weight_orig, .* and \d+ more"),
        ("unknown key", r"disGA has unknown model.1.weight_g"),
        ("one block less", r"nothing where generator_b2a.decoder.1.conv1.weight should be \(16, 16, 3, 3\)"),
        ("shape", r"\(3, 4, 5, 5\) where generator_a2b.head.weight should be \(3, 4, 7, 7\)"),
    ],
)
def test_a_checkpoint_of_another_kind_is_refused_by_the_key(golden, wrong, message):
    networks = public(golden, "before")
    spoil(wrong, networks)
    with pytest.raises(UsageError, match=message):
        UGATIT.load_public_checkpoint(networks)


def test_a_revision_that_is_not_known_is_refused(golden):
    with pytest.raises(UsageError, match="--revision 2001-01"):
        UGATIT.load_public_checkpoint(public(golden, "before"), "2001-01")
