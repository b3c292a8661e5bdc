"""What a run writes while it trains: metrics.jsonl, timing.jsonl and TensorBoard.

metrics.jsonl holds no time and no cadence of saving, so it is byte-equal after any number of kills.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard import SummaryWriter

METRICS = "metrics.jsonl"
TIMING = "timing.jsonl"


class Logs:
    """The open log files of a run that goes on after `step` steps; lines of later steps are cut off."""

    def __init__(self, folder: Path, step: int) -> None:
        for name in (METRICS, TIMING):
            _cut_back(folder / name, step)
        self._metrics = (folder / METRICS).open("a", encoding="utf-8")
        self._timing = (folder / TIMING).open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
        self._last = (step, time.perf_counter())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for log in (self._metrics, self._timing, self._board):
            log.close()

    def write(self, step: int, values: dict[str, float]) -> None:
        """One line of metrics.jsonl and its curves; the time since the line before goes to timing.jsonl."""
        self._metrics.write(json.dumps({"step": step, **values}) + "\n")
        self._metrics.flush()
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        last_step, last_time = self._last
        now = time.perf_counter()
        if step > last_step:
            seconds = (now - last_time) / (step - last_step)
            self._timing.write(json.dumps({"step": step, "seconds_per_step": seconds}) + "\n")
            self._timing.flush()
            self._board.add_scalar("time/steps_per_second", 1 / seconds, step)
        self._last = (step, now)

    def flush_to_disk(self) -> None:
        """Make sure that metrics.jsonl is as far as the checkpoint that is about to be saved."""
        os.fsync(self._metrics.fileno())


def _cut_back(file: Path, step: int) -> None:
    """Keep the lines of steps up to `step`; a last line that a kill left unfinished goes too."""
    if not file.exists():
        return
    kept = []
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            if not line.endswith("\n") or json.loads(line)["step"] > step:
                break
        except json.JSONDecodeError:
            break
        kept.append(line)
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.write_text("".join(kept), encoding="utf-8")
    aside.replace(file)
