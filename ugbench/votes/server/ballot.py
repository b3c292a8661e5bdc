"""The ballot of a rater: which questions in which order, with the candidates in which order.

All of it is computed from the secret of the vote store. The rater's browser gets keys for questions and pictures. Only
the server can tell what a key stands for, and each rater and question has other keys.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ugbench.votes.poll import Poll


@dataclass(frozen=True)
class Question:
    """A source and the candidates' outputs, in the order in which one rater sees them.

    Attributes:
        image: stem of the source.
        shown: for each place the index of the candidate that is shown there.
        key: names the question in this rater's browser.
        source_key: names the source picture in this rater's browser.
        option_keys: for each place the key of its picture; a vote names the chosen one.
    """

    poll: Poll
    image: str
    shown: tuple[int, ...]
    key: str
    source_key: str
    option_keys: tuple[str, ...]


def make_ballot(
    images: Mapping[Poll, Sequence[str]], rater: str, secret: bytes, seed: int = 0, most: int | None = None
) -> tuple[Question, ...]:
    """A rater's questions: all images of all polls, or at most `most` of them, in random order.

    The orders follow from the secret, the seed, the rater and the polls alone. So a rater who comes back finds the same
    ballot, and nobody can compute it without the file of votes. The first questions do not depend on `most`.

    Args:
        images: stems of the sources, by poll.
        secret: the secret of the vote store.
        most: largest number of questions per rater; None for all.
    """
    questions = [(poll, image) for poll in images for image in images[poll]]
    _generator(secret, "questions", seed, rater, *(poll.id for poll in images)).shuffle(questions)
    return tuple(_question(poll, image, rater, secret, seed) for poll, image in questions[:most])


def _question(poll: Poll, image: str, rater: str, secret: bytes, seed: int) -> Question:
    shown = list(range(len(poll.candidates)))
    words = (rater, poll.id, image)
    _generator(secret, "versions", seed, *words).shuffle(shown)
    return Question(
        poll,
        image,
        tuple(shown),
        key=derive_key(secret, "question", *words),
        source_key=derive_key(secret, "source", *words),
        option_keys=tuple(derive_key(secret, "option", *words, str(candidate)) for candidate in shown),
    )


def example_keys(poll: Poll, rater: str, secret: bytes, count: int) -> tuple[str, ...]:
    """The keys that name a poll's examples in a rater's browser."""
    return tuple(derive_key(secret, "example", rater, poll.id, str(index)) for index in range(count))


def derive_key(secret: bytes, kind: str, *words: str) -> str:
    """A key of 32 hex digits that reveals nothing about the words to anybody without the secret.

    Args:
        kind: what the key names. Keys of different kinds differ even for the same words.
    """
    return hmac.new(secret, "\0".join((kind, *words)).encode(), hashlib.sha256).hexdigest()[:32]


def _generator(secret: bytes, kind: str, seed: int, *words: str) -> random.Random:
    return random.Random(derive_key(secret, kind, str(seed), *words))
