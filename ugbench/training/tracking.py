"""The trackers of one training (see ugbench.tracker): what each of them has already, and what happens if one fails.

A training must not end because of a tracker. A tracker that raises an error is not called for some minutes, and is then
given the lines of metrics.jsonl that it lacks. RUN/tracking.json says up to which step it has each value and image, so
that a training that is resumed, or goes back to a checkpoint, sends nothing twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, NonNegativeInt, StringConstraints, ValidationError
from torch import Tensor

from ugbench.errors import RunError, Stopped, UgbenchError, first_fault
from ugbench.runs import jsonl
from ugbench.runs.files import is_file
from ugbench.runs.json_file import read_json, write_json
from ugbench.runs.run import Run
from ugbench.tracker import Image, Status, TrackedRun, TrackedTraining, Tracker

T = TypeVar("T")
PAUSE = 600.0  # seconds for which a tracker is not called after an error
SLOW = 10  # after a call that failed slowly, as over a network, the pause is at least this many times as long


class Sent(BaseModel):
    """What RUN/tracking.json holds.

    Attributes:
        id: of the run at each tracker, see `TrackedRun`.
        steps: by tracker and name, the last step of which the tracker has a value or an image.
    """

    model_config = ConfigDict(strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}-[0-9a-f]{6}$")]
    steps: dict[str, dict[str, NonNegativeInt]] = {}


@dataclass
class _Tracked:
    """One tracker and its run; `is_behind` if it lacks lines of metrics.jsonl."""

    name: str
    training: TrackedTraining
    sent: dict[str, int]
    is_behind: bool = True
    paused_until: float = 0.0
    is_reported: bool = False


@dataclass
class Tracking:
    """The trackers of a training, which may be none."""

    run: Run
    log: Callable[[str], None]
    sent: Sent | None = None
    _all: list[_Tracked] = field(default_factory=list)
    _is_begun: bool = False
    _is_reported: bool = False

    def start(self, trackers: Mapping[str, Tracker]) -> None:
        """Begin or resume the run of each tracker.

        Raises:
            UgbenchError: a tracker cannot be started; those that were are ended.
        """
        if not trackers:
            return
        assert self.sent is not None
        described = describe(self.run, self.sent.id)
        for name, tracker in trackers.items():
            try:
                training = tracker.start(described)
            except Exception as error:  # of any type: the tracker may come from anybody
                raise UgbenchError(
                    f"--track {name} could not be started ({_reason(error)}); correct its settings, or leave the "
                    "option out."
                ) from error
            self._all.append(_Tracked(name, training, self.sent.steps.setdefault(name, {})))

    def go_on(self) -> None:
        """Send each tracker the lines of metrics.jsonl that it lacks; called before the first step.

        Before that, metrics.jsonl and tracking.json may still be those of a training that is to begin again.
        """
        self._is_begun = True
        for tracked in self._all:
            self._call(tracked, partial(self._catch_up, tracked))
        self._store()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Send numbers of a step; those of metrics.jsonl must be in that file already."""
        for tracked in self._all:
            self._call(tracked, partial(self._send, tracked, step, values))
        self._store()

    def images(self, step: int, images: Mapping[str, Tensor]) -> None:
        """Send images of a step, uint8 (3, h, w) by name."""
        arrays = {name: image.permute(1, 2, 0).numpy() for name, image in images.items()} if self._all else {}
        for tracked in self._all:
            self._call(tracked, partial(_send_images, tracked, step, arrays))
        self._store()

    def end(self, status: Status) -> None:
        """Say how the training ended, after a last try to send what a tracker lacks."""
        for tracked in self._all:
            tracked.paused_until = 0.0
            if tracked.is_behind and self._is_begun:
                self._call(tracked, partial(self._catch_up, tracked))
            tracked.paused_until = 0.0
            self._call(tracked, partial(tracked.training.end, status))
        self._store()

    def _send(self, tracked: _Tracked, step: int, values: Mapping[str, float]) -> None:
        if tracked.is_behind:
            self._catch_up(tracked)
        _send_scalars(tracked, step, values)

    def _catch_up(self, tracked: _Tracked) -> None:
        """Send the lines of metrics.jsonl that a tracker lacks."""
        for fields in jsonl.read(self.run.metrics_file, dict, "line of logged numbers", skip_unfinished=True):
            _send_scalars(tracked, int(fields.pop("step")), fields)
        tracked.is_behind = False

    def _call(self, tracked: _Tracked, call: Callable[[], None]) -> None:
        """Call a tracker. Only its first error is logged; after each error it is not called for some minutes."""
        began = time.monotonic()
        if began < tracked.paused_until:
            tracked.is_behind = True
            return
        try:
            call()
        except Exception as error:  # of any type: a curve that cannot be shown must not end a training
            now = time.monotonic()
            tracked.paused_until = now + max(PAUSE, SLOW * (now - began))
            tracked.is_behind = True
            if not tracked.is_reported:
                tracked.is_reported = True
                self.log(
                    f"the tracker {tracked.name} has failed ({_reason(error)}); training goes on, and the tracker is "
                    "tried again from time to time."
                )

    def _store(self) -> None:
        """Write RUN/tracking.json."""
        if self.sent is None or not self._is_begun:
            return
        try:
            write_json(self.run.tracking_file, self.sent.model_dump())
        except UgbenchError as error:
            if not self._is_reported:
                self._is_reported = True
                self.log(str(error))


