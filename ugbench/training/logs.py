"""What a run writes while it trains: metrics.jsonl, timing.jsonl and TensorBoard.

metrics.jsonl holds no times, and nothing that depends on when the run was saved, so that its bytes are the same however
often training was killed and resumed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from ugbench.errors import writing
from ugbench.runs import jsonl
from ugbench.runs.folder import RunFolder


class Logs:
    """The logs of a run that has done `step` steps; lines of later steps are removed."""

    def __init__(self, run: RunFolder, step: int) -> None:
        for file in (run.metrics_file, run.timing_file):
            jsonl.cut_back(file, step)
        self._run = run
        with writing(run.tensorboard):
            self._tensorboard = SummaryWriter(str(run.tensorboard), purge_step=step + 1)
        self._last_step, self._last_time = step, time.perf_counter()

    def close(self) -> None:
        """Close the TensorBoard file; to be called when training stops for any reason."""
        with writing(self._run.tensorboard):
            self._tensorboard.close()

    def write(self, step: int, values: dict[str, float]) -> None:
        """Add a line to metrics.jsonl, and to timing.jsonl the mean seconds per step since the line before."""
        jsonl.append(self._run.metrics_file, [{"step": step, **values}])
        with writing(self._run.tensorboard):
            for name, value in values.items():
                self._tensorboard.add_scalar(name, value, step)
        now = time.perf_counter()
        if step > self._last_step:
            seconds = (now - self._last_time) / (step - self._last_step)
            jsonl.append(self._run.timing_file, [{"step": step, "seconds_per_step": seconds}])
            with writing(self._run.tensorboard):
                self._tensorboard.add_scalar("time/steps_per_second", 1 / seconds, step)
        self._last_step, self._last_time = step, now

    def show(self, step: int, images: Mapping[str, Tensor]) -> None:
        """Show images, uint8 (3, h, w) by name, in TensorBoard."""
        with writing(self._run.tensorboard):
            for name, image in images.items():
                self._tensorboard.add_image(name, image, step)
