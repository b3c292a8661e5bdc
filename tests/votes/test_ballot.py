"""Orders of questions and versions: the same for a rater who comes back, random among raters."""

from __future__ import annotations

from collections import Counter

import pytest

from ugbench.votes.poll import Candidate, Poll
from ugbench.votes.server.ballot import Question, example_keys, make_ballot

SECRET = b"s" * 32
IMAGES = tuple(f"cat{number}" for number in range(40))


def poll(direction: str = "A2B") -> Poll:
    candidates = tuple(Candidate(name, None, None, name * 3, None, None) for name in ("first", "second", "third"))
    return Poll("cats", direction, candidates, "0" * 64)  # type: ignore[arg-type]


def questions(rater: str, seed: int = 0, most: int | None = None, secret: bytes = SECRET) -> tuple[Question, ...]:
    return make_ballot({poll("A2B"): IMAGES, poll("B2A"): IMAGES[:5]}, rater, secret, seed, most)


def test_every_image_of_every_poll_is_asked_once_with_every_candidate_once() -> None:
    asked = questions("ann")
    assert Counter((question.poll.direction, question.image) for question in asked) == Counter(
        [("A2B", image) for image in IMAGES] + [("B2A", image) for image in IMAGES[:5]]
    )
    assert all(sorted(question.shown) == [0, 1, 2] and len(question.option_keys) == 3 for question in asked)


def test_a_rater_finds_the_same_ballot_again_and_another_rater_or_seed_has_another() -> None:
    assert questions("ann") == questions("ann")
    orders = {
        tuple((question.poll.direction, question.image, question.shown) for question in ballot)
        for ballot in (questions("ann"), questions("ben"), questions("ann", seed=1))
    }
    assert len(orders) == 3


def test_fewer_questions_are_the_first_of_more() -> None:
    assert questions("ann", most=7) == questions("ann")[:7]
    assert {question.image for question in questions("ann", most=7)} != {
        question.image for question in questions("ben", most=7)
    }


def test_each_candidate_stands_at_each_place_equally_often_and_each_image_comes_first_equally_often() -> None:
    ballots = [questions(f"rater {number}") for number in range(300)]
    places = Counter(question.shown[0] for ballot in ballots for question in ballot)
    total = 300 * 45
    sd = (total * (1 / 3) * (2 / 3)) ** 0.5
    assert all(places[candidate] == pytest.approx(total / 3, abs=4 * sd) for candidate in range(3))
    first = Counter((ballot[0].poll.direction, ballot[0].image) for ballot in ballots)
    assert len(first) >= 40 and max(first.values()) < 25


def test_keys_are_all_different_and_follow_from_the_secret() -> None:
    asked = [*questions("ann"), *questions("ben")]
    keys = [key for question in asked for key in (question.key, question.source_key, *question.option_keys)]
    assert len(set(keys)) == len(keys) == 2 * 45 * 5
    others = {key for question in questions("ann", secret=b"t" * 32) for key in (question.key, *question.option_keys)}
    assert others & set(keys) == set()


def test_orders_cannot_be_computed_without_the_secret() -> None:
    ballot, other = questions("ann"), questions("ann", secret=b"t" * 32)
    assert [question.image for question in ballot] != [question.image for question in other]
    shown = {(question.poll, question.image): question.shown for question in ballot}
    alike = sum(shown[question.poll, question.image] == question.shown for question in other)
    # Three versions have six orders: by chance 7.5 of 45 agree, with a standard deviation of 2.5.
    assert alike < 20


def test_an_image_may_be_called_like_anything_else_that_has_a_key() -> None:
    names = ("example", "question", "source", "option")
    asked = make_ballot({poll(): names}, "ann", SECRET)
    keys = [key for question in asked for key in (question.key, question.source_key, *question.option_keys)]
    assert len({*keys, *example_keys(poll(), "ann", SECRET, 4)}) == 4 * 5 + 4
