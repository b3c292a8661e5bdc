"""Files of weights: what fits a network, what is refused, and what the digest depends on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ugbench.errors import WeightsError
from ugbench.nn.weight_files import digest, fill, given, part_for, read_weight_file

NAN = float("nan")
OPTION = given("vgg", Path("a.pth"))


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def state(prefix: str = "", kind: torch.dtype = torch.float32) -> dict[str, Tensor]:
    tensors = {key: torch.full(tensor.shape, 0.5) for key, tensor in network().state_dict().items()}
    return {prefix + key: tensor.to(kind) for key, tensor in tensors.items()}


def test_a_digest_follows_names_dtypes_shapes_and_bytes_and_nothing_else() -> None:
    state = {"b": torch.tensor(7), "a": torch.arange(6, dtype=torch.float32).view(2, 3)}
    text = b'["a", "torch.float32", [2, 3]]\n' + state["a"].numpy().tobytes()
    text += b'["b", "torch.int64", []]\n' + state["b"].numpy().tobytes()
    same = digest(state)
    assert same == hashlib.sha256(text).hexdigest()
    assert digest(dict(reversed(state.items()))) == same
    assert digest({**state, "a": state["a"].T.contiguous().T}) == same
    others = [
        {**state, "a": state["a"].view(3, 2)},
        {**state, "a": state["a"].view(torch.int32)},
        {"c": state["b"], "a": state["a"]},
        {**state, "b": torch.tensor(8)},
    ]
    assert same not in map(digest, others) and len(set(map(digest, others))) == 4


def test_a_file_of_weights_that_are_not_finite_is_refused_by_the_tensor() -> None:
    network = nn.Linear(2, 1)
    state = {"weight": torch.tensor([[0.0, NAN]]), "bias": torch.zeros(1)}
    with pytest.raises(WeightsError, match=r"^--weights alexnet=a: weight has 1 of 2 values that are NaN or infinite"):
        fill(network, state, "--weights alexnet=a")


@pytest.mark.parametrize("prefix", ["", "features.", "module.", "module.features."])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.float16])
def test_a_part_of_a_file_is_taken_under_any_one_prefix(prefix: str, kind: torch.dtype) -> None:
    more = {"classifier.0.weight": torch.zeros(7, 5), "classifier.0.bias": torch.zeros(7)}
    part = part_for(network(), {**more, **state(prefix, kind)}, OPTION)
    assert part.keys() == network().state_dict().keys() and part.pop("1.num_batches_tracked") == 0
    assert all(tensor.dtype == torch.float32 and (tensor == 0.5).all() for tensor in part.values())


def test_counts_of_batches_may_be_missing_and_do_not_count() -> None:
    complete, old = state(), state()
    complete["1.num_batches_tracked"] = torch.tensor(7)
    del old["1.num_batches_tracked"]
    assert digest(part_for(network(), complete, OPTION)) == digest(part_for(network(), old, OPTION))


def test_names_without_a_prefix_come_before_others() -> None:
    part = part_for(network(), {**state("copy."), **state(), "0.bias": torch.ones(4)}, OPTION)
    assert (part["0.bias"] == 1).all()


def test_the_misfit_that_is_named_is_of_the_prefix_that_fits_best() -> None:
    other = {"head.0.weight": torch.zeros(1), **state("net.")}
    other["net.1.bias"] = torch.zeros(5)
    message = r"^--weights vgg=a\.pth holds another network: net\.1\.bias is \(5,\) and should be \(4,\); give the file"
    with pytest.raises(WeightsError, match=message):
        part_for(network(), other, OPTION)


@pytest.mark.parametrize("prefix", ["", "features."])
def test_of_another_architecture_a_shape_is_named_before_a_key_that_is_missing(prefix: str) -> None:
    other = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)).state_dict()
    file = {prefix + key: tensor for key, tensor in other.items()}
    message = rf": {prefix}0\.weight is \(8, 3, 3, 3\) and should be \(4, 3, 1, 1\); give the file"
    with pytest.raises(WeightsError, match=message):
        part_for(network(), file, OPTION)
    if not prefix:
        with pytest.raises(WeightsError, match=message):
            fill(network(), file, OPTION)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"state_dict": state(), "epoch": 3}, "is no dictionary of tensors"),
        (network(), "is refused: it is damaged or holds more than tensors, which could run code"),
    ],
)
def test_a_checkpoint_or_a_whole_network_is_refused_with_what_to_save(
    content: object, fault: str, tmp_path: Path
) -> None:
    file = tmp_path / "net.pth"
    torch.save(content, file)
    with pytest.raises(WeightsError) as caught:
        read_weight_file("vgg", file, "the weights of vgg")
    assert str(caught.value) == (
        f"--weights vgg={file} {fault}; it takes the weights of vgg; of a network of your own, save its `state_dict()` "
        "alone."
    )


def test_values_that_are_not_finite_matter_in_the_part_alone() -> None:
    elsewhere = {**state("features."), "classifier.weight": torch.full((2,), NAN)}
    assert part_for(network(), elsewhere, OPTION)
    with pytest.raises(WeightsError, match=r"^--weights vgg=a\.pth: 0\.bias has 4 of 4 values that are NaN"):
        part_for(network(), {**state(), "0.bias": torch.full((4,), NAN)}, OPTION)
