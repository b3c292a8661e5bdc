"""`ugbench eval --real --fake`: what is scored, what is said of the rest, and what the scores are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import call, call_json
from drawn_images import draw_noise, patches, save_flat
from PIL import Image

from ugbench.metrics import kid
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor
from ugbench.scoring.networks.perceptual import load_lpips

KID = ("--metric", "kid", "--extractor", "random")


def draw(folder: Path, *stems: str, size: tuple[int, int] = (48, 48), seed: int = 0) -> Path:
    """Save a PNG of soft patches under each stem; images of different seeds differ. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, stem in enumerate(stems):
        patches(100 * seed + place, size).save(folder / f"{stem}.png")
    return folder


def as_float(file: Path, size: tuple[int, int]) -> torch.Tensor:
    """An image in [-1, 1], (1, 3, h, w), read and resized by Pillow alone."""
    image = Image.open(file).convert("RGB")
    pixels = image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.fixture
def lpips(backbone: Callable[[str], Path]) -> Callable[..., Any]:
    """lpips(real, fake, source): the record of `ugbench eval --metric lpips` and what was said."""

    def score(real: Path, fake: Path, source: Path) -> tuple[dict[str, Any], str]:
        words = ["eval", "--real", real, "--fake", fake, "--source", source, "--metric", "lpips"]
        result = call(*words, "--weights", f"alexnet={backbone('alexnet')}", "--json")
        (record,) = json.loads(result.stdout)
        return record, result.stderr

    return score


@pytest.fixture
def mean_lpips(backbone: Callable[[str], Path]) -> Callable[..., float]:
    """mean_lpips(pairs, size): the mean over pairs of files, one pair at a time."""
    distance = load_lpips("alex", {"alexnet": backbone("alexnet")}).distance

    def mean(pairs: list[tuple[Path, Path]], size: tuple[int, int]) -> float:
        return float(np.mean([float(distance(as_float(a, size), as_float(b, size))) for a, b in pairs]))

    return mean


def test_every_image_counts_once_and_what_is_passed_over_is_named(tmp_path: Path) -> None:
    real, fake = draw(tmp_path / "real", "a", "b", "c", "d", seed=1), draw(tmp_path / "fake", "a", "b", "c")
    draw(fake / "more", "e")
    (fake / "notes.txt").write_text("x")
    (fake / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (fake / "linked.png").symlink_to(real / "d.png")
    result = call("eval", "--real", real, "--fake", fake, *KID, "--json")
    (record,) = json.loads(result.stdout)
    extractor = load_extractor("random", {})
    files = [sorted(path for path in folder.glob("*.png") if path.is_file()) for folder in (fake, real)]
    features = [features_of(paths, (), extractor) for paths in files]
    assert (record["n_fake"], record["n_real"]) == (4, 4)
    assert record["value"] == pytest.approx(kid.compute(*features).value, abs=1e-6)
    assert f"{fake}: 4 images; passed over: 1 .txt, 1 broken link, 1 subfolder." in result.stderr
    assert f"{real}: 4 images." in result.stderr


def test_a_warning_of_a_metric_reaches_the_user(tmp_path: Path) -> None:
    real, fake = draw(tmp_path / "real", "a", "b", "c", seed=1), draw(tmp_path / "fake", "a", "b", "c")
    said = call("eval", "--real", real, "--fake", fake, "--metric", "fid", "--extractor", "random").stderr
    assert "fid of 3 against 3 images is mostly bias" in said


def test_an_image_in_two_formats_is_not_counted_twice(tmp_path: Path) -> None:
    real, fake = draw(tmp_path / "real", "a", "b", "c", seed=1), draw(tmp_path / "fake", "a", "b", "c")
    save_flat(fake / "b.bmp")
    refused = call("eval", "--real", real, "--fake", fake, *KID, code=2).stderr
    assert f"{fake}/b.bmp and {fake}/b.png have one stem" in refused
    (fake / "b.bmp").unlink()
    save_flat(tmp_path / "source/a.bmp")
    draw(tmp_path / "source", "a")
    refused = call("eval", "--real", real, "--fake", fake, "--source", tmp_path / "source", *KID, code=2).stderr
    assert "source/a.bmp and" in refused and "have one stem" in refused
    save_flat(real / "c.bmp")
    result = call("eval", "--real", real, "--fake", fake, *KID, "--json")
    assert json.loads(result.stdout)[0]["n_real"] == 4
    assert f"{real}: c.bmp and c.png have one stem, and both are compared with the outputs." in result.stderr


def test_a_terminal_shows_how_many_images_are_read(tmp_path: Path) -> None:
    real, fake = draw(tmp_path / "real", "a", "b", "c", seed=1), draw(tmp_path / "fake", *"abcde")
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "200"}
    result = call("eval", "--real", real, "--fake", fake, *KID, "--json", env=terminal)
    assert "scoring" in result.stderr and "3/3" in result.stderr
    json.loads(result.stdout)


