"""The command that trains a run of a study."""

from __future__ import annotations

from pathlib import Path

import torch

from ugbench.study.runner import command
from ugbench.training.prepare import Request


def test_runs_that_train_at_once_are_told_how_many_share_the_machine() -> None:
    request = Request("cyclegan", "dial", Path("results"), Path("datasets"), torch.device("cpu"))
    assert "--jobs" not in command(request, "cpu")
    words = command(request, "cuda:1", jobs=3)
    assert words[words.index("--jobs") + 1] == "3"
    assert words[words.index("--device") + 1] == "cuda:1"
