"""`ugbench eval` counts the outputs that are copies, and `ugbench table` names them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call_in as call
from PIL import Image

COUNT = 4
KID = ("--metric", "kid", "--extractor", "random")


def scene(seed: int) -> Image.Image:
    patches = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return Image.fromarray(patches).resize((64, 64), Image.Resampling.BICUBIC)


def store(folder: Path, images: Sequence[Image.Image]) -> None:
    folder.mkdir(parents=True)
    for place, image in enumerate(images):
        image.save(folder / f"{place}.png")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four splits of drawn scenes, and tools that copy: references, training images, their inputs, nothing."""
    folder = tmp_path_factory.mktemp("copies")
    splits = {name: [scene(100 * place + k) for k in range(COUNT)] for place, name in enumerate(("A", "B", "tA", "tB"))}
    for split, name in (("testA", "A"), ("testB", "B"), ("trainA", "tA"), ("trainB", "tB")):
        store(folder / "datasets" / "scenes" / split, splits[name])
    outputs = {
        "references": splits["B"][::-1],
        "training": [splits["tB"][2].transpose(Image.Transpose.FLIP_LEFT_RIGHT), *map(scene, range(900, 903))],
        "inputs": [image.resize((32, 32)).resize((64, 64)) for image in splits["A"]],
        "honest": [Image.blend(a, b, 0.5) for a, b in zip(splits["A"], splits["B"], strict=True)],
    }
    for name, images in outputs.items():
        store(folder / name, images)
        call(folder, "import", folder / name, "--as", "external", "--name", name, "--dataset", "scenes")
    return folder


@pytest.fixture(scope="module")
def scored(home: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """The records by method, and what the command said."""
    result = call(home, "eval", *KID, "--json")
    return {record["method"]: record for record in json.loads(result.stdout)}, result.stderr


def test_records_state_the_copies_of_each_kind(scored: tuple[dict[str, dict[str, Any]], str]) -> None:
    assert {name: record["copies"] for name, record in scored[0].items()} == {
        "references": {"references": COUNT, "training": 0, "inputs": 0},
        "training": {"references": 0, "training": 1, "inputs": 0},
        "inputs": {"references": 0, "training": 0, "inputs": COUNT},
        "honest": {"references": 0, "training": 0, "inputs": 0},
    }


def test_eval_names_the_first_copies(scored: tuple[dict[str, dict[str, Any]], str], home: Path) -> None:
    records, said = scored
    (line,) = [line for line in said.splitlines() if "of training images" in line]
    original = home / "datasets" / "scenes" / "trainB" / "2.png"
    label = f"run {records['training']['run']} (training) A2B"
    assert line == f"{label}: 1 output is a copy of training images: 0.png of {original}."
    (line,) = [line for line in said.splitlines() if "of references" in line]
    assert "4 outputs are copies of references: 0.png of " in line and line.endswith("testB/1.png and 1 more.")


@pytest.mark.usefixtures("scored")
def test_the_table_names_them_and_says_nothing_of_who_copies_nothing(home: Path) -> None:
    notes = json.loads(call(home, "table", "--json").stdout)["notes"]
    assert [note for note in notes if "there are copies" in note] == [
        "inputs on scenes A2B: among the 4 outputs there are copies: 4 of their own inputs.",
        "references on scenes A2B: among the 4 outputs there are copies: 4 of references.",
        "training on scenes A2B: among the 4 outputs there are copies: 1 of training images.",
    ]
    aside = [json.loads(line) for name in ("identity", "real") for line in _scores(home, name)]
    assert aside and all(record["copies"] is None for record in aside)


def _scores(home: Path, name: str) -> list[str]:
    return (home / "results" / "scenes" / name / "scores.jsonl").read_text(encoding="utf-8").splitlines()


def test_scores_of_an_older_version_get_the_numbers_at_the_next_eval(home: Path, scored: Any) -> None:
    records, _ = scored
    (file,) = (home / "results" / "scenes" / "external").glob("training-*/scores.jsonl")
    old = json.loads(file.read_text(encoding="utf-8"))
    del old["copies"]
    file.write_text(json.dumps(old) + "\n", encoding="utf-8")
    result = call(home, "eval", *KID, "--json")
    found = {record["method"]: record for record in json.loads(result.stdout)}
    assert found == records
    assert "1 output is a copy of training images" in result.stderr
    stored = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert stored == [old, records["training"]]
    call(home, "eval", *KID)
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2


def test_folders_without_a_run_are_looked_at_too(home: Path) -> None:
    real, source = (home / "datasets" / "scenes" / split for split in ("testB", "testA"))
    result = call(home, "eval", "--real", real, "--fake", home / "references", *KID, "--json")
    assert [record["copies"] for record in json.loads(result.stdout)] == [{"references": COUNT}]
    assert f"4 outputs are copies of references: 0.png of {real / '3.png'}, " in result.stderr
    folders = ("--real", real, "--fake", home / "inputs", "--source", source)
    (record,) = json.loads(call(home, "eval", *folders, *KID, "--json").stdout)
    assert record["copies"] == {"references": 0, "inputs": COUNT}


def test_on_a_dial_only_equal_images_are_copies_of_references(tmp_path: Path) -> None:
    """The true translation is a reference there, so a good translation comes near to one."""
    dial = "dial:size=32,train=2,test=4"
    call(tmp_path, "data", "make", dial)
    (truth,) = (tmp_path / "datasets").glob("*/testB")
    images = [Image.open(path).convert("RGB") for path in sorted(truth.iterdir())]
    names = [path.stem for path in sorted(truth.iterdir())]
    near = [image.point(lambda level: level ^ 1) for image in images]  # each level is off by one
    for name, outputs in (("equal", images), ("near", near)):
        (tmp_path / name).mkdir()
        for stem, image in zip(names, outputs, strict=True):
            image.save(tmp_path / name / f"{stem}.png")
        call(tmp_path, "import", tmp_path / name, "--as", "external", "--name", name, "--dataset", dial)
    records = json.loads(call(tmp_path, "eval", *KID, "--json").stdout)
    assert {record["method"]: record["copies"]["references"] for record in records} == {"equal": 4, "near": 0}