def test_outputs_are_matched_to_sources_and_what_is_missing_or_extra_is_named(
    tmp_path: Path, lpips: Callable[..., Any], mean_lpips: Callable[..., float]
) -> None:
    real = draw(tmp_path / "real", "x", seed=1)
    source, fake = draw(tmp_path / "source", *"abcde", seed=2), draw(tmp_path / "fake", "b", "d", "zebra", seed=3)
    record, said = lpips(real, fake, source)
    assert (record["n_fake"], record["n_missing"]) == (2, 3)
    assert f"{fake}: no output for 3 of 5 sources: a.png, c.png, e.png." in said
    assert f"{fake}: no source for 1 of 3 outputs, left out of all scores: zebra.png." in said
    pairs = [(source / f"{stem}.png", fake / f"{stem}.png") for stem in "bd"]
    assert record["value"] == pytest.approx(mean_lpips(pairs, (48, 48)), abs=1e-6) != 0
    for stem in "bd":
        (fake / f"{stem}.png").unlink()
    words = ("eval", "--real", real, "--fake", fake, "--source", source, *KID)
    assert f"none of its 1 images has the stem of a source in {source}" in call(*words, code=2).stderr


def test_lpips_at_two_sizes_has_two_protocols_and_kid_has_one(
    tmp_path: Path, lpips: Callable[..., Any], mean_lpips: Callable[..., float]
) -> None:
    real, records = draw(tmp_path / "real", "x", "y", seed=1), {}
    for size in (48, 96):
        source = draw(tmp_path / f"source{size}", *"abc", size=(size, size), seed=2)
        fake = draw(tmp_path / f"fake{size}", *"abc", size=(size, size), seed=3)
        record, said = lpips(real, fake, source)
        pairs = [(source / f"{stem}.png", fake / f"{stem}.png") for stem in "abc"]
        assert record["value"] == pytest.approx(mean_lpips(pairs, (size, size)), abs=1e-6)
        assert (record["protocol"]["size"], record["protocol"]["format"]) == (size, "as-is")
        assert "resized" not in said
        records[size] = record
    assert records[48]["protocol_id"] != records[96]["protocol_id"]
    kids = [
        call_json("eval", "--real", real, "--fake", tmp_path / f"fake{size}", *KID)[0]["protocol"] for size in (48, 96)
    ]
    assert kids[0] == kids[1] and kids[0]["size"] == "as-is"


