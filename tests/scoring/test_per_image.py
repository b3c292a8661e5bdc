"""What is stored of single outputs: the images that their score was computed from are named with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ugbench.scoring import per_image
from ugbench.scoring.per_image import ImageScores
from ugbench.scoring.record import ScoreRecord


@pytest.mark.parametrize(("reference", "references"), [("test", "b1"), ("train", None)])
def test_single_scores_name_the_images_of_their_score_but_not_training_images(
    make_record: Callable[..., ScoreRecord], reference: str, references: str | None
) -> None:
    images = {"sources": "a1", "references": "b1", "outputs": "o1"}
    record = make_record("kid", "ugatit", 0.1, protocol={"reference": reference}, **images)
    assert per_image.of_score(record, {"00": 0.1}) == ImageScores(
        metric="kid",
        protocol_id="kid-alexnet",
        values={"00": 0.1},
        sources="a1",
        references=references,
        outputs="o1",
    )
