"""A run in Python: its facts, its translations of images in any form, and its scores."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import call, call_json
from PIL import Image, ImageChops

import ugbench
from ugbench.errors import DataError, RunError, UnknownName, UsageError
from ugbench.scoring.record import ScoreRecord

Train = Callable[..., ugbench.Run]


def same(first: Image.Image, second: Image.Image) -> bool:
    return first.size == second.size and ImageChops.difference(first, second).getbbox() is None


def test_a_run_says_what_it_is_and_how_far(run: ugbench.Run) -> None:
    assert (run.method, run.variant, run.dataset, run.seed) == ("ugatit", None, "dial-s0-t1-32", 0)
    assert (run.step, run.steps, run.status, run.directions) == (2, 2, "done", ("A2B", "B2A"))
    assert run.config["size"] == 32
    assert repr(run) == f"<Run {run.id}: ugatit on dial-s0-t1-32, step 2 of 2, done>"


def test_the_log_has_a_row_for_each_logged_step(run: ugbench.Run) -> None:
    log = run.log()
    assert log["step"].tolist() == [1, 2]
    assert {"generators/global_a", "lr/generators"} <= set(log.columns)
    assert log["lr/generators"].gt(0).all()


def test_runs_are_found_by_id_by_folder_and_in_the_list(run: ugbench.Run) -> None:
    assert ugbench.load_run(run.id[:6]) == ugbench.load_run(run.path) == run
    assert run in ugbench.list_runs("results")
    assert len({run, ugbench.load_run(run.id)}) == 1


def test_the_variable_of_the_results_counts_as_on_the_command_line(
    run: ugbench.Run, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ugbench.list_runs() == []
    monkeypatch.setenv("UGBENCH_RESULTS", str(home / "results"))
    assert run.id in {listed.id for listed in ugbench.list_runs()}


def test_a_run_that_is_not_there_is_an_error(run: ugbench.Run) -> None:
    with pytest.raises(RunError, match="starts with 'zzz'"):
        ugbench.load_run("zzz")


def test_translations_are_those_of_the_command_line(run: ugbench.Run, photos: list[Path], tmp_path: Path) -> None:
    call("translate", run.path, "--input", photos[0].parent, "--output", tmp_path / "out", "--attention")
    outputs = run.translate(photos[0].parent, attention=True, progress=False)
    files = sorted((tmp_path / "out").glob("*.png"))
    assert len(outputs) == len(files) == 100
    for output, file in zip(outputs, files, strict=True):
        assert same(output, Image.open(file))
        maps = output.info["attention"]
        assert next(iter(maps)) == "generator"
        assert same(maps["generator"], Image.open(tmp_path / "out" / "attention" / file.name))
        assert same(maps["local"], Image.open(tmp_path / "out" / "attention" / "local" / file.name))


def test_every_form_of_an_image_gives_the_same_output(run: ugbench.Run, photos: list[Path]) -> None:
    pictures = [Image.open(photo) for photo in photos]
    arrays = [np.array(picture) for picture in pictures]
    tensor = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)
    expected = run.translate(photos, progress=False)
    for images in (pictures, arrays, np.stack(arrays), tensor, list(tensor), [str(photos[0]), *pictures[1:]]):
        outputs = run.translate(images, progress=False)
        assert all(map(same, outputs, expected))
        assert len(outputs) == 4
    for image in (photos[0], str(photos[0]), pictures[0], arrays[0], tensor[0]):
        (output,) = run.translate(image, progress=False)
        assert same(output, expected[0])


def test_an_image_of_pillow_is_read_as_its_file_is(run: ugbench.Run, photos: list[Path], tmp_path: Path) -> None:
    transparent = Image.open(photos[0]).convert("RGBA")
    transparent.putalpha(80)
    transparent.save(tmp_path / "glass.png")
    turned = Image.open(photos[1])
    turned.getexif()[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=turned.getexif())
    for name in ("glass.png", "turned.png"):
        of_file, of_picture = run.translate([tmp_path / name, Image.open(tmp_path / name)], progress=False)
        assert same(of_file, of_picture)


def test_batches_and_directions_and_sizes(run: ugbench.Run, photos: list[Path]) -> None:
    wide = Image.open(photos[0]).resize((60, 40))
    (small,), (kept,) = run.translate(wide, progress=False), run.translate(wide, keep_size=True, progress=False)
    assert (small.size, kept.size) == ((32, 32), (60, 40))
    there, back = (run.translate(photos, name, progress=False) for name in ("A2B", "B2A"))
    assert not same(there[0], back[0])
    singly = run.translate(photos, batch_size=1, progress=False)
    assert [np.abs(np.int16(one) - np.int16(other)).max() <= 1 for one, other in zip(there, singly, strict=True)]


@pytest.mark.parametrize(
    ("images", "arguments", "error", "message"),
    [
        ([], {}, UsageError, "images: there is no image in it"),
        (5, {}, UsageError, "images: int was given; give files"),
        ([None], {}, UsageError, r"images\[0\]: NoneType was given"),
        ([np.zeros((8, 8, 3))], {}, UsageError, r"images\[0\]: an array of shape \(8, 8, 3\) and type float64"),
        (np.zeros((8, 8), "uint8"), {}, UsageError, r"images: an array of shape \(8, 8\) and type uint8"),
        ([torch.zeros(3, 8, 8)], {}, UsageError, r"images\[0\]: a tensor of shape \(3, 8, 8\) and type float32"),
        (["no.png"], {}, DataError, "^no.png: not a readable image"),
        ([Image.new("F", (8, 8))], {}, DataError, r"^images\[0\]: pixels of mode F have no agreed range"),
        (np.zeros((8, 8, 3), "uint8"), {"direction": "A"}, UnknownName, "no direction is called 'A'"),
        (np.zeros((8, 8, 3), "uint8"), {"step": 1}, RunError, "no checkpoint of step 1"),
        (np.zeros((8, 8, 3), "uint8"), {"batch_size": 0}, UsageError, "batch_size=0: give a whole number"),
    ],
)
def test_what_cannot_be_translated_is_named(
    run: ugbench.Run, images: object, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run.translate(images, progress=False, **arguments)  # type: ignore[arg-type]


def test_a_method_without_attention_has_no_maps(home: Path) -> None:
    run = ugbench.train(
        "cyclegan", "dial:shape=0,texture=1,size=32", preset="smoke", size=32, steps=1, device="cpu", progress=False
    )
    with pytest.raises(UsageError, match=r"^attention: cyclegan has no attention maps"):
        run.translate(np.zeros((8, 8, 3), "uint8"), attention=True, progress=False)


def test_scores_are_records_and_are_stored_once(run: ugbench.Run) -> None:
    scores = run.evaluate(["kid", "changed"], extractor="random", device="cpu", progress=False)
    assert list(scores.columns) == ["schema", *list(ScoreRecord.model_fields)[1:]]
    assert scores[["metric", "direction"]].values.tolist() == [
        ["kid", "A2B"], ["changed", "A2B"], ["kid", "B2A"], ["changed", "B2A"],
    ]  # fmt: skip
    assert not scores.set_index("metric")["comparable"]["kid"].any()
    before = (run.path / "scores.jsonl").read_bytes()
    words = ["eval", run.path, "--metric", "kid,changed", "--extractor", "random", "--device", "cpu"]
    assert [record["value"] for record in call_json(*words)] == scores["value"].tolist()
    assert (run.path / "scores.jsonl").read_bytes() == before
    assert run.scores()["value"].tolist() == scores["value"].tolist()


def test_an_evaluation_that_cannot_be_is_one_sentence_in_words_of_python(run: ugbench.Run) -> None:
    with pytest.raises(ugbench.UgbenchError, match=r'give weights=\{"inception": FILE\}'):
        run.evaluate(["kid"], progress=False)
    with pytest.raises(UnknownName, match="did you mean 'kid'"):
        run.evaluate("kidd", progress=False)
    with pytest.raises(UsageError, match=r"^metrics lpips: protocol clean is of metrics on features"):
        run.evaluate("lpips", protocol="clean", progress=False)


def test_a_notebook_shows_a_run_with_scores_and_samples(train: Train) -> None:
    run = train(seed=7, set={"cycle_weight": 9.0})
    assert "metric" not in run._repr_html_()
    run.evaluate(["changed"], device="cpu", progress=False)
    html = run._repr_html_()
    assert re.search(rf"<b>Run {run.id}</b>.*ugatit.*dial-s0-t1-32.*2 of 2.*done", html, re.DOTALL)
    assert re.search(r"changed</td>.*A2B", html)
    assert re.search(r'<img alt="samples at step 2" [^>]*src="data:image/png;base64,[\w+/=]+">', html)
    (run.path / "samples" / "0000003.png").write_bytes(b"no image")
    assert "<img" not in run._repr_html_()


def test_what_others_wrote_into_a_run_is_text_and_no_markup(train: Train) -> None:
    run = train(seed=8, results="<i>here")
    assert "<i>here" not in run._repr_html_()
    assert "&lt;i&gt;here" in run._repr_html_()
    (run.path / "scores.jsonl").write_text('{"<script>": 1}\n')
    assert "<script>" not in run._repr_html_()
    assert "scores.jsonl" in run._repr_html_()
    with pytest.raises(RunError, match=r"scores\.jsonl"):
        run.scores()


def test_a_run_that_cannot_be_read_is_left_out_with_a_warning(
    train: Train, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    run = train(results=tmp_path)
    broken = run.path.with_name("seed0-broken")
    broken.mkdir()
    (broken / "config.json").write_text("{}")
    assert ugbench.list_runs(tmp_path) == [run]
    assert [record.levelname for record in caplog.records if "left out" in record.message] == ["WARNING"]
