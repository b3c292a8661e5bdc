"""What raters were asked and what they answered: which of several runs' outputs they prefer, image by image."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from ugbench.direction import Direction
from ugbench.runs.run import label_of


@dataclass(frozen=True)
class Candidate:
    """One run that stands for its method, named as a score record is.

    Attributes:
        run: the run's id.
        step: steps that its outputs' weights were trained for; None where that is not known.
    """

    method: str
    variant: str | None
    name: str | None
    run: str
    seed: int | None
    step: int | None

    @property
    def label(self) -> str:
        """What a person reads, after the vote."""
        return label_of(self.method, self.variant, self.name)


@dataclass(frozen=True)
class Poll:
    """A question about each test image of a data set, one way: which candidate's output is preferred.

    Attributes:
        dataset: the data set's folder under results.
        candidates: sorted by label.
        pictures: SHA-256, in hex, of all that it shows; other pictures are another poll.
    """

    dataset: str
    direction: Direction
    candidates: tuple[Candidate, ...]
    pictures: str

    @property
    def id(self) -> str:
        """Twelve hex digits of all fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def labels(self) -> tuple[str, ...]:
        """Whom it chose among. Polls of the same labels ask the same question."""
        return tuple(candidate.label for candidate in self.candidates)

    def to_json(self) -> dict[str, Any]:
        """All fields; `from_json` undoes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """The poll of `to_json`'s fields; raises TypeError or KeyError where they are others."""
        return cls(**{**fields, "candidates": tuple(Candidate(**one) for one in fields["candidates"])})
