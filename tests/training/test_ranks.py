"""Several processes that train together, each with a part of each batch, train as one does with the whole batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from method_cases import CASES
from third_party import third_party_site

from ugbench.errors import UgbenchError, UsageError
from ugbench.launched import Launched, launched
from ugbench.nn.across_ranks import ALONE, Ranks
from ugbench.training.ranks import check_batch_norm, check_divides, device_of_rank

__all__ = ["third_party_site"]

SUPPORT = Path(__file__).parents[1] / "support"
STEPS = 6
Case = tuple[str, str | None, dict[str, Any], list[int]]
SMALLEST = {
    "aggan": 16,
    "drit": 16,
    "munit": 16,
    "ugatit": 16,
    "unit": 16,
    "cut": 24,
    "cyclegan": 24,
}  # px, so that the tests are fast
# Rounding moves biases before a norm in proportion to the rate, and a cycle with styles magnifies it.
FIELDS: dict[str, dict[str, Any]] = {"munit": {"lr": 1e-4}}


@pytest.fixture(scope="module")
def compare(
    tmp_path_factory: pytest.TempPathFactory, third_party_site: Path
) -> Callable[[int, Sequence[Case]], dict[str, Any]]:
    """Trains cases with so many ranks, and returns what tests/support/ranks_equal.py has found."""

    def run(count: int, cases: Sequence[Case]) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp("ranks")
        words = [str(count), str(third_party_site), json.dumps(cases)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(SUPPORT / "ranks_equal.py"), str(folder)]
        ranks = [
            subprocess.Popen([*command, str(rank), *words], env=environment, stderr=subprocess.PIPE, text=True)
            for rank in range(count)
        ]
        errors = [rank.communicate(timeout=500)[1] for rank in ranks]
        assert [rank.returncode for rank in ranks] == [0] * count, errors
        found: dict[str, Any] = json.loads((folder / "found.json").read_text())
        return found

    return run


def case(name: str, variant: str | None, of_steps: list[int], **fields: Any) -> Case:
    return name, variant, {"size": SMALLEST.get(name, 32), **FIELDS.get(name, {}), **fields}, of_steps


def check(found: dict[str, Any], cases: Sequence[Case]) -> None:
    for case in cases:
        differences = found[json.dumps(case)]
        assert differences["tensors"] > 10
        assert differences["moved"][1] < 1e-9, (case, differences)
        assert differences["still"][1] < 1e-7, (case, differences)


def test_two_ranks_train_each_method_as_one_does(compare: Callable[..., dict[str, Any]]) -> None:
    cases = [case(name, variant, [2] * STEPS) for name, variant in CASES]
    cases += [case("ugatit", None, [2] * STEPS, light=False)]  # with gradients in factors
    cases += [case("ugatit", "bin", [2] * STEPS, checkpoint_activations=True)]
    # The state after some steps of two ranks or of one is the same, so that a run goes on with another number.
    cases += [case("cyclegan", None, of_steps) for of_steps in ([2, 2, 2, 1, 1, 1], [1, 1, 1, 2, 2, 2])]
    found = compare(2, cases)
    check(found, cases)

    # Each generator's layer (16 x 1024) sees its images, those of the other domain and its cycle: 3 of each rank's 2.
    sent_in_factors, sent_whole = found["bytes"]
    factors, whole = 2 * 3 * 2 * (1024 + 16) * 4, 2 * 16 * 1024 * 4
    assert sent_in_factors - sent_whole == factors - whole


def test_four_ranks_with_an_image_each_train_as_one_does(compare: Callable[..., dict[str, Any]]) -> None:
    names = [(name, "bin" if name == "ugatit" else None) for name in (*SMALLEST, "cartoongan")]
    cases = [case(name, variant, [4] * STEPS) for name, variant in names]
    check(compare(4, cases), cases)


def test_a_batch_that_the_ranks_do_not_divide_is_refused_with_both_numbers() -> None:
    check_divides(Ranks(0, 2), 4)
    with pytest.raises(UsageError, match=r"^batch_size=4: .* 3 processes cannot divide it .* multiple of 3"):
        check_divides(Ranks(0, 3), 4)


def test_the_parts_of_the_ranks_are_the_whole_batch_in_order() -> None:
    images = list(range(12))
    assert [images[Ranks(rank, 4).part(12)] for rank in range(4)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert images[ALONE.part(12)] == images


def test_batch_norm_of_torch_is_refused_where_there_are_several_ranks() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1), torch.nn.BatchNorm2d(3))
    check_batch_norm(ALONE, network)
    check_batch_norm(Ranks(0, 2), network.eval())  # a frozen one
    with pytest.raises(UgbenchError, match=r"^1 is torch's BatchNorm2d, whose statistics"):
        check_batch_norm(Ranks(0, 2), network.train())


def test_each_rank_of_a_machine_takes_the_gpu_of_its_local_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    launch = Launched(rank=6, count=8, local_rank=2, local_count=4)
    assert device_of_rank(launch, "auto") == torch.device("cuda", 2)
    assert device_of_rank(launch, "cpu") == torch.device("cpu")
    with pytest.raises(UsageError, match=r"^--device cuda:0,cuda:1: 8 processes work together, and each takes one"):
        device_of_rank(launch, "cuda:0,cuda:1")
    with pytest.raises(UsageError, match="each takes a GPU of its own; give --device cuda"):
        device_of_rank(launch, "cuda:1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    with pytest.raises(UsageError, match=r"^4 processes were started on this machine, which has 3 GPUs"):
        device_of_rank(launch, "cuda")


def test_what_a_launcher_says_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    place = {"RANK": "3", "WORLD_SIZE": "4", "MASTER_ADDR": "host", "MASTER_PORT": "1", "LOCAL_RANK": "1"}
    place |= {"LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RESTART_COUNT": "5", "TORCHELASTIC_RUN_ID": "none"}
    assert launched() == Launched()
    for name, text in place.items():
        monkeypatch.setenv(name, text)
    assert launched() == Launched(3, 4, 1, 2, 5, is_watched=True)
    monkeypatch.setenv("RANK", "first")
    with pytest.raises(UsageError, match=r"^the environment variable RANK is 'first'"):
        launched()
    monkeypatch.delenv("MASTER_ADDR")  # set by a scheduler for something else
    assert launched() == Launched()
