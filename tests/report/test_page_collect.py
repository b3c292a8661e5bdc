"""What the page of a results folder collects, what it leaves out, and what it says of that."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ugbench.errors import RunError, UsageError
from ugbench.report.page.collect import collect
from ugbench.report.page.pictures import shown_runs
from ugbench.report.page.render import render
from ugbench.report.page.thumbnails import Pool, box_for, thumbnail
from ugbench.train.run import Run, list_runs

Make = Callable[..., Run]


def test_of_several_seeds_the_lowest_is_shown_and_the_others_are_named(
    results: Path, make_run: Make, translate: Make
) -> None:
    other = translate(make_run("ugatit", seed=1), 10)
    found = shown_runs(list_runs(results), "A2B", ())
    assert {label: [run.config.seed for run in own] for label, own in found.items()} == {
        "cyclegan": [0],
        "ugatit": [0, 1],
    }
    twin = translate(make_run("ugatit", steps=200), 10)
    ids = [run.id for run in shown_runs(list_runs(results), "A2B", {twin.id})["ugatit"]]
    assert ids[0] == twin.id and ids[2] == other.id
    notes = collect(results).sections[0].galleries[0].notes
    assert notes[0].startswith("ugatit: run ") and notes[0].endswith(f"{other.id} (seed 1).")


def test_a_run_of_a_method_that_is_no_longer_installed_is_shown(results: Path, make_run: Make, translate: Make) -> None:
    translate(make_run("gone"), 110, "B2A")
    section = collect(results).sections[0]
    assert [column.label for column in section.galleries[1].outputs] == ["cyclegan", "gone", "ugatit"]
    assert [run.label for run in section.runs] == ["cyclegan", "gone", "ugatit"]


def test_where_the_data_set_is_gone_outputs_stand_alone_and_the_page_says_why(results: Path, dataset: Path) -> None:
    dataset.rename(dataset.with_name("elsewhere"))
    found = collect(results)
    gallery = found.sections[0].galleries[0]
    assert [column.label for column in gallery.columns] == ["cyclegan", "ugatit"]
    assert "photos, which is gone" in gallery.missing
    assert found.missing[0] == gallery.missing
    assert "photos, which is gone" in render(found)


def test_a_data_set_can_be_asked_for_and_an_unknown_one_is_refused(results: Path) -> None:
    assert [section.dataset for section in collect(results, ["photos"]).sections] == ["photos"]
    with pytest.raises(UsageError, match=r"--dataset cats: no runs of it under .*, only of photos\."):
        collect(results, ["cats"])


def test_equal_folders_give_equal_bytes(results: Path) -> None:
    assert render(collect(results)) == render(collect(results))


def test_a_damaged_environment_is_named(results: Path) -> None:
    (list_runs(results)[0].path / "environment.json").write_text("[1")
    with pytest.raises(RunError, match=r"environment\.json is no JSON object"):
        collect(results)


def test_the_page_works_where_nothing_was_scored(tmp_path: Path, make_run: Make) -> None:
    make_run("cyclegan")
    text = render(collect(tmp_path / "results"))
    assert "Nothing is scored yet" in text and 'id="scores-title"' in text


def test_small_images_keep_every_pixel_and_large_ones_become_thumbnails(
    tmp_path: Path, shade: Callable[..., None]
) -> None:
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    Image.effect_noise((64, 64), 90).convert("RGB").save(small)
    shade(large, 7, size=256)
    assert box_for(64, 64) == (64, 64) and box_for(256, 512) == (64, 128)

    def pixels(uri: str) -> Image.Image:
        return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")

    assert pixels(thumbnail(small, (64, 64))).tobytes() == Image.open(small).tobytes()
    assert pixels(thumbnail(large, box_for(256, 256))).size == (128, 128)
    pool = Pool()
    assert [pool.place(file, (64, 64)) for file in (small, large, small)] == [0, 1, 0]
    assert len(pool.uris) == 2
