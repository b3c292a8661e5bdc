"""What the page of a results folder collects, what it leaves out, and what it says of that."""

from __future__ import annotations

import base64
import datetime
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from report_pages import page_text

from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import DataSet, open_dataset
from ugbench.errors import RunError, UsageError
from ugbench.figures import _style
from ugbench.report.contents import collect_report
from ugbench.report.gallery import order_runs
from ugbench.report.thumbnails import ThumbnailPool, box_for, thumbnail
from ugbench.runs.dataset_folder import dataset_folder
from ugbench.runs.origin import Origin
from ugbench.runs.run import Run, list_runs
from ugbench.scoring import per_image
from ugbench.scoring import record as score_record
from ugbench.scoring.per_image import ImageScores
from ugbench.scoring.record import ScoreRecord

Make = Callable[..., Run]
Shade = Callable[..., None]


def test_of_several_seeds_the_lowest_is_shown_and_the_others_are_named(
    results: Path, make_run: Make, translate: Make
) -> None:
    other = translate(make_run("ugatit", seed=1), 10)
    runs_by_label = order_runs(list_runs(results), "A2B")
    assert {label: [run.config.seed for run in runs] for label, runs in runs_by_label.items()} == {
        "cyclegan": [0],
        "ugatit": [0, 1],
    }
    notes = collect_report(results).sections[0].galleries[0].notes
    assert notes[0].startswith("ugatit: run ") and notes[0].endswith(f"not {other.id} (seed 1).")


def test_configurations_of_a_method_have_their_own_columns_lines_and_rows(
    results: Path, make_run: Make, translate: Make, log: Make, make_record: Callable[..., ScoreRecord]
) -> None:
    longer = log(translate(make_run("ugatit", steps=200), 10), {"g/cycle": [3, 1.5]})
    fields = {"dataset": "photos", "run": longer.id, "step": 200}
    score_record.append(longer.scores_file, [make_record("kid", "ugatit", 0.05, 0.01, **fields)])
    labels = {"cyclegan", "ugatit (steps 100)", "ugatit (steps 200)"}
    report = collect_report(results)
    section = report.sections[0]
    assert {column.label for column in section.galleries[0].outputs} == labels
    assert set(section.legend) == labels
    assert len(set(section.legend.values())) == 3
    assert report.table is not None
    assert labels < {row.label for row in report.table.rows}
    chosen = collect_report(results, where={"steps": "200"})
    assert {column.label for column in chosen.sections[0].galleries[0].outputs} == {"ugatit"}
    assert chosen.table is not None
    assert [row.label for row in chosen.table.rows] == ["identity", "ugatit"]


def test_where_none_of_the_chosen_runs_is_scored_the_page_has_no_table(
    results: Path, make_run: Make, translate: Make
) -> None:
    translate(make_run("ugatit", steps=200), 10)
    chosen = collect_report(results, where={"steps": "200"})
    assert chosen.table is None
    (section,) = chosen.sections
    assert [column.label for column in section.galleries[0].outputs] == ["ugatit"]


def test_a_seed_that_would_be_shown_but_keeps_no_outputs_is_named_with_the_mend(
    results: Path, make_run: Make, translate: Make
) -> None:
    first = next(run for run in list_runs(results) if run.config.label == "ugatit")
    (first.checkpoints / "100").mkdir(parents=True)
    (first.checkpoints / "100" / "manifest.json").write_text("{}")
    other = translate(translate(make_run("ugatit", seed=1), 10), 110, "B2A")
    shutil.rmtree(first.path / "outputs" / "A2B")
    there, back = collect_report(results).sections[0].galleries
    note = (
        f"ugatit: run {other.id} is shown, since {first.id} (seed 0) keeps no outputs A2B; `ugbench eval {first.id}` "
    )
    assert there.notes[0] == note + "makes them."
    assert not [note for note in back.notes if "keeps no outputs" in note]


