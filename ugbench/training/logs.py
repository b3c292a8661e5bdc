"""What a run writes while it trains: metrics.jsonl, timing.jsonl, TensorBoard, and what trackers show.

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
from ugbench.training.tracking import Tracking


class Logs:
    """The logs of a run that has done `step` steps; lines of later steps are removed."""

    def __init__(self, run: RunFolder, step: int, tracking: Tracking) -> None:
        for file in (run.metrics_file, run.timing_file):
            jsonl.cut_back(file, step)
        self._run = run
        with writing(run.tensorboard):
            self._tensorboard = SummaryWriter(str(run.tensorboard), purge_step=step + 1)
        self._tracking = tracking
        tracking.go_on()
        self._last_step, self._last_time = step, time.perf_counter()

    def close(self) -> None:
        """Close the TensorBoard file; to be called when training stops for any reason."""
        with writing(self._run.tensorboard):
            self._tensorboard.close()

    def write(self, step: int, values: dict[str, float]) -> None:
        """Add a line to metrics.jsonl, and to timing.jsonl the mean seconds per step since the line before."""
        jsonl.append(self._run.metrics_file, [{"step": step, **values}])
        now = time.perf_counter()
        times = {}
        if step > self._last_step:
            seconds = (now - self._last_time) / (step - self._last_step)
            jsonl.append(self._run.timing_file, [{"step": step, "seconds_per_step": seconds}])
            times = {"time/steps_per_second": 1 / seconds}
        self._last_step, self._last_time = step, now
        self._show_scalars(step, values | times)

    def leave_out(self, seconds: float) -> None:
        """Do not count these seconds as time of the steps since the last line."""
        self._last_time += seconds

    def write_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Show the scores of a checkpoint; they are stored with the other scores of the run, and in no log."""
        self._show_scalars(step, scores)

    def show(self, step: int, images: Mapping[str, Tensor]) -> None:
        """Show images, uint8 (3, h, w) by name."""
        with writing(self._run.tensorboard):
            for name, image in images.items():
                self._tensorboard.add_image(name, image, step)
        self._tracking.images(step, images)

    def _show_scalars(self, step: int, values: Mapping[str, float]) -> None:
        with writing(self._run.tensorboard):
            for name, value in values.items():
                self._tensorboard.add_scalar(name, value, step)
        self._tracking.scalars(step, values)
