"""Which questions a rater gets, in which order, with the candidates in which order: pure functions of a secret.

What a rater's browser is given of a question are keys, from which only the server can tell what they stand for:
for each rater and question others.
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
    """A source image and the candidates' outputs in the order in which one rater sees them.

    Attributes:
        image: stem of the source.
        shown: index of the candidate at each place.
        key: names the question to this rater.
        source_key, option_keys: name its pictures to this rater; a choice is told by its option's key.
    """

    poll: Poll
    image: str
    shown: tuple[int, ...]
    key: str
    source_key: str
    option_keys: tuple[str, ...]


def ballot(
    images: Mapping[Poll, Sequence[str]], rater: str, secret: bytes, seed: int = 0, most: int | None = None
) -> tuple[Question, ...]:
    """A rater's questions: every image of every poll, or `most` of them drawn at random; orders are random too.

    Orders depend on the secret, the seed, the rater and the polls, and on nothing that happens meanwhile: a rater who
    comes back finds the same ones, and nobody can compute them who has not the file of votes. Of a larger `most` the
    first are those of a smaller one.

    Args:
        images: stems of the sources, by poll.
        secret: what keys and orders are derived from.
        most: questions a rater; None for all.
    """
    asked = [(poll, image) for poll in images for image in images[poll]]
    _generator(secret, "questions", seed, rater, *(poll.id for poll in images)).shuffle(asked)
    return tuple(_question(poll, image, rater, secret, seed) for poll, image in asked[:most])


def _question(poll: Poll, image: str, rater: str, secret: bytes, seed: int) -> Question:
    shown = list(range(len(poll.candidates)))
    words = (rater, poll.id, image)
    _generator(secret, "versions", seed, *words).shuffle(shown)
    question, source = (derived(secret, kind, *words) for kind in ("question", "source"))
    options = tuple(derived(secret, "option", *words, str(candidate)) for candidate in shown)
    return Question(poll, image, tuple(shown), question, source, options)


def example_keys(poll: Poll, rater: str, secret: bytes, count: int) -> tuple[str, ...]:
    """What names a poll's examples to a rater."""
    return tuple(derived(secret, "example", rater, poll.id, str(place)) for place in range(count))


def derived(secret: bytes, kind: str, *words: str) -> str:
    """32 hex digits that tell nothing of the words without the secret.

    Args:
        kind: what they name; digits of two kinds never follow from the same words.
    """
    return hmac.new(secret, "\0".join((kind, *words)).encode(), hashlib.sha256).hexdigest()[:32]


def _generator(secret: bytes, kind: str, seed: int, *words: str) -> random.Random:
    return random.Random(derived(secret, kind, str(seed), *words))