def test_on_a_dial_that_changes_nothing_images_are_ordered_by_what_they_contribute_to_kid(
    make_run: Make, translate: Make, tmp_path: Path
) -> None:
    alike = resolve("dial:size=16,train=2,test=2,texture=0,shape=0", tmp_path / "data")
    run = translate(make_run("ugatit", name=alike.name, root=alike.root), 10)
    gallery = collect_report(tmp_path / "results").sections[0].galleries[0]
    assert gallery.scores.startswith("Single images have no score here") and not gallery.scored
    values = {"00000": 0.2, "00001": 0.1}
    per_image.store(run, "A2B", 100, ImageScores(metric="kid", protocol_id="abc", values=values))
    gallery = collect_report(tmp_path / "results").sections[0].galleries[0]
    assert "what the image contributes to KID x100 (protocol abc) is better or worse than the median" in gallery.scores
    assert gallery.outputs[0].ranked == [1, 0]
    assert [image.words for image in gallery.outputs[0].images] == ["worse #2", "better #1"]
    assert [column.kind for column in gallery.columns] == ["source", "output", "truth"]


def test_a_run_of_a_method_that_is_no_longer_installed_is_shown(results: Path, make_run: Make, translate: Make) -> None:
    translate(make_run("gone"), 110, "B2A")
    section = collect_report(results).sections[0]
    assert [column.label for column in section.galleries[1].outputs] == ["cyclegan", "gone", "ugatit"]
    assert [run.label for run in section.runs] == ["cyclegan", "gone", "ugatit"]


def test_where_the_data_set_is_gone_outputs_stand_alone_and_the_page_says_why(
    results: Path, dataset: Path, tmp_path: Path
) -> None:
    dataset.rename(dataset.with_name("elsewhere"))
    report = collect_report(results)
    gallery = report.sections[0].galleries[0]
    assert [column.label for column in gallery.columns] == ["cyclegan", "ugatit"]
    assert ["photos, which is gone" in why for why in gallery.missing] == [True]
    assert report.missing[0] == gallery.missing[0]
    assert "photos, which is gone" in page_text(results, tmp_path)


def test_lines_look_as_in_figures(results: Path) -> None:
    section = collect_report(results).sections[0]
    styles = _style.line_styles(list_runs(results))
    assert set(section.swatches) == set(styles)
    for label, swatch in section.swatches.items():
        assert f'stroke="{styles[label]["color"].lower()}"' in swatch
        assert ("stroke-dasharray" in swatch) == (styles[label]["linestyle"] != "-")
        (chart,) = section.losses
        assert f'stroke="{styles[label]["color"].lower()}"' in chart.svg


def columns(results: Path) -> list[str]:
    return [column.label for column in collect_report(results).sections[0].galleries[0].columns]


def test_an_output_does_not_stand_beside_an_image_that_was_changed_since(
    results: Path, dataset: Path, make_run: Make, translate: Make, note: Callable[[Run], None], shade: Shade
) -> None:
    cyclegan, ugatit = list_runs(results)
    note(cyclegan)
    note(ugatit)
    assert columns(results) == ["source (A)", "cyclegan", "ugatit"]
    shade(dataset / "testA" / "00.png", 77)
    assert columns(results) == ["cyclegan", "ugatit"]
    (why,) = collect_report(results).sections[0].galleries[0].missing
    assert why.startswith(f"Sources are not shown: outputs A2B of run {cyclegan.id} (cyclegan) were made of other ")
    assert f"{dataset / 'testA'}; run `ugbench eval {cyclegan.id}` to make them again" in why
    note(translate(ugatit, 10))
    assert columns(results) == ["source (A)", "ugatit"]
    (left_out,) = collect_report(results).missing
    assert left_out.startswith(f"cyclegan is left out: outputs A2B of run {cyclegan.id}")


def test_outputs_of_another_tool_are_held_to_the_data_set_that_they_were_imported_for(
    results: Path, dataset: Path, make_run: Make, translate: Make, note: Callable[[Run], None], shade: Shade
) -> None:
    translate(make_run("external", origin=Origin(name="acme", files={})), 20)
    assert columns(results) == ["source (A)", "acme", "cyclegan", "ugatit"]
    shade(dataset / "testA" / "00.png", 77)
    for run in list_runs(results):
        if not run.config.is_external:
            note(run)
    assert columns(results) == ["source (A)", "cyclegan", "ugatit"]
    assert all("import them again" in why for why in collect_report(results).missing)


