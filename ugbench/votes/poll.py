"""A poll: which of several runs' outputs do raters prefer, asked for each test image."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from ugbench.direction import DIRECTIONS, Direction
from ugbench.runs.run import label_of


@dataclass(frozen=True)
class Candidate:
    """One run that stands for its method. The fields are those by which a score record names its run.

    Attributes:
        run: the id of the run.
        step: training steps of the weights that made the outputs; None where that is not known.
    """

    method: str
    variant: str | None
    name: str | None
    run: str
    seed: int | None
    step: int | None

    @property
    def label(self) -> str:
        """The candidate's name in tables; raters never see it."""
        return label_of(self.method, self.variant, self.name)


@dataclass(frozen=True)
class Poll:
    """The question which candidate's output is preferred, for each test image of a data set in one direction.

    Attributes:
        dataset: the name of the data set's folder under results.
        candidates: sorted by label.
        pictures: SHA-256, in hex, over all pictures that are shown. A poll with other pictures is another poll.
    """

    dataset: str
    direction: Direction
    candidates: tuple[Candidate, ...]
    pictures: str

    @property
    def id(self) -> str:
        """Twelve hex digits that follow from all fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the candidates. Polls of the same labels ask the same question."""
        return tuple(candidate.label for candidate in self.candidates)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """The poll with these fields, as `dataclasses.asdict` gives them.

        Raises:
            TypeError, KeyError, ValueError: the fields are others, or have other types.
        """
        candidates = tuple(Candidate(**candidate) for candidate in fields["candidates"])
        poll = cls(**{**fields, "candidates": candidates})
        texts = [poll.dataset, poll.pictures, *(name for each in candidates for name in (each.method, each.run))]
        optional = [name for each in candidates for name in (each.variant, each.name)]
        numbers = [number for each in candidates for number in (each.seed, each.step)]
        if (
            poll.direction not in DIRECTIONS
            or not candidates
            or not all(isinstance(text, str) for text in texts)
            or not all(isinstance(text, str | None) for text in optional)
            or not all(isinstance(number, int | None) for number in numbers)
        ):
            raise ValueError("no poll has such fields")
        return poll
