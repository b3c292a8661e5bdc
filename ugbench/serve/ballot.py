"""Which questions a rater gets, in which order, with the candidates in which order: pure functions of a seed.

What a rater's browser is given of a question are keys, from which only the server can tell what they stand for:
for each rater and question others.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ugbench.polls import Poll


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

    Orders depend on the seed, the rater and the polls, and on nothing that happens meanwhile: a rater who comes back
    finds the same ones. Of a larger `most` the first are those of a smaller one.

    Args:
        images: stems of the sources, by poll.
        secret: what keys are derived from.
        most: questions a rater; None for all.
    """
    asked = [(poll, image) for poll in images for image in images[poll]]
    _generator(seed, rater, *(poll.id for poll in images)).shuffle(asked)
    return tuple(_question(poll, image, rater, secret, seed) for poll, image in asked[:most])


def _question(poll: Poll, image: str, rater: str, secret: bytes, seed: int) -> Question:
    shown = list(range(len(poll.candidates)))
    _generator(seed, rater, poll.id, image).shuffle(shown)
    keys = [derived(secret, rater, poll.id, image, what) for what in ("question", "source", *map(str, shown))]
    return Question(poll, image, tuple(shown), keys[0], keys[1], tuple(keys[2:]))


def derived(secret: bytes, *words: str) -> str:
    """32 hex digits that tell nothing of the words without the secret."""
    return hmac.new(secret, "\0".join(words).encode(), hashlib.sha256).hexdigest()[:32]


def _generator(seed: int, *words: str) -> random.Random:
    return random.Random("\0".join((str(seed), *words)))