def test_outputs_that_were_cut_short_are_held_to_the_data_set_of_their_folder(
    results: Path, dataset: Path, shade: Shade
) -> None:
    assert dataset_folder(results, open_dataset(dataset)) == results / "photos"
    assert columns(results)[0] == "source (A)"
    shade(dataset / "testA" / "00.png", 77)
    assert columns(results) == ["cyclegan", "ugatit"]


def test_test_images_are_shown_from_wherever_one_run_still_has_them(
    results: Path, dataset: Path, tmp_path: Path, make_run: Make, translate: Make, note: Callable[[Run], None]
) -> None:
    for run in list_runs(results):
        note(run)
    moved = dataset.rename(tmp_path / "data" / "moved")
    note(translate(make_run("unit", root=moved), 50))
    assert columns(results) == ["source (A)", "cyclegan", "ugatit", "unit"]


def test_a_data_set_is_read_once_however_many_runs_there_are(
    results: Path, make_run: Make, translate: Make, note: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in [*list_runs(results), translate(translate(make_run("unit"), 50), 60, "B2A")]:
        for direction in ("A2B", "B2A"):
            note(run, direction)
    asked = []
    original = DataSet.fingerprint

    def fingerprint(self: DataSet, splits: tuple[str, ...]) -> str:
        asked.append(splits)
        return original(self, splits)

    monkeypatch.setattr(DataSet, "fingerprint", fingerprint)
    collect_report(results)
    assert asked == [("testA",), ("testB",)]


def test_a_data_set_can_be_asked_for_and_an_unknown_one_is_refused(results: Path) -> None:
    assert [section.dataset for section in collect_report(results, ["photos"]).sections] == ["photos"]
    with pytest.raises(UsageError, match=r"--dataset cats: no runs of it under .*, only of photos\."):
        collect_report(results, ["cats"])


def test_equal_folders_give_equal_bytes_on_one_day(results: Path, tmp_path: Path) -> None:
    day = datetime.date(2026, 1, 2)
    assert page_text(results, tmp_path, made=day) == page_text(results, tmp_path, made=day)


def test_a_damaged_environment_is_named(results: Path) -> None:
    (list_runs(results)[0].path / "environment.json").write_text("[1")
    with pytest.raises(RunError, match=r"environment\.json is not a JSON object"):
        collect_report(results)


def test_the_page_works_where_nothing_was_scored(tmp_path: Path, make_run: Make) -> None:
    make_run("cyclegan")
    text = page_text(tmp_path / "results", tmp_path)
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
    pool = ThumbnailPool()
    assert [pool.index(file, (64, 64)) for file in (small, large, small)] == [0, 1, 0]
    assert [pixels(uri).size for uri in pool.uris()] == [(64, 64), (64, 64)]


def test_single_scores_are_of_one_protocol_that_most_runs_have_and_of_a_metric_of_which_less_is_better(
    results: Path,
) -> None:
    ugatit, cyclegan = (
        next(run for run in list_runs(results) if run.config.method == name) for name in ("ugatit", "cyclegan")
    )
    for run, name, protocol, value in (
        (ugatit, "kid", "z", 9.0),
        (ugatit, "kid", "a", 0.25),
        (cyclegan, "kid", "a", 0.5),
        (ugatit, "precision", "p", 1.0),
        (cyclegan, "precision", "p", 1.0),
        (ugatit, "gone", "g", 1.0),
        (cyclegan, "gone", "g", 1.0),
    ):
        per_image.store(run, "A2B", 100, ImageScores(metric=name, protocol_id=protocol, values={"01": value}))
    there, back = collect_report(results).sections[0].galleries
    assert "(protocol a)" in there.scores
    assert {column.label: [image.score for image in column.images] for column in there.outputs} == {
        "cyclegan": [None, 50.0, None, None, None],
        "ugatit": [None, 25.0, None, None, None],
    }
    assert back.scores.startswith("Single images have no score here")