def test_images_of_other_sizes_are_resized_to_that_of_most_outputs_and_named(
    tmp_path: Path, lpips: Callable[..., Any], mean_lpips: Callable[..., float]
) -> None:
    real = draw(tmp_path / "real", "x", seed=1)
    source = draw(tmp_path / "source", *"abc", size=(64, 48), seed=2)
    fake = draw(tmp_path / "fake", *"abc", size=(40, 56), seed=3)
    draw(fake, "b", size=(64, 64), seed=4)
    record, said = lpips(real, fake, source)
    assert record["protocol"]["size"] == [40, 56]
    pairs = [(source / f"{stem}.png", fake / f"{stem}.png") for stem in "abc"]
    assert record["value"] == pytest.approx(mean_lpips(pairs, (40, 56)), abs=1e-6)
    resized = "resized to 40x56 px, the commonest size of the outputs, where outputs are compared with sources"
    assert f"{fake}: {resized}: 1 of 3: b.png." in said
    assert f"{source}: {resized}: all 3." in said


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_outputs_that_exif_turns_are_compared_upright(
    tmp_path: Path, suffix: str, lpips: Callable[..., Any], mean_lpips: Callable[..., float]
) -> None:
    real = draw(tmp_path / "real", "x", seed=1)
    source = draw(tmp_path / "source", *"ab", size=(64, 40), seed=2)
    upright = draw(tmp_path / "upright", *"ab", size=(64, 40), seed=3)
    turned = tmp_path / "turned"
    turned.mkdir()
    exif = Image.Exif()
    exif[0x112] = 6  # the viewer turns by 90 degrees clockwise
    for file in sorted(upright.iterdir()):
        image = Image.open(file).transpose(Image.Transpose.ROTATE_90)
        image.save(turned / f"{file.stem}.{suffix}", exif=exif, **({"quality": 100} if suffix == "jpg" else {}))
        if suffix == "webp":
            image.save(turned / f"{file.stem}.{suffix}", exif=exif, lossless=True)
    record, _ = lpips(real, turned, source)
    assert record["protocol"]["size"] == [64, 40]
    pairs = [(source / f"{stem}.png", upright / f"{stem}.png") for stem in "ab"]
    assert record["value"] == pytest.approx(mean_lpips(pairs, (64, 40)), rel=0.05 if suffix == "jpg" else 1e-5)


def test_lpips_is_left_out_with_a_message_where_no_weights_are_found(tmp_path: Path) -> None:
    real, fake = draw(tmp_path / "real", "a", "b", "c", seed=1), draw(tmp_path / "fake", "a", "b", "c")
    words = ("eval", "--real", real, "--fake", fake, "--source", fake, "--extractor", "random", "--json")
    result = call(*words)
    assert [record["metric"] for record in json.loads(result.stdout)] == ["kid", "fid"]
    assert "no lpips: its weights were not found; `ugbench weights get alexnet` downloads them." in result.stderr
    refused = call(*words, "--protocol", "clean", "--metric", "kid,lpips", code=2).stderr
    assert "--metric lpips: protocol clean is of metrics on features" in refused


@pytest.fixture
def two_by_two(tmp_path: Path) -> Path:
    """Outputs o1/A2B and o2/A2B, references r1/testB and r2/testB: four contents, two base names."""
    for seed, folder in enumerate(("o1/A2B", "o2/A2B", "r1/testB", "r2/testB")):
        draw_noise(tmp_path / folder, seed)
    return tmp_path


def score(home: Path, fake: str, real: str, *words: object) -> dict[str, Any]:
    (record,) = call_json("eval", "--real", home / real, "--fake", home / fake, *KID, *words)
    return dict(record)


def rows(results: Path) -> dict[tuple[str, str, str], float]:
    """The KID of each row of the table by data set, direction and method."""
    table = call_json("table", "--results", results)["rows"]
    cells = [((row["dataset"], row["direction"], row["method"]), row["cells"]["kid"]["value"]) for row in table]
    assert len(dict(cells)) == len(cells)
    return dict(cells)


def test_folders_of_one_base_name_are_rows_of_their_own(two_by_two: Path) -> None:
    file = two_by_two / "results" / "mine.jsonl"
    records = [
        score(two_by_two, fake, real, "--output", file)
        for real in ("r1/testB", "r2/testB")
        for fake in ("o1/A2B", "o2/A2B")
    ]
    methods, datasets = ({record[field] for record in records} for field in ("method", "dataset"))
    assert sorted(name.rpartition("-")[0] for name in methods) == ["o1-A2B", "o2-A2B"]
    assert sorted(name.rpartition("-")[0] for name in datasets) == ["r1-testB", "r2-testB"]
    assert len({record["value"] for record in records}) == 4
    expected = {(r["dataset"], "A2B", r["method"]): r["value"] for r in records}
    assert rows(two_by_two / "results") == expected
    again = score(two_by_two, "o2/A2B", "r1/testB", "--output", file)
    assert again == records[1]
    assert rows(two_by_two / "results") == expected


