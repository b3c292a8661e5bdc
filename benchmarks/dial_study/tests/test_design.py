"""What the study declares, and that docs/dial-study.md, its plan, says the same."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import torch

from benchmarks.dial_study import design
from benchmarks.dial_study.design import ARMS, RHO_SCALARS, Setting, check_overrides, study_fields, to_toml
from benchmarks.dial_study.verdict import ERROR_MARGIN, RHO_MARGIN
from ugatit.method import UGATIT
from ugbench.data.dial import spec
from ugbench.errors import DataError, UsageError
from ugbench.study.grid import arms, declare, study_runs

PLAN = Path(__file__).parents[3] / "docs" / "dial-study.md"
SMALL = {"size": 32, "channels": 4, "discriminator_channels": 4, "steps": 2}
LEARNT = [variant for variant, arm in ARMS.items() if arm.learnt]


def test_the_grid_is_three_settings_and_seven_seeds_with_no_fixed_rho_in_the_placebo() -> None:
    study = declare(study_fields(), "the test")
    assert [arm.variant for arm in arms(study)] == ["rho-from-0", "rho-from-05", "rho-from-1", "rho0", "adain"]
    runs = study_runs(study)
    assert len(runs) == 91
    assert set(Counter((run.arm, run.dataset) for run in runs).values()) == {7}
    assert [run.arm.variant for run in runs[:3]] == LEARNT
    assert {run.dataset for run in runs[:3]} == {"dial:shape=0,texture=0,size=32"}
    assert len({run.arm for run in runs[3:13]}) == 5
    dials = [spec.parse_spec(name) for name in dict.fromkeys(run.dataset for run in runs)]
    assert [(dial.shape, dial.texture) for dial in dials] == [(0, 0), (1, 0), (0, 1)]
    assert {(dial.size, dial.train, dial.test, dial.seed) for dial in dials} == {(32, 400, 100, 0)}


def test_the_file_of_a_study_says_what_its_fields_say() -> None:
    assert tomllib.loads(to_toml(study_fields())) == study_fields()


def test_the_plan_names_the_same_numbers() -> None:
    text = PLAN.read_text(encoding="utf-8")
    study = study_fields()
    table = dict(
        re.findall(r"^\| (settings \(shape, texture\)|arms|seeds|size, preset, steps) \| (.*) \|$", text, re.M)
    )
    settings = [
        Setting(*map(float, pair)) for pair in re.findall(r"\((\d), (\d)\)", table["settings (shape, texture)"])
    ]
    assert settings == list(design.SETTINGS)
    assert re.findall(r"`([a-z0-9-]+)`", table["arms"]) == list(ARMS)
    assert table["seeds"] == f"{study['seeds'][0]} to {study['seeds'][-1]}"
    assert f"{design.SIZE} px, `{design.PRESET}`" in table["size, preset, steps"]
    batch = UGATIT.make_config(design.PRESET).batch_size
    assert f"batches of {batch}," in table["size, preset, steps"]
    assert f"{design.STEPS} steps" in table["size, preset, steps"]
    rates = {UGATIT.VARIANTS[name]["rho_lr_factor"] for name in LEARNT}
    assert f"rate {rates.pop():g} times the networks'" in text and not rates
    assert f"±{RHO_MARGIN:g}:" in text and f"| -{ERROR_MARGIN:g}:" in text


def test_more_variants_run_once_each_after_the_arms() -> None:
    study = declare(study_fields(more_variants=["in", "adain"]), "the test")
    assert [arm.variant for arm in arms(study)][3:] == ["rho0", "adain", "in"]


def test_shape_and_texture_are_set_in_another_dial_which_keeps_its_other_fields() -> None:
    assert study_fields("dial:size=64,train=9")["datasets"][1] == "dial:shape=1,texture=0,size=64,train=9"
    assert study_fields("dial:size=64")["size"] == 64
    assert study_fields("dial")["datasets"][2] == "dial:shape=0,texture=1,size=32"
    assert study_fields("dial:train=9", size=16)["datasets"][2] == "dial:shape=0,texture=1,size=16,train=9"
    assert study_fields(size=64)["datasets"][0] == "dial:shape=0,texture=0,size=64"


def test_a_dial_that_gives_its_size_is_not_drawn_at_the_size_of_the_runs() -> None:
    fields = study_fields("dial:size=64", size=32)
    assert (fields["datasets"][0], fields["size"]) == ("dial:shape=0,texture=0,size=64", 32)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("dial:shape=1", "the study sets shape and texture itself"),
        ("dial:size=32, texture=0.5", "the study sets shape and texture itself"),
        ("cat2dog", "this is no dial"),
        ("dialled:size=32", "this is no dial"),
    ],
)
def test_a_base_that_is_no_open_dial_is_refused(base: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"--dataset {base}: {message}"):
        study_fields(base)


def test_a_dial_that_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(DataError, match="size=3"):
        study_fields("dial:size=3")


@pytest.mark.parametrize("key", ["rho_start", "ugatit.rho_start_up", "rho"])
def test_a_field_in_which_the_arms_differ_cannot_be_set(key: str) -> None:
    with pytest.raises(UsageError, match=f"--set {key}: the arms of the dial study differ in this field"):
        check_overrides(["channels", key])


def test_a_field_that_all_learnt_arms_share_can_be_set() -> None:
    check_overrides(["ugatit.rho_lr_factor", "rho_decay"])


def test_the_arms_of_a_seed_differ_in_rho_alone() -> None:
    states = {}
    for name in ARMS:
        torch.manual_seed(0)
        states[name] = UGATIT(UGATIT.make_config("smoke", name, SMALL)).state_dict()
    first = states.pop("rho0")
    assert not any(key.endswith(".rho") for key in first)
    for name, state in states.items():
        rhos = {key: tensor for key, tensor in state.items() if key.endswith(".rho")}
        assert bool(rhos) == ARMS[name].learnt
        assert all((tensor == ARMS[name].rho).all() for tensor in rhos.values())
        others = {key: tensor for key, tensor in state.items() if key not in rhos}
        assert others.keys() == first.keys()
        assert all(torch.equal(others[key], first[key]) for key in first)


def test_every_rho_of_the_decoders_blocks_and_no_other_is_what_the_study_reads() -> None:
    names = UGATIT(UGATIT.make_config("smoke", "rho-from-0", SMALL)).scalars()
    for direction, generator in (("A2B", "generator_a2b"), ("B2A", "generator_b2a")):
        read = [name for name in names if name.startswith(RHO_SCALARS[direction])]
        blocks = [f"rho/{generator}.decoder.{block}.norm{norm}" for block in (0, 1) for norm in (1, 2)]
        assert sorted(read) == blocks
