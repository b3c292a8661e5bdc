"""Converted DRIT checkpoints give the same outputs as plain networks with the keys of the public code."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.drit import DRIT
from ugbench.errors import UsageError
from ugbench.imports.checkpoint_files import read_tensors

SIZE = 32
PUBLIC = runpy.run_path(str(Path(__file__).with_name("drit_public.py")))
made, Plain = PUBLIC["made"], PUBLIC["Plain"]
State = dict[str, Tensor]


def file_of(networks: dict[str, State]) -> dict[str, Any]:
    """What that code saves: eight networks, their optimizers and two counters."""
    judges = {name: {"model.0.model.1.weight": torch.zeros(4, 3, 4, 4)} for name in ("disA", "disA2", "disB", "disB2")}
    judges["disContent"] = {"model.4.weight": torch.zeros(1, 16, 1, 1)}
    adam = {"state": {0: {"step": 7, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
    optimizers = {f"{name}_opt": adam for name in (*judges, *networks)}
    return {**judges, **networks, **optimizers, "ep": 1199, "total_it": 500_000}


def built(tensors: dict[str, Any]) -> DRIT:
    config, state = DRIT.load_public_checkpoint(tensors)
    fields = {"size": SIZE, "scales": None, "content_depth": None}
    method = DRIT(type(config)(**{**config.model_dump(), **fields}))
    missing, unexpected = method.load_state_dict(state, strict=False)
    assert not unexpected
    assert all("discriminator" in key for key in missing)
    return method.double().eval()


@pytest.mark.parametrize(("form", "blocks"), [("concat", 3), ("concat", 1), ("transform", 3)])
def test_a_file_translates_as_plain_networks_with_its_keys_do(form: str, blocks: int, tmp_path: Path) -> None:
    networks = made(form, blocks)
    torch.save(file_of(networks), tmp_path / "01199.pth")
    method, plain = built(read_tensors([tmp_path / "01199.pth"])), Plain(networks)
    assert (method.config.form, method.config.channels, method.config.blocks) == (form, PUBLIC["CHANNELS"], blocks)
    x, z = torch.rand(2, 3, SIZE, SIZE, dtype=torch.float64) * 2 - 1, torch.randn(2, 8, dtype=torch.float64)
    with torch.no_grad():
        for direction, source, target in (("A2B", "A", "B"), ("B2A", "B", "A")):
            expected = plain.generate(plain.content(x, source), z, target)
            assert expected.std() > 0.05
            torch.testing.assert_close(method.translate(x, direction, z), expected, rtol=0, atol=1e-9)
            attributes = plain.attributes(x, target)
            assert attributes[0].std() > 0.01
            torch.testing.assert_close(method.encode_style(x, direction), attributes[0], rtol=0, atol=1e-9)
            found = method.attribute_encoder(x, target.lower())
            torch.testing.assert_close(found, attributes, rtol=0, atol=1e-9)


@pytest.mark.parametrize("form", ["concat", "transform"])
def test_the_tensors_tell_all_but_the_size_which_is_taken_as_256_px(form: str) -> None:
    config, _ = DRIT.load_public_checkpoint(made(form))
    variant = None if form == "concat" else form
    assert config == DRIT.make_config("paper", variant, {"channels": PUBLIC["CHANNELS"], "steps": None})


def test_a_wrapped_file_with_prefixed_keys_is_read_as_the_plain_one() -> None:
    networks = made("concat", 1)
    prefixed = {name: {f"module.{key}": tensor for key, tensor in state.items()} for name, state in networks.items()}
    _, expected = DRIT.load_public_checkpoint(networks)
    for content in (prefixed, file_of(networks), file_of(prefixed), {"model": networks, "epoch": 3}):
        _, state = DRIT.load_public_checkpoint(content)
        assert state.keys() == expected.keys()
        assert all(tensor.equal(expected[key]) for key, tensor in state.items())


CONCAT, TRANSFORM = made("concat"), made("transform")
CONV = "conv_share.0.model.1.weight"


def changed(networks: dict[str, State], network: str, **tensors: Tensor | None) -> dict[str, State]:
    """The networks with other tensors by key; without those that are None."""
    state = {**networks[network], **tensors}
    return {**networks, network: {key: tensor for key, tensor in state.items() if tensor is not None}}


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({}, r"^DRIT checkpoint: nothing was found; expected the networks enc_c, enc_a and gen of one \.pth file"),
        ({"enc_c": CONCAT["enc_c"], "gen": CONCAT["gen"]}, "enc_c, gen was found; expected"),
        (CONCAT["gen"], r"dec_share\.0\.model\.1\.weight, .* more was found; expected"),
        ({"enc_c": {}, "enc_a": {}, "gen": {}}, "enc_c, enc_a, gen was found; expected"),
        (
            {**CONCAT, "enc_c": {"convA.0.model.1.bias": torch.zeros(4)}},
            r"enc_c has convA\.0\.model\.1\.bias; expected",
        ),
        (
            {**CONCAT, "gen": TRANSFORM["gen"]},
            r"gen has the unknown key mlpA\.0\.weight for the form concat of enc_a; expected",
        ),
        (
            {**TRANSFORM, "gen": CONCAT["gen"]},
            r"gen has the unknown key dec_share\.0\.model\.1\.weight for the form transform of enc_a",
        ),
        (
            changed(CONCAT, "enc_c", **{"convA.3.model.2.running_mean": torch.zeros(16)}),
            r"enc_c has the unknown key convA\.3\.model\.2\.running_mean",
        ),
        (
            changed(CONCAT, "enc_c", **{CONV: None}),
            r"content_encoder\.shared\.layers\.1\.weight is nothing, expected \(16, 16, 3, 3\)",
        ),
        (
            changed(CONCAT, "enc_a", **{"fcVar_B.0.bias": torch.zeros(9)}),
            r"attribute_encoder\.log_variance\.b\.bias is \(9,\), expected \(8,\); only networks of one form",
        ),
        (
            changed(TRANSFORM, "gen", **{"decB5.1.model.1.weight": None}),
            r"generator\.domains\.b\.up2\.1\.weight is nothing, expected \(4,\)",
        ),
        (
            {**TRANSFORM, "enc_c": made("concat", 2)["enc_c"]},
            r"generator\.domains\..* is .*, expected .* residual blocks",
        ),
    ],
)
def test_the_error_for_another_file_says_what_was_found_and_what_was_expected(
    tensors: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        DRIT.load_public_checkpoint(tensors)


def test_a_revision_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--revision 7 was given; there is one, leave it out"):
        DRIT.load_public_checkpoint(CONCAT, "7")