def test_names_follow_the_images_and_not_the_place_of_the_folders(
    two_by_two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = score(two_by_two, "o1/A2B", "r1/testB")
    monkeypatch.chdir(two_by_two / "o1/A2B")
    (relative,) = call_json("eval", "--real", "../../r1/testB", "--fake", ".", *KID)
    assert relative == first
    (two_by_two / "moved").mkdir()
    (two_by_two / "o1").rename(two_by_two / "moved/o1")
    moved = score(two_by_two, "moved/o1/A2B", "r1/testB")
    assert (moved["method"], moved["dataset"]) == (first["method"], first["dataset"])
    draw_noise(two_by_two / "moved/o1/A2B", 9)
    assert score(two_by_two, "moved/o1/A2B", "r1/testB")["method"] != first["method"]


def test_given_names_and_the_direction_are_those_of_the_table(two_by_two: Path) -> None:
    file, expected = two_by_two / "results/deep/er/mine.jsonl", {}
    for fake, name in (("o1/A2B", "ours"), ("o2/A2B", "theirs")):
        names = ("--name", name, "--dataset-name", "cats", "--direction", "B2A", "--output", file)
        expected["cats", "B2A", name] = score(two_by_two, fake, "r1/testB", *names)["value"]
    assert rows(two_by_two / "results") == expected
    draw_noise(two_by_two / "o1/B2A", 5)
    assert score(two_by_two, "o1/B2A", "r1/testB")["direction"] == "B2A"
    record = score(two_by_two, "o1/A2B", "r1/testB", "--name", "cut")
    assert (record["run"], record["method"], record["name"]) == ("files", "cut", "files")


def test_outputs_that_are_called_like_an_import_stand_in_its_row(two_by_two: Path) -> None:
    for number, split in enumerate(("testA", "testB")):
        draw_noise(two_by_two / "datasets/cats" / split, number + 20)
    place = ("--results", two_by_two / "results")
    words = ("--as", "external", "--name", "tool", "--dataset", two_by_two / "datasets/cats")
    run = call_json("import", two_by_two / "o1/A2B", *words, *place)["id"]
    call("eval", run, *KID, *place)
    for name in ("other", "tool"):
        names = ("--name", name, "--dataset-name", "cats", "--output", two_by_two / "results/mine.jsonl")
        score(two_by_two, "o1/A2B", "datasets/cats/testB", *names)
    table = call_json("table", *place)["rows"]
    assert [(row["method"], len(row["cells"])) for row in table] == [("identity", 1), ("other", 1), ("tool", 2)]
    assert {row["dataset"] for row in table} == {"cats"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--name", "real"), "--name real: every table has a row of that name"),
        (("--name", "a/b"), "--name a/b: a name has at most 64 letters"),
        (("--dataset-name", "a/b"), "--dataset-name a/b: a name has no slash"),
    ],
)
def test_names_that_no_row_can_have_are_refused(two_by_two: Path, words: tuple[str, ...], says: str) -> None:
    folders = ("--real", two_by_two / "r1/testB", "--fake", two_by_two / "o1/A2B")
    assert says in call("eval", *folders, *KID, *words, code=2).stderr


@pytest.mark.parametrize("option", ["source", "name", "dataset-name", "direction", "output"])
def test_options_of_folders_are_refused_without_folders(tmp_path: Path, option: str) -> None:
    value = "A2B" if option == "direction" else tmp_path / "x"
    refused = call("eval", f"--{option}", value, "--results", tmp_path, code=2).stderr
    assert f"--{option} goes with --real and --fake" in refused


