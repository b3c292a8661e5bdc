"""`ugbench translate`: what it replaces, what it skips, and what it says; and what `--output FILE` may replace."""

from pathlib import Path

import pytest
from commands import call, call_json
from drawn_images import make_data_set, patches

from ugbench.inference.output_folder import NOTE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("translate")
    data = make_data_set(home / "cats", trainA=2, trainB=2, testA=2, testB=2)
    words = ("--preset", "smoke", "--size", 32, "--steps", 1, "--batch-size", 1, "--device", "cpu")
    report = call_json("train", "cyclegan", "--dataset", data, "--results", home / "results", *words)
    return Path(report["run"])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for seed in range(3):
        patches(seed).save(tmp_path / "in" / f"{seed}.png")
    return tmp_path / "in"


def translate(run: Path, source: Path, output: Path, *more: str, code: int = 0) -> str:
    words = ("translate", run, "--input", source, "--output", output, "--device", "cpu", *more)
    return call(*words, code=code).stderr


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_train_says_how_many_images_it_uses(run: Path) -> None:
    data = run.parents[3] / "cats"
    (data / "trainA" / "notes.md").touch()
    words = ("--preset", "smoke", "--size", 32, "--steps", 1, "--batch-size", 1, "--device", "cpu")
    lines = call("train", "cyclegan", "--dataset", data, "--results", run.parents[2], *words).stderr.splitlines()
    assert lines[:2] == ["cats/trainA: 2 images; passed over: 1 .md.", "cats/trainB: 2 images."]
    scored = call("eval", "--metric", "kid", "--extractor", "random", "--results", run.parents[2]).stderr
    assert scored.count("cats/trainA: 2 images; passed over: 1 .md.") == scored.count("cats/testB: 2 images.") == 1


def test_inputs_are_never_replaced(run: Path, source: Path, tmp_path: Path) -> None:
    before = content(source)
    (tmp_path / "link").symlink_to(source)
    for output in (source, tmp_path / "link"):
        assert "where the inputs are; name another folder" in translate(run, source, output, code=2)
    assert "where the inputs are" in translate(run, source / "0.png", source, code=2)
    assert content(source) == before


def test_a_second_translation_replaces_the_first_and_nothing_else(run: Path, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert f"{source}: 3 images.\n" in translate(run, source, out)
    first = content(out)
    assert sorted(first) == ["0.png", "1.png", "2.png", NOTE]
    translate(run, source, out, "--direction", "B2A")
    second = content(out)
    assert all(second[name] != first[name] for name in first)
    (out / "1.png").write_bytes(b"my own")
    assert "1.png would be replaced" in translate(run, source, out, code=2)
    assert content(out) == {**second, "1.png": b"my own"}


def test_several_devices_write_what_one_writes(run: Path, source: Path, tmp_path: Path) -> None:
    translate(run, source, tmp_path / "single", "--batch-size", "1")
    said = translate(run, source, tmp_path / "double", "--batch-size", "1", "--device", "cpu,cpu")
    assert "3 images by cyclegan" in said
    assert content(tmp_path / "single") == content(tmp_path / "double")


def test_skip_bad_leaves_out_what_cannot_be_read(run: Path, source: Path, tmp_path: Path) -> None:
    (source / "1.png").write_text("no image")
    (source / "notes.txt").touch()
    assert "1.png: not a readable image" in translate(run, source, tmp_path / "strict", code=2)
    words = ("translate", run, "--input", source, "--output", tmp_path / "out", "--device", "cpu", "--skip-bad")
    result = call(*words, "--json")
    assert f"{source}: 3 images; passed over: 1 .txt." in result.stderr
    assert f"skipped: {source / '1.png'}: not a readable image" in result.stderr
    assert "1 of 3 images cannot be read and were skipped." in result.stderr
    assert sorted(content(tmp_path / "out")) == ["0.png", "2.png", NOTE]
    assert '"images": 2' in result.stdout and '"skipped": 1' in result.stdout
    for name in ("0", "2"):
        (source / f"{name}.png").write_text("no image")
    says = translate(run, source, tmp_path / "none", "--skip-bad", code=2)
    assert f"--input {source}: none of its 3 images can be read" in says
    assert not list((tmp_path / "none").iterdir())


def test_output_files_replace_no_file_of_a_run_or_a_data_set(run: Path, tmp_path: Path) -> None:
    results, image = run.parents[2], run.parents[3] / "cats" / "testA" / "0.png"
    call("eval", "--metric", "kid", "--extractor", "random", "--results", results)
    scores, before = run / "scores.jsonl", content(run)
    link = tmp_path / "link.csv"
    link.symlink_to(scores)
    calls = [
        (("table", "--output", scores), f"belongs to the results in {run}"),
        (("table", "--output", run / "config.json"), f"belongs to the run in {run}"),
        (("report", "--output", run / "outputs" / "A2B" / "0.png"), f"belongs to the run in {run}"),
        (("figure", "losses", "--output", image), f"belongs to the data set {image.parents[1]}"),
        (("table", "--output", link), f"belongs to the results in {run}"),
    ]
    pixels = image.read_bytes()
    for words, says in calls:
        assert says in call(*words, "--results", results, code=2).stderr
    assert (content(run), image.read_bytes()) == (before, pixels)
    for _ in range(2):  # a file that is nobody's is replaced as ever
        call("table", "--output", tmp_path / "t.csv", "--format", "csv", "--results", results)
