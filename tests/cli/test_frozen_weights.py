"""`--weights` of methods with frozen networks: train, its plan, what is shown of a run, exports, and studies."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import call, call_in, call_json
from frozen_weights import feature_loss, frozen_state, weights
from made_weights import some_state

from ugbench.nn.weight_files import digest
from ugbench.runs import checkpoint

__all__ = ["feature_loss", "weights"]

DIAL = "dial:size=32,train=4,test=4"
TRAIN = ["train", "feature_loss", "--dataset", DIAL, "--preset", "smoke", "--precision", "fp32"]


def given(weights: dict[str, Path], *names: str) -> list[str]:
    return [word for name in names for word in ("--weights", f"{name}={weights[name]}")]


def report(folder: Path, *words: object) -> Any:
    return json.loads(call_in(folder, *words, "--json").stdout)


@pytest.mark.usefixtures("feature_loss")
@pytest.mark.parametrize("more", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "error: the weights of 'alexnet' were not found, and feature_loss needs them for its frozen network "),
        (["--weights", "alexnet=gone.pth"], "error: --weights alexnet=gone.pth: there is no such file; give the "),
        (
            ["--weights", f"alexnt={__file__}"],
            "error: no frozen network of feature_loss (--weights) is called 'alexnt'",
        ),
        (["--weights", f"alexnet={__file__}"], f"error: --weights alexnet={__file__} is refused: it is damaged or "),
    ],
)
def test_a_refused_file_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, words: list[str], message: str, more: list[str]
) -> None:
    error = call_in(tmp_path, *TRAIN, *words, *more, code=2).stderr
    assert error.startswith(message) and error.count("\n") == 1
    assert not (tmp_path / "results").exists() and not (tmp_path / "datasets").exists()


@pytest.mark.usefixtures("feature_loss")
def test_the_same_command_goes_on_and_without_the_file_it_is_refused(tmp_path: Path, weights: dict[str, Path]) -> None:
    words = [*TRAIN, *given(weights, "alexnet")]
    planned = report(tmp_path, *words, "--dry-run")
    first = report(tmp_path, *words)
    again = report(tmp_path, *words)
    assert (planned["id"], first["step"]) == (first["id"], 4)
    assert (again["id"], again["resumed_from"]) == (first["id"], 4)
    call_in(tmp_path, *TRAIN, code=2)
    sha256 = digest(frozen_state("features"))
    results = ["--results", tmp_path / "results"]
    shown = call("runs", "show", first["id"], *results).stdout
    assert re.search(rf"^weights of features +{sha256}$", shown, re.MULTILINE), shown
    assert call_json("runs", "show", first["id"], *results)["config"]["frozen"] == {"features": sha256}
    chosen = call_json("runs", "--where", f"frozen.features={sha256[:6]}", *results)
    assert [run["id"] for run in chosen] == [first["id"]]


@pytest.mark.usefixtures("feature_loss")
def test_runs_with_other_weights_are_told_apart(tmp_path: Path, weights: dict[str, Path]) -> None:
    report(tmp_path, *TRAIN, *given(weights, "alexnet"))
    torch.save(frozen_state("features", seed=1), weights["alexnet"])
    second = call_in(tmp_path, *TRAIN, *given(weights, "alexnet"))
    assert "differs from this new run only in the weights of features (" in second.stderr
    rows = call_json("runs", "--results", tmp_path / "results")
    shown = {row["config"]["frozen.features"] for row in rows}
    assert shown == {digest(frozen_state("features", seed))[:6] for seed in (0, 1)}


@pytest.mark.usefixtures("feature_loss")
def test_exports_hold_the_frozen_network_that_translates(tmp_path: Path, weights: dict[str, Path]) -> None:
    run = report(tmp_path, *TRAIN, "--variant", "encoded", *given(weights, "alexnet", "encoder"))["id"]
    results = ["--results", tmp_path / "results"]
    source = next((tmp_path / "datasets").glob("*/testA/*.png"))
    for file in (tmp_path / "run.safetensors", tmp_path / "run.onnx"):
        call("export", run, "--output", file, *results)
        assert file.exists()
    imported = call_json("import", tmp_path / "run.safetensors", "--as", "feature_loss", *results)
    for name, each in (("trained", run), ("imported", imported["id"])):
        call("translate", each, "--input", source, "--output", tmp_path / name, *results, "--device", "cpu")
    assert (tmp_path / "trained" / source.name).read_bytes() == (tmp_path / "imported" / source.name).read_bytes()
    stored = checkpoint.load(Path(imported["run"]) / "checkpoints" / "0").parts["method"]
    assert set(stored) == {"generator.weight", "generator.bias"}


@pytest.mark.usefixtures("feature_loss")
def test_one_file_serves_training_and_scoring_of_a_study(tmp_path: Path) -> None:
    import torchvision

    with torch.device("meta"):
        features = torchvision.models.alexnet(weights=None).features
    file = tmp_path / "alexnet.pth"
    state = some_state(features.to_empty(device="cpu"))
    torch.save({f"features.{key}": tensor for key, tensor in state.items()}, file)
    words = ["compare", "--methods", "feature_loss,cyclegan", "--dataset", DIAL, "--preset", "smoke", "--size", "32"]
    words += ["--steps", "2", "--seeds", "1", "--metric", "kid", "--extractor", "alexnet"]
    refused = call_in(tmp_path, *words, code=2).stderr
    assert "the weights of 'alexnet' were not found, and feature_loss needs them" in refused
    assert not (tmp_path / "results").exists()
    words += ["--weights", f"alexnet={file}"]
    plan = report(tmp_path, *words, "--dry-run")
    done = report(tmp_path, *words, "--jobs", "2")
    assert {run["id"] for run in plan["runs"]} == {run["id"] for run in done["runs"]}
    assert {run["method"]: run["status"] for run in done["runs"]} == {"feature_loss": "done", "cyclegan": "done"}
    trained = {run["method"]: Path(run["run"]) for run in done["runs"]}
    frozen = {name: json.loads((path / "config.json").read_text())["frozen"] for name, path in trained.items()}
    part = {key: state[key] for key in ("0.weight", "0.bias")}
    assert frozen == {"feature_loss": {"features": digest(part)}, "cyclegan": {}}
    assert {row["method"] for row in done["table"]["rows"]} >= {"feature_loss", "cyclegan"}


@pytest.mark.usefixtures("feature_loss")
def test_an_ablation_gives_each_variant_the_files_that_it_needs(tmp_path: Path, weights: dict[str, Path]) -> None:
    words = ["ablate", "feature_loss", "--dataset", DIAL, "--preset", "smoke", "--seeds", "1", "--metric", "changed"]
    plan = report(tmp_path, *words, *given(weights, "alexnet", "encoder"), "--extractor", "random", "--dry-run")
    assert {run["variant"] for run in plan["runs"]} == {None, "plain", "encoded"}
    refused = call_in(tmp_path, *words, *given(weights, "alexnet"), code=2).stderr
    assert "the weights of 'encoder' were not found, and feature_loss needs them for its frozen network" in refused
    unknown = call_in(tmp_path, *words, "--weights", f"enkoder={weights['encoder']}", code=2).stderr
    assert "no network (--weights) is called 'enkoder'; did you mean 'encoder'?" in unknown


@pytest.mark.usefixtures("feature_loss")
def test_doctor_lists_what_methods_take(weights: dict[str, Path]) -> None:
    listed = call_json("doctor", *given(weights, "encoder"))["weights"]
    assert listed["encoder"]["source"] == "weights of the frozen network encoder of feature_loss"
    assert (listed["encoder"]["ok"], listed["encoder"]["status"]) == (True, "7 tensors")
    assert listed["alexnet"]["source"].endswith("; weights of the frozen network features of feature_loss")
