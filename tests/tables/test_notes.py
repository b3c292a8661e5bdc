"""A table's caption."""

from __future__ import annotations

from collections.abc import Callable

from ugbench.scoring.record import ScoreRecord
from ugbench.tables import mark_notes
from ugbench.tables.build import build_table

Make = Callable[..., ScoreRecord]


def caption(*records: ScoreRecord) -> str:
    return "\n".join(build_table(records).notes)


def test_every_protocol_is_named_in_words_with_its_numbers_of_images(make_record: Make) -> None:
    text = caption(
        make_record("kid", "cut", 0.1, 0.01), make_record("kid", "identity", 0.2, 0.01, n_fake=97, n_real=120)
    )
    assert (
        "kid: target, extractor alexnet (transform 224 bilinear), "
        "reference test, estimator unbiased, size 64; 97 to 100 outputs, 100 to 120 references."
    ) in text.splitlines()


def test_protocols_that_say_the_same_share_a_sentence(make_record: Make) -> None:
    text = caption(make_record("fid", "cut", 60.0), make_record("precision", "cut", 0.5))
    assert "fid, precision: target, extractor alexnet" in text


def test_marks_are_explained_only_where_they_occur(make_record: Make) -> None:
    text = caption(make_record("lpips", "cut", 0.1))
    assert not any(mark in text for mark in (mark_notes.BEST, mark_notes.TIED, mark_notes.NOT_COMPARABLE, "±"))
    text = caption(make_record("kid", "cut", 0.1, 0.1), make_record("kid", "ugatit", 0.2, 0.1))
    assert (
        mark_notes.BEST in text
        and f"{mark_notes.TIED} ({mark_notes.TIED_BY['unpaired']}; {mark_notes.ADJUSTED})." in text
        and mark_notes.SE_IMAGES in text
    )
    assert mark_notes.NOT_COMPARABLE in caption(make_record("kid", "cut", 0.1, extractor="random"))


def test_errors_over_seeds_are_told_from_errors_over_images(make_record: Make) -> None:
    seeds = [make_record("kid", "cut", 0.1 + seed / 100, 0.1, seed=seed) for seed in range(2)]
    assert mark_notes.SE_SEEDS in caption(*seeds) and mark_notes.SE_SEEDS not in caption(seeds[0])
    assert mark_notes.SE_IMAGES in caption(seeds[0])


def test_methods_with_a_style_are_named_with_the_number_of_styles_of_an_image(make_record: Make) -> None:
    styled = [
        make_record("kid", name, 0.1, codes_per_image=1, seed=seed) for name in ("munit", "drit") for seed in (0, 1)
    ]
    text = caption(*styled, make_record("kid", "cut", 0.1), make_record("kid", "acme", 0.1, codes_per_image=10))
    assert "munit, drit: one style per image, drawn at random (seed 0)." in text.splitlines()
    assert "acme: 10 styles per image, drawn at random (seed 0)." in text.splitlines()
    assert "style" not in caption(make_record("kid", "cut", 0.1))


def test_fid_on_few_images_is_called_biased(make_record: Make) -> None:
    assert "fid: no row with under 2,048 images per set is called the best" in caption(make_record("fid", "cut", 60.0))
    assert "mostly bias" not in caption(make_record("fid", "cut", 60.0, n_fake=2048, n_real=2048))
    assert "mostly bias" not in caption(make_record("kid", "cut", 0.1))


def test_scores_at_different_steps_are_pointed_out(make_record: Make) -> None:
    text = caption(make_record("kid", "cut", 0.1, step=1000), make_record("kid", "cut", 0.2, seed=1, step=3000))
    assert "cut on dial A2B: the scores are of different steps (1000, 3000)." in text


def test_a_run_that_another_of_its_seed_hides_is_named(make_record: Make) -> None:
    text = caption(
        make_record("kid", "cut", 0.1, step=3000, run="aaaa"),
        make_record("kid", "cut", 0.2, step=1000, run="bbbb"),
    )
    assert "cut, seed 0, on dial: 2 runs; run aaaa is shown, not bbbb." in text
