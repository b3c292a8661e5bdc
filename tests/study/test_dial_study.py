"""What `ablate --dial` declares, and that docs/dial-study.md, the plan, says the same."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import torch

from ugbench import registry
from ugbench.data.dial import spec as data
from ugbench.errors import DataError, UsageError
from ugbench.statistics.adaptation import ERROR_MARGIN, RHO_MARGIN, Setting
from ugbench.study import dial
from ugbench.study.grid import arms, cells, declare

PLAN = Path(__file__).parents[2] / "docs" / "dial-study.md"


def adaptation():
    found = registry.load_method("ugatit").adaptation
    assert found is not None
    return found


def fields(**changes):
    return dial.fields("ugatit", adaptation(), **changes)


def test_the_grid_is_three_settings_and_seven_seeds_with_no_fixed_rho_in_the_placebo() -> None:
    study = declare(fields(), "the test")
    assert [arm.variant for arm in arms(study)] == ["rho-from-0", "rho-from-05", "rho-from-1", "rho0", "adain"]
    found = cells(study)
    assert len(found) == 91
    assert set(Counter((cell.arm, cell.dataset) for cell in found).values()) == {7}
    assert [cell.arm.variant for cell in found[:3]] == list(adaptation().learnt)
    assert {cell.dataset for cell in found[:3]} == {"dial:shape=0,texture=0,size=32"}
    assert len({cell.arm for cell in found[3:13]}) == 5
    specs = [data.parse_spec(name) for name in dict.fromkeys(cell.dataset for cell in found)]
    assert [(spec.shape, spec.texture) for spec in specs] == [(0, 0), (1, 0), (0, 1)]
    assert {(spec.size, spec.train, spec.test, spec.seed) for spec in specs} == {(32, 400, 100, 0)}


def test_the_plan_names_the_same_numbers() -> None:
    text = PLAN.read_text(encoding="utf-8")
    study, own = fields(), adaptation()
    table = dict(
        re.findall(r"^\| (settings \(shape, texture\)|arms|seeds|size, preset, steps) \| (.*) \|$", text, re.M)
    )
    settings = [
        Setting(*map(float, pair)) for pair in re.findall(r"\((\d), (\d)\)", table["settings (shape, texture)"])
    ]
    assert settings == list(dial.SETTINGS)
    assert re.findall(r"`([a-z0-9-]+)`", table["arms"]) == [*own.learnt, *own.fixed]
    assert table["seeds"] == f"{study['seeds'][0]} to {study['seeds'][-1]}"
    assert f"{dial.SIZE} px, `{dial.PRESET}`" in table["size, preset, steps"]
    batch = registry.load_method("ugatit").make_config(dial.PRESET).batch_size
    assert f"batches of {batch}," in table["size, preset, steps"]
    assert f"{dial.STEPS} steps" in table["size, preset, steps"]
    rates = {registry.load_method("ugatit").VARIANTS[name]["rho_lr_factor"] for name in own.learnt}
    assert f"rate {rates.pop():g} times the networks'" in text and not rates
    assert f"±{RHO_MARGIN:g}:" in text and f"| -{ERROR_MARGIN:g}:" in text


def test_other_variants_run_beside_the_arms_once_each() -> None:
    study = declare(fields(others=["in", "adain"]), "the test")
    assert [arm.variant for arm in arms(study)][3:] == ["rho0", "adain", "in"]


def test_another_dial_is_turned_with_its_own_fields() -> None:
    assert fields(base="dial:size=64,train=9")["datasets"][1] == "dial:shape=1,texture=0,size=64,train=9"
    assert fields(base="dial:size=64")["size"] == 64
    assert fields(base="dial")["datasets"][2] == "dial:shape=0,texture=1,size=32"
    assert fields(base="dial:train=9", size=16)["datasets"][2] == "dial:shape=0,texture=1,size=16,train=9"
    assert fields(size=64)["datasets"][0] == "dial:shape=0,texture=0,size=64"


@pytest.mark.parametrize(
    ("base", "why"),
    [
        ("dial:shape=1", "--dial turns a dial's shape and texture itself"),
        ("dial:size=32, texture=0.5", "--dial turns a dial's shape and texture itself"),
        ("cat2dog", "--dial turns a dial, and that is none"),
        ("dialled:size=32", "--dial turns a dial, and that is none"),
    ],
)
def test_what_cannot_be_turned_is_refused(base: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"--dataset {base}: {why}"):
        fields(base=base)


def test_a_dial_that_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(DataError, match="size=3"):
        fields(base="dial:size=3")


def test_the_arms_of_a_seed_differ_in_rho_alone() -> None:
    method, own = registry.load_method("ugatit"), adaptation()
    small = {"size": 32, "channels": 4, "discriminator_channels": 4, "steps": 2}
    states = {}
    for name in (*own.learnt, *own.fixed):
        torch.manual_seed(0)
        states[name] = method(method.make_config("smoke", name, small)).state_dict()
    first = states.pop("rho0")
    assert not any(key.endswith(".rho") for key in first)
    for name, state in states.items():
        shares = {key: tensor for key, tensor in state.items() if key.endswith(".rho")}
        assert bool(shares) == (name in own.learnt)
        assert all((tensor == own.learnt[name]).all() for tensor in shares.values())
        others = {key: tensor for key, tensor in state.items() if key not in shares}
        assert others.keys() == first.keys()
        assert all(torch.equal(others[key], first[key]) for key in first)


def test_every_rho_of_the_decoders_blocks_and_no_other_is_what_the_study_reads() -> None:
    method, own = registry.load_method("ugatit"), adaptation()
    small = {"size": 32, "channels": 4, "discriminator_channels": 4, "steps": 2}
    names = method(method.make_config("smoke", "rho-from-0", small)).scalars()
    for direction, generator in (("A2B", "generator_a2b"), ("B2A", "generator_b2a")):
        read = [name for name in names if name.startswith(own.scalars[direction])]
        blocks = [f"rho/{generator}.decoder.{block}.norm{norm}" for block in (0, 1) for norm in (1, 2)]
        assert sorted(read) == blocks
