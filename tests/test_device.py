"""What `auto` means for a precision."""

import pytest
import torch

from ugbench import device
from ugbench.device import pick_precision

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
