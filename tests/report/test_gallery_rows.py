"""Which test images the page shows where there are many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from report_pages import page_text

from ugbench.report.contents import collect_report
from ugbench.report.gallery_rows import CASES, choose_rows
from ugbench.report.gallery_scores import SingleScores
from ugbench.runs.run import Run, list_runs
from ugbench.scoring import per_image
from ugbench.scoring.per_image import ImageScores

STEMS = [f"{place:03d}" for place in range(300)]


def test_all_images_are_shown_where_there_are_few() -> None:
    assert choose_rows(STEMS, {}, 300) == (tuple(STEMS), CASES, None)


def test_of_many_images_the_best_and_worst_of_each_run_are_among_those_that_are_evenly_spread() -> None:
    ranked = {"a": STEMS, "b": [*STEMS[100:], *STEMS[:100]]}
    rows = choose_rows(STEMS, ranked, 60)
    assert len(rows.stems) == 60 and list(rows.stems) == sorted(rows.stems) and rows.cases == CASES
    assert {*STEMS[:4], *STEMS[-4:], *STEMS[100:104], *STEMS[96:100]} <= set(rows.stems)
    assert rows.note == (
        "60 of 300 images are shown: the 4 best and the 4 worst of each method, and others evenly spread over the "
        "sorted names; `ugbench report --images 300` shows all."
    )


def test_without_scores_images_are_evenly_spread_from_the_first_to_the_last() -> None:
    rows = choose_rows(STEMS, {}, 14)
    assert rows.stems == tuple(
        STEMS[place] for place in (0, 23, 46, 69, 92, 115, 138, 161, 184, 207, 230, 253, 276, 299)
    )
    assert rows.note is not None and rows.note.startswith("14 of 300 images are shown: evenly spread over")


@pytest.mark.parametrize("most", [1, 2, 3, 5, 7])
def test_however_few_rows_there_are_they_are_no_more_than_asked_for(most: int) -> None:
    ranked = {label: STEMS[place:] + STEMS[:place] for place, label in enumerate("abc")}
    rows = choose_rows(STEMS, ranked, most)
    assert len(rows.stems) == most and rows.cases == (1 if most >= 6 else 0)


def test_the_page_shows_so_many_images_and_says_which(results: Path, tmp_path: Path) -> None:
    gallery = collect_report(results, images=3).sections[0].galleries[0]
    assert gallery.stems == ("00", "02", "04")
    assert [len(column.images) for column in gallery.columns] == [3, 3, 3]
    assert len(collect_report(results, images=3).sections[0].thumbnails.files) == 3 * (4 + 5)
    assert "3 of 5 images are shown: evenly spread over the sorted names" in page_text(results, tmp_path, images=3)


def test_the_best_and_worst_are_those_of_all_images(results: Path) -> None:
    (run,) = (run for run in list_runs(results) if run.config.method == "ugatit")
    values = {"00": 0.5, "01": 0.9, "02": 0.5, "03": 0.1, "04": 0.5}
    per_image.store(run, "A2B", 100, ImageScores(metric="kid", protocol_id="a", values=values))
    gallery = collect_report(results, images=2).sections[0].galleries[0]
    assert gallery.stems == ("01", "03") and gallery.cases == 1
    (ugatit,) = (column for column in gallery.outputs if column.label == "ugatit")
    assert [image.words for image in ugatit.images] == ["worse #5", "better #1"]


def test_contributions_are_better_or_worse_than_the_median_and_truth_scores_are_numbers() -> None:
    values = {"a": {"x": -24.0, "y": 3.0, "z": 7.5}}
    assert SingleScores("", values, contributions=True).words("a") == {
        "x": "better #1",
        "y": "median #2",
        "z": "worse #3",
    }
    assert SingleScores("", values).words("a") == {"x": "-24.00", "y": "3.00", "z": "7.50"}
    assert SingleScores("", values).words("b") == {}


def test_thumbnails_are_made_one_after_another_while_the_page_is_written(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_run: Callable[..., Run]
) -> None:
    from ugbench.report import html_page, thumbnails

    report, made, seen = collect_report(results), [], []
    original = thumbnails.thumbnail

    def thumbnail(file: Path, box: tuple[int, int], _fit: str) -> str:
        made.append(file)
        return original(file, box)

    monkeypatch.setattr(thumbnails, "thumbnail", thumbnail)
    pieces = html_page._pieces(report, lambda done, total: seen.append((done, total)))
    before = next(piece for piece in pieces if "data:image/webp" in piece)
    assert len(made) == 1 and before.count("data:image/webp") == 1
    list(pieces)
    total = len(report.sections[0].thumbnails.files)
    assert len(made) == total and seen == [(done + 1, total) for done in range(total)]


def test_an_image_that_cannot_be_read_leaves_the_older_page(results: Path, tmp_path: Path) -> None:
    from ugbench.errors import DataError

    page_text(results, tmp_path, title="older")
    (list_runs(results)[0].outputs("A2B") / "03.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"03\.png"):
        page_text(results, tmp_path, title="newer")
    assert "older</h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(list(tmp_path.glob("*.html"))) == 1


def test_the_page_has_a_title_and_a_date(results: Path, tmp_path: Path) -> None:
    import datetime

    text = page_text(results, tmp_path, title="Horses & <zebras>", made=datetime.date(2026, 1, 2))
    assert "<h1>Horses &amp; &lt;zebras&gt;</h1>" in text and '<time datetime="2026-01-02">2026-01-02</time>' in text
    assert "<title>Horses &amp; &lt;zebras&gt;: ugbench report</title>" in text
    assert "<h1>results</h1>" in page_text(results, tmp_path)