@contextmanager
def tracking(
    run: Run, trackers: Mapping[str, Tracker], log: Callable[[str], None], restart: bool = False
) -> Iterator[Tracking]:
    """The trackers of a training, which are told when the block ends and how.

    Args:
        restart: begin a new run at each tracker.
    Raises:
        UgbenchError: a tracker cannot be started.
        RunError: tracking.json holds something else.
    """
    begun = Tracking(run, log, _sent(run, restart) if trackers else None)
    status: Status = "failed"
    try:
        begun.start(trackers)
        yield begun
        status = "done"
    except Stopped:
        status = "stopped"
        raise
    finally:
        begun.end(status)


def describe(run: Run, tracked_id: str) -> TrackedRun:
    """What a tracker is told of a run."""
    config = run.config
    dataset = run.dataset_folder.name
    direction = f" {config.direction}" if config.direction else ""
    names = ("method", "variant", "direction", "seed", "precision", "init_from", "init_only", "continue_from")
    fields: dict[str, Any] = {name: value for name in names if (value := getattr(config, name)) is not None}
    return TrackedRun(
        id=tracked_id,
        name=f"{config.label} on {dataset}{direction}, seed {config.seed}",
        dataset=dataset,
        results=run.results,
        config={"run": run.id, "dataset": dataset, **fields, **config.config},
    )


def _sent(run: Run, restart: bool) -> Sent:
    """What was sent before; nothing, under a new id, if that is not known or the training begins again."""
    if restart or not is_file(run.tracking_file):
        return Sent(id=f"{run.id}-{secrets.token_hex(3)}")
    try:
        return Sent(**read_json(run.tracking_file))
    except (ValidationError, TypeError) as error:
        reason = first_fault(error) if isinstance(error, ValidationError) else "it has other fields"
        raise RunError(f"{run.tracking_file}: {reason}; to fix this, remove it.") from None


def _send_scalars(tracked: _Tracked, step: int, values: Mapping[str, float]) -> None:
    if new := _unsent(tracked, step, values):
        tracked.training.scalars(step, new)
        tracked.sent.update(dict.fromkeys(new, step))


def _send_images(tracked: _Tracked, step: int, images: Mapping[str, Image]) -> None:
    if new := _unsent(tracked, step, images):
        tracked.training.images(step, new)
        tracked.sent.update(dict.fromkeys(new, step))


def _unsent(tracked: _Tracked, step: int, values: Mapping[str, T]) -> dict[str, T]:
    """The values that the tracker has not got for this step or a later one."""
    return {name: value for name, value in values.items() if step > tracked.sent.get(name, -1)}


def _reason(error: Exception) -> str:
    text = (str(error).strip() or "no reason was given").splitlines()[0].rstrip(".")
    return f"{type(error).__name__}: {text}"
