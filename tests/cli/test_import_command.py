"""`ugbench import` through the command line: outputs of another tool reach the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import call_in
from PIL import Image, ImageOps

DIAL = "dial:size=32,train=4,test=4"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs of a tool that inverts colours: one is missing, one has another size, one has no source."""
    folder = tmp_path_factory.mktemp("home")
    root = Path(json.loads(call_in(folder, "data", "make", DIAL, "--json").stdout)["root"])
    made = folder / "made"
    made.mkdir()
    sources = sorted((root / "testA").iterdir())
    for path in sources[1:]:
        ImageOps.invert(Image.open(path)).save(made / path.name)
    Image.open(made / sources[1].name).resize((16, 16)).save(made / sources[1].name)
    Image.new("RGB", (32, 32)).save(made / "stray.png")
    return folder


@pytest.fixture(scope="module")
def imported(folder: Path) -> Any:
    words = ("import", folder / "made", "--as", "external", "--name", "invert", "--dataset", DIAL)
    result = call_in(folder, *words, "--json")
    return json.loads(result.stdout), result.stderr


def test_what_is_missing_extra_and_odd_is_listed_for_people_and_for_scripts(imported: Any, folder: Path) -> None:
    report, said = imported
    sources = sorted(path.name for path in (folder / "datasets").glob("*/testA/*"))
    assert report["method"] == "invert" and report["directions"] == ["A2B"]
    outputs = report["outputs"]["A2B"]
    assert (outputs["images"], outputs["sources"], outputs["size"]) == (3, 4, 32)
    assert outputs["missing"] == [Path(sources[0]).stem]
    assert outputs["extra"] == ["stray.png"]
    assert outputs["odd_sized"] == [sources[1]]
    for words in ("outputs for 3 of 4 test images", Path(sources[0]).stem, "stray.png", "squashed to 32 px"):
        assert words in said


def test_the_tool_is_scored_on_what_it_made_and_stands_in_the_table(imported: Any, folder: Path) -> None:
    metrics = ("--metric", "kid,changed", "--extractor", "random", "--cache", folder / "cache")
    records = json.loads(call_in(folder, "eval", *metrics, "--json").stdout)
    assert {(r["method"], r["variant"], r["seed"], r["step"]) for r in records} == {("invert", None, None, None)}
    assert {r["metric"]: (r["n_fake"], r["n_real"]) for r in records} == {"kid": (3, 4), "changed": (3, 3)}
    changed = next(r["value"] for r in records if r["metric"] == "changed")
    assert changed == pytest.approx(0.989, abs=5e-3)  # inverted, the scene is as far from the truth as untouched
    table = json.loads(call_in(folder, "table", "--format", "json").stdout)
    rows = {row["method"]: row["cells"] for row in table["rows"] if row["direction"] == "A2B"}
    assert list(rows) == ["identity", "invert", "real"]
    assert rows["identity"]["changed"]["value"] == pytest.approx(1)
    assert rows["invert"]["changed"]["value"] == changed


def test_it_is_a_run_like_any_other_but_for_what_needs_weights(imported: Any, folder: Path) -> None:
    report, _ = imported
    (run,) = json.loads(call_in(folder, "runs", "--json").stdout)
    assert (run["id"], run["method"], run["status"]) == (report["id"], "invert", "imported")
    source = next((folder / "datasets").glob("*/testA/*"))
    refused = call_in(folder, "translate", run["id"], "--input", source, "--output", folder / "out", code=2)
    assert "outputs of another tool" in refused.stderr
    call_in(folder, "figure", "comparison", "--output", folder / "comparison.png")
    assert (folder / "comparison.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["made", "--as", "external", "--name", "x"], "needs --dataset"),
        (["--as", "external", "--name", "x", "--dataset", DIAL], "either a folder of outputs, or --command"),
        (["made", "--as", "external", "--dataset", DIAL, "--name", "identity"], "every table has a row of that name"),
        (["none", "--as", "external", "--dataset", DIAL], "none: no such folder"),
        (["made", "--as", "external", "--dataset", DIAL, "--set", "size=8"], "--set is for checkpoints"),
        (["made", "--as", "cyclegam"], "did you mean 'cyclegan'"),
        (["made", "--as", "cyclegan"], "holds no .pt, .pth or .index file"),
        (["--as", "cyclegan"], "FILE|DIR is missing"),
        (["made", "--as", "cyclegan", "--command", "x {input} {output}"], "--command goes with --as external"),
        (["--as", "external", "--dataset", DIAL, "--command", "x {input} {output}"], "--command needs --name"),
    ],
)
def test_a_wrong_call_is_one_sentence(words: list[str], message: str, folder: Path) -> None:
    given = [str(folder / word) if word in ("made", "none") else word for word in words]
    refused = call_in(folder, "import", *given, code=2)
    assert message in refused.stderr
    assert refused.stderr.count("error: ") == 1 and refused.stderr.splitlines()[-1].startswith("error: ")
