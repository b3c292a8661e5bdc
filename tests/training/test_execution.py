"""How steps are computed: the modes that there are, and where the options of it reach."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ugbench
from ugbench.errors import UsageError
from ugbench.training.execution import Execution


@pytest.mark.parametrize("name", ["compile", "capture"])
def test_another_mode_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=rf"no mode of {name} is called 'yes'. Known: auto, off, on"):
        Execution(**{name: "yes"})


def test_steps_are_computed_eagerly_and_without_guarantee_of_bits_unless_asked() -> None:
    assert Execution() == Execution(deterministic=False, compile="auto", capture="auto")


def test_python_refuses_a_mode_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mode of compile"):
        ugbench.train("cyclegan", "dial", results=tmp_path / "r", data_root=tmp_path / "d", compile="yes")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_capture_needs_one_gpu_and_a_precision_without_a_loss_scale() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    Execution(capture="on").check(gpu, "bf16")
    Execution(capture="auto").check(cpu, "fp16", ranks=2)
    with pytest.raises(UsageError, match=r"capture on: only GPUs of NVIDIA replay steps, and the device is cpu"):
        Execution(capture="on").check(cpu, "bf16")
    with pytest.raises(UsageError, match=r"capture on: only a training on one GPU"):
        Execution(capture="on").check(gpu, "bf16", ranks=2)
    with pytest.raises(UsageError, match=r"capture on: in fp16 the loss scale waits for the GPU"):
        Execution(capture="on").check(gpu, "fp16")


def test_auto_captures_and_compiles_nothing_until_that_has_been_measured() -> None:
    modes = ("auto", "off", "on")
    assert [Execution(capture=mode).captures for mode in modes] == [False, False, True]
    assert [Execution(compile=mode).compiles for mode in modes] == [False, False, True]
