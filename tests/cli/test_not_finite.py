"""A run whose weights are not finite: every command that would use them names the tensor, and writes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import call, call_in

from ugbench.runs import checkpoint
from ugbench.runs.run import Run, read_run

DIAL = "dial:size=32,train=4,test=3"
TRAIN = ["train", "cyclegan", "--dataset", DIAL, "--preset", "smoke", "--size", "32", "--batch-size", "1"]
TRAIN += ["--set", "channels=4", "--set", "discriminator_channels=4", "--set", "blocks=1", "--precision", "fp32"]


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A home folder, and a trained run in it of which one value of a generator became NaN."""
    home = tmp_path_factory.mktemp("home")
    run = read_run(Path(json.loads(call_in(home, *TRAIN, "--steps", "1", "--json").stdout)["run"]))
    saved = checkpoint.load(run.checkpoint(1))
    saved.parts["method"]["generator_b2a.1.weight"].view(-1)[5] = float("nan")
    checkpoint.save(run.checkpoints, saved)
    generators = {key: value for key, value in saved.parts["method"].items() if key.startswith("generator")}
    checkpoint.write_tensors(run.generators_file, generators, {"step": "1"})
    return home, run


@pytest.mark.parametrize(
    "words",
    [
        ["translate", "RUN", "--input", "SOURCES", "--output", "OUT"],
        ["translate", "RUN", "--input", "SOURCES", "--output", "OUT", "--checkpoint", "1"],
        ["eval", "RUN", "--metric", "changed"],
        ["eval", "RUN", "--metric", "kid", "--extractor", "random", "--checkpoints", "all"],
        [*TRAIN, "--steps", "2", "--init-from", "RUN"],
        [*TRAIN, "--steps", "2", "--init-from", "RUN", "--init-only", "generators"],
        [*TRAIN, "--steps", "2", "--continue-from", "RUN"],
    ],
    ids=" ".join,
)
def test_weights_that_are_not_finite_are_refused_by_name_and_nothing_is_written(
    spoilt: tuple[Path, Run], words: list[str]
) -> None:
    home, run = spoilt
    (sources,) = (home / "datasets").glob("*/testA")
    places = {"RUN": run.id, "SOURCES": str(sources), "OUT": str(home / "out")}

    def written() -> list[Path]:
        return sorted(path for path in home.rglob("*") if path.suffix in (".png", ".json", ".jsonl", ".safetensors"))

    before = written()
    refused = call_in(home, *(places.get(word, word) for word in words), code=2)
    error = refused.stderr.splitlines()[-1]
    assert "generator_b2a.1.weight has 1 of 588 values that are NaN or infinite" in error
    assert run.id in error
    assert written() == before


def test_they_are_not_exported_either(spoilt: tuple[Path, Run]) -> None:
    home, run = spoilt
    for suffix in ("onnx", "safetensors"):
        file = home / f"exported.{suffix}"
        refused = call("export", run.id, "--output", file, "--results", home / "results", code=2)
        assert "generator_b2a.1.weight has 1 of 588 values that are NaN or infinite" in refused.stderr
        assert not file.exists()
