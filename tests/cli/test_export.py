"""`ugbench export`: what it writes, what it says, and the calls that it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest
import torch
from commands import call_in
from typer.testing import Result

from ugbench.exports.safetensors import read_export
from ugbench.inference import translate as translation
from ugbench.runs.run import find_run

Call = Callable[..., Result]
TRAIN = ["--dataset", "dial:size=32,train=4,test=2", "--preset", "smoke", "--size", "32", "--batch-size", "1"]
SMALL = ["--steps", "1", "--set", "channels=4,blocks=1,discriminator_channels=4"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with one trained CycleGAN."""
    home = tmp_path_factory.mktemp("home")
    call_in(home, "train", "cyclegan", *TRAIN, *SMALL)
    return home / "results"


@pytest.fixture
def export(ugbench: Call, results: Path) -> Call:
    """export("--output", …) exports the run."""
    return lambda *words: ugbench("export", run_id(results), *words, "--results", results)


def run_id(results: Path) -> str:
    return next(results.glob("*/cyclegan/seed0-*")).name.removeprefix("seed0-")


def test_an_onnx_file_translates_the_way_that_was_asked_for(export: Call, results: Path, tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "G.onnx"
    result = export("--output", file, "--direction", "B2A", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert list(told) == ["run", "step", "file", "direction", "any_size", "max_difference", "checked"]
    assert (told["direction"], told["any_size"], told["step"]) == ("B2A", True, 1)
    assert told["max_difference"] <= 1e-4
    assert result.stderr.startswith(f"wrote {file}: cyclegan at step 1, B2A, at any size")
    method, _ = translation.load(find_run(run_id(results), results), torch.device("cpu"))
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    exported = torch.from_numpy(session.run(["translation"], {"image": x.numpy()})[0])
    torch.testing.assert_close(exported, method.translate(x, "B2A"), atol=1e-4, rtol=0)
    assert (exported - method.translate(x, "A2B")).abs().max() > 1e-4


def test_a_safetensors_file_holds_both_ways_and_has_a_card_beside_it(
    export: Call, results: Path, tmp_path: Path
) -> None:
    file = tmp_path / "G.safetensors"
    result = export("--output", file)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == f"wrote {file}: cyclegan at step 1, A2B and B2A, with the card G.md\n"
    exported = read_export(file)
    assert (exported.run, exported.step, exported.dataset["images"]) == (run_id(results), 1, {"trainA": 4, "trainB": 4})
    assert {name.split(".")[0] for name in exported.tensors} == {"generator_a2b", "generator_b2a"}
    assert "# cyclegan on " in (tmp_path / "G.md").read_text()
    again = export("--output", file)
    assert again.stderr.startswith(f"replaced {file}: ")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--output", "G.pth"], r"--output G.pth: the name must end in .onnx or .safetensors"),
        (["--output", "."], "--output .: that is a folder; name a file."),
        (
            ["--output", "G.safetensors", "--direction", "A2B"],
            "--direction A2B: a .safetensors file holds both directions",
        ),
        (["--output", "G.onnx", "--direction", "A2C"], "'A2C'"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_writes_nothing(
    export: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = export(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_file(export: Call, tmp_path: Path) -> None:
    (tmp_path / "G.onnx").mkdir()
    result = export("--output", tmp_path / "G.onnx")
    assert result.exit_code == 2
    assert "that is a folder; name a file" in result.stderr


def test_a_run_that_does_not_exist_is_told(ugbench: Call, results: Path, tmp_path: Path) -> None:
    result = ugbench("export", "zzz", "--output", tmp_path / "G.safetensors", "--results", results)
    assert result.exit_code == 2
    assert "starts with 'zzz'" in result.stderr


def test_without_the_extra_its_name_is_told(export: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it was not installed
    result = export("--output", tmp_path / "G.onnx")
    assert result.exit_code == 2
    assert "needs onnxruntime; install with `pip install 'ugbench[onnx]'`" in result.stderr
    assert export("--output", tmp_path / "G.safetensors").exit_code == 0
