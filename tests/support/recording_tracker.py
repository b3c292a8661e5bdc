"""A tracker that keeps what it is given, and raises errors where a test asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ugbench.tracker import Image, Status, TrackedRun, TrackedTraining, Tracker


@dataclass
class Recorder:
    """What a tracker was given by all trainings, in order.

    Attributes:
        before: called before anything is kept, with the name of the method; it may raise.
    """

    runs: list[TrackedRun] = field(default_factory=list)
    values: list[tuple[int, str, float]] = field(default_factory=list)
    pictures: list[tuple[int, str, Image]] = field(default_factory=list)
    ends: list[Status] = field(default_factory=list)
    before: Callable[[str], None] = lambda _method: None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.before("scalars")
        self.values += [(step, name, value) for name, value in values.items()]

    def images(self, step: int, images: Mapping[str, Image]) -> None:
        self.before("images")
        self.pictures += [(step, name, image) for name, image in images.items()]

    def end(self, status: Status) -> None:
        self.before("end")
        self.ends.append(status)

    def start(self, run: TrackedRun) -> TrackedTraining:
        self.before("start")
        self.runs.append(run)
        return self

    @property
    def tracker(self) -> Tracker:
        return Tracker(self.start)

    def steps(self, name: str) -> list[int]:
        """The steps at which a value of this name was given."""
        return [step for step, given, _ in self.values if given == name]