def test_nothing_is_written_but_the_output(two_by_two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(two_by_two)
    before = sorted(two_by_two.rglob("*"))
    score(two_by_two, "o1/A2B", "r1/testB")
    assert sorted(two_by_two.rglob("*")) == before
    record = score(two_by_two, "o1/A2B", "r1/testB", "--output", "mine.jsonl")
    assert sorted(two_by_two.rglob("*")) == sorted([*before, two_by_two / "mine.jsonl"])
    assert json.loads((two_by_two / "mine.jsonl").read_text()) == record


def test_records_are_appended_under_any_name_but_to_nothing_else(two_by_two: Path) -> None:
    for name in ("scores.jsonl", "mine.jsonl"):
        for fake in ("o1/A2B", "o2/A2B"):
            score(two_by_two, fake, "r1/testB", "--output", two_by_two / name)
        assert len((two_by_two / name).read_text().splitlines()) == 2
    (two_by_two / "link.jsonl").symlink_to(two_by_two / "mine.jsonl")
    score(two_by_two, "o1/A2B", "r2/testB", "--output", two_by_two / "link.jsonl")
    assert len((two_by_two / "mine.jsonl").read_text().splitlines()) == 3
    folders = ("--real", two_by_two / "r1/testB", "--fake", two_by_two / "o1/A2B")
    paper = two_by_two / "paper.tex"
    paper.write_text("\\section{Results}\n")
    refused = call("eval", *folders, *KID, "--output", paper, code=2).stderr
    assert f"--output {paper}: it holds something else than score records" in refused
    assert paper.read_text() == "\\section{Results}\n"
    said = call("eval", *folders, *KID, "--output", two_by_two / "mine.txt").stderr
    assert "mine.txt does not end in .jsonl, so `ugbench table` will not find these scores." in said


def test_other_files_of_lines_are_no_scores_and_a_damaged_record_is_named(two_by_two: Path) -> None:
    results = two_by_two / "results"
    score(two_by_two, "o1/A2B", "r1/testB", "--output", results / "mine.jsonl")
    expected = rows(results)
    (results / "log.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    (results / "words.jsonl").write_text("no JSON\n")
    (results / "empty.jsonl").touch()
    (results / "folder.jsonl").mkdir()
    (results / "link.jsonl").symlink_to(results / "mine.jsonl")
    copied = json.loads((results / "mine.jsonl").read_text())
    (results / "backup.jsonl").write_text(json.dumps({**copied, "run": "0123456789ab", "method": "cut"}) + "\n")
    assert rows(results) == expected
    with (results / "mine.jsonl").open("a") as file:
        file.write('{"schema": 1}\n')
    assert f"{results}/mine.jsonl, line 2 is no score record" in call("table", "--results", results, code=2).stderr


def test_the_report_shows_scores_of_folders(two_by_two: Path) -> None:
    results = two_by_two / "results"
    score(two_by_two, "o1/A2B", "r1/testB", "--name", "ours", "--output", results / "mine.jsonl")
    call("report", "--results", results, "--output", two_by_two / "report.html")
    assert "ours" in (two_by_two / "report.html").read_text()


def test_the_rows_of_folders_that_were_tested_for_equality_have_its_p_and_say_what_it_is_of(tmp_path: Path) -> None:
    real = draw(tmp_path / "real", *map(str, range(8)))
    fake = draw(tmp_path / "fake", *map(str, range(8)), seed=1)
    record = call_json("eval", "--real", real, "--fake", fake, *KID)[0]
    assert record["p_value"] is not None and abs(record["value"]) <= 5 * record["se"]
    result = call("eval", "--real", real, "--fake", fake, *KID)
    header, row = (line.split("  ") for line in result.stdout.splitlines())
    columns = [[cell.strip() for cell in line if cell.strip()] for line in (header, row)]
    assert dict(zip(*columns, strict=True))["p (equal)"] == f"{record['p_value']:.3g}"
    assert "outputs and references are of one distribution" in result.stderr
    assert "a large p does not show that they are equal" in result.stderr


def test_rows_far_from_zero_have_no_column_of_p(tmp_path: Path) -> None:
    real = draw(tmp_path / "real", *map(str, range(8)))
    (tmp_path / "fake").mkdir()
    for place in range(8):
        save_flat(tmp_path / "fake" / f"{place}.png", colour=f"rgb({place}, 0, 0)")
    result = call("eval", "--real", real, "--fake", tmp_path / "fake", *KID)
    assert "p (equal)" not in result.stdout + result.stderr


def test_a_choice_of_checkpoints_is_refused_with_folders(tmp_path: Path) -> None:
    refused = call("eval", "--real", tmp_path, "--fake", tmp_path, *KID, "--checkpoints", "all", code=2).stderr
    assert refused == "error: --checkpoints all scores checkpoints of a run; leave it out with --real and --fake.\n"
