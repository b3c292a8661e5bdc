"""What the names of devices and precisions mean."""

import pytest
import torch

from ugbench import device
from ugbench.device import pick_devices, pick_precision
from ugbench.errors import UsageError

CPU = torch.device("cpu")


@pytest.mark.parametrize(("hardware", "fastest"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_the_fastest_that_the_device_has_unless_the_caller_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, hardware: bool, fastest: str
) -> None:
    monkeypatch.setattr(device, "has_bf16", lambda device: hardware)
    assert pick_precision("auto", CPU) == fastest
    assert pick_precision("auto", CPU, auto="fp32") == "fp32"
    assert pick_precision("auto", CPU, auto="bf16") == "bf16"
    assert pick_precision("fp32", CPU, auto="bf16") == "fp32"


def test_several_devices_are_named_with_commas_and_each_gpu_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_devices("cuda:1,cuda:0") == [torch.device("cuda", 1), torch.device("cuda", 0)]
    assert pick_devices("cpu,cpu") == [CPU, CPU]
    with pytest.raises(UsageError, match="--device cuda:0,cuda:0: a device is named twice"):
        pick_devices("cuda:0,cuda:0")
    with pytest.raises(UsageError, match="--device cuda,cuda:0: a device is named twice"):
        pick_devices("cuda,cuda:0")
    with pytest.raises(UsageError, match="--device cuda:2: this machine has none"):
        pick_devices("cpu,cuda:2")
