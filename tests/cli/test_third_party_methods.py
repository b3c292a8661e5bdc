"""Methods of other packages are trained, stopped, scored and tabled like those that are shipped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import call, call_json
from third_party import VARIANTS, third_party_site, visible, write_edges_net

from ugbench.runs import checkpoint
from ugbench.runs.run import read_run

__all__ = ["third_party_site"]
DIAL = "dial:size=32,train=6,test=6"


@pytest.fixture(autouse=True)
def other_packages(third_party_site: Path) -> Iterator[None]:
    """The methods of tests/third_party are installed."""
    with visible(third_party_site):
        yield


@pytest.fixture
def words(tmp_path: Path) -> list[Any]:
    """Options that the commands share."""
    return ["--results", tmp_path / "results", "--data-root", tmp_path / "data", "--device", "cpu"]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A data set of pairs: the test images of a dial, which are pairs, are its training images too."""
    dial = Path(call_json("data", "make", DIAL, "--data-root", tmp_path / "data")["root"])
    for split in ("testA", "testB"):
        for target in (split, split.replace("test", "train")):
            shutil.copytree(dial / split, tmp_path / "data" / "pairs" / target)
    return tmp_path / "data" / "pairs"


@pytest.fixture
def given(tmp_path: Path) -> dict[str, list[Any]]:
    """The options that a method needs for training, by its name."""
    return {"paired_features": ["--weights", f"edges-net={write_edges_net(tmp_path / 'edges-net.pth')}"]}


def test_the_methods_are_found_by_their_entry_points() -> None:
    listed = {method["name"]: method for method in call_json("methods")}
    assert set(VARIANTS) <= listed.keys()
    assert {name: listed[name]["style_dim"] for name in VARIANTS} == {
        "content_first": 4,
        "paired_features": 0,
        "slow_mover": 0,
    }


def test_they_are_trained_translate_and_share_a_table(
    words: list[Any], given: dict[str, list[Any]], pairs: Path, tmp_path: Path
) -> None:
    runs = {}
    for name in VARIANTS:
        train = ["train", name, "--dataset", pairs, "--preset", "smoke", "--steps", 30, *given.get(name, []), *words]
        runs[name] = call_json(*train)
        assert (runs[name]["status"], runs[name]["step"]) == ("done", 30)
        assert call_json(*train)["resumed_from"] == 30
    records = call_json("eval", "--metric", "kid,precision", "--extractor", "random", *words)
    scored = {(record["method"], record["direction"], record["metric"]) for record in records}
    directions = {"content_first": ("A2B", "B2A"), "paired_features": ("A2B",), "slow_mover": ("A2B",)}
    expected = {(n, d, metric) for n in VARIANTS for d in directions[n] for metric in ("kid", "precision")}
    assert expected <= scored
    assert {record["codes_per_image"] for record in records if record["method"] == "content_first"} == {1}
    table = call_json("table", "--results", tmp_path / "results", "--format", "json")
    rows = [row for row in table["rows"] if row["direction"] == "A2B" and row["method"] in VARIANTS]
    assert sorted(row["method"] for row in rows) == sorted(VARIANTS)
    assert all(row["cells"]["kid"]["value"] is not None for row in rows)
    translated = call_json(
        *(
            "translate",
            runs["content_first"]["id"],
            "--input",
            pairs / "testA",
            "--output",
            tmp_path / "out",
            "--samples",
            2,
        ),
        *("--results", tmp_path / "results", "--device", "cpu"),
    )
    assert translated["images"] == 6
    assert len(list((tmp_path / "out").glob("*.png"))) == 12


@pytest.mark.parametrize("name", VARIANTS)
def test_a_training_that_is_ended_by_a_signal_goes_on_to_the_same_bits(
    name: str,
    third_party_site: Path,
    words: list[Any],
    given: dict[str, list[Any]],
    pairs: Path,
    tmp_path: Path,
) -> None:
    options = ["--dataset", pairs, "--preset", "smoke", "--steps", 200, "--log-every", 1, *given.get(name, [])]
    command = ["train", name, *options, *words[2:]]
    other = ["--results", tmp_path / "killed"]
    whole = read_run(Path(call_json(*command, *words[:2])["run"]))
    call = [sys.executable, "-m", "ugbench", *map(str, [*command, *other])]
    environment = {**os.environ, "PYTHONPATH": str(third_party_site)}
    with subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            logs = list((tmp_path / "killed").glob(f"*/*/*/{whole.metrics_file.name}"))
            if logs and len(logs[0].read_bytes().splitlines()) >= 20:
                process.send_signal(signal.SIGTERM)
                break
        _, said = process.communicate()
    assert process.returncode == 75, said
    again = call_json(*command, *other)
    killed = read_run(Path(again["run"]))
    assert 20 <= again["resumed_from"] < 200
    assert (killed.id, killed.metrics_file.read_bytes()) == (whole.id, whole.metrics_file.read_bytes())
    ends = [checkpoint.load(run.checkpoint(200)).parts for run in (killed, whole)]
    for part in ("method", "optimizer"):
        assert checkpoint.digest(ends[0][part]) == checkpoint.digest(ends[1][part])


def test_a_paired_method_says_that_the_training_images_of_a_dial_are_no_pairs(
    words: list[Any], given: dict[str, list[Any]], pairs: Path
) -> None:
    train = ["train", "paired_features", "--preset", "smoke", "--dry-run", *given["paired_features"], *words]
    sentence = "the training images of a dial are no pairs"
    assert sentence in call(*train, "--dataset", DIAL).stderr
    assert sentence not in call(*train, "--dataset", pairs).stderr


def test_a_refused_call_leaves_nothing_behind(words: list[Any], given: dict[str, list[Any]], tmp_path: Path) -> None:
    def refusal(*arguments: Any) -> str:
        process = subprocess.run(
            [sys.executable, "-m", "ugbench", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[:1])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 2
        assert not (tmp_path / "results").exists()
        return process.stderr.splitlines()[-1]

    train = ["train", "paired_features", "--dataset", DIAL, "--preset", "smoke", *words]
    assert refusal(*train) == (
        "error: the weights of 'edges-net' were not found, and paired_features needs them for its frozen network "
        "features; give --weights edges-net=FILE; `ugbench weights list` names files that can be downloaded."
    )
    other = ["train", "slow_mover", "--dataset", DIAL, "--preset", "smoke", *given["paired_features"], *words]
    assert refusal(*other).endswith("slow_mover has no frozen networks; leave the option out.")


def test_a_study_trains_the_installed_method_and_not_a_folder_of_that_name_in_the_working_directory(
    third_party_site: Path, words: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_mover").mkdir()
    (tmp_path / "slow_mover" / "__init__.py").write_text("raise ImportError('a folder of the user')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(third_party_site))
    monkeypatch.setenv("UGBENCH_CACHE", str(tmp_path / "cache"))
    study = ["compare", "--methods", "slow_mover", "--dataset", DIAL, "--preset", "smoke", "--steps", 2, "--seeds", 1]
    done = call_json(*study, "--metric", "changed", *words)
    assert [(run["direction"], run["status"], run["step"]) for run in done["runs"]] == [
        ("A2B", "done", 2),
        ("B2A", "done", 2),
    ]
