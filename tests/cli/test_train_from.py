"""`ugbench train --continue-from` and `--init-from`: the same command finds its run, and a refusal leaves nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import call_in

DIAL = "dial:size=32,train=4,test=3"
SMALL = ["--preset", "smoke", "--batch-size", "1", "--set", "discriminator_channels=4", "--precision", "fp32"]
SMALL += ["--set", "blocks=1", "--log-every", "1"]
KEPT = ["--save-every", "2", "--keep", "all"]


class Home:
    """A folder with the results folder of a CycleGAN of 4 steps, whose checkpoints are all kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def train(self, *words: object, code: int = 0, method: str = "cyclegan", size: int = 32, channels: int = 4) -> Any:
        fields = ("--size", size, "--set", f"channels={channels}")
        return call_in(self.folder, "train", method, "--dataset", DIAL, *SMALL, *fields, *words, code=code)

    def report(self, *words: object, **more: Any) -> dict[str, Any]:
        return dict(json.loads(self.train(*words, "--json", **more).stdout))

    def refusal(self, *words: object, **more: Any) -> str:
        """The error of a command that must change nothing under the results folder."""
        before = self.files()
        error = str(self.train(*words, code=2, **more).stderr).splitlines()[-1]
        assert self.files() == before
        return error

    def files(self) -> dict[Path, int]:
        paths = (self.folder / "results").rglob("*")
        return {path: path.stat().st_mtime_ns for path in paths if path.is_file()}

    def config(self, run: str) -> dict[str, Any]:
        return dict(json.loads((self.folder / run / "config.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    home = Home(tmp_path_factory.mktemp("trained"))
    return home.folder, home.report("--steps", 4, *KEPT)


@pytest.fixture
def home(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> Home:
    shutil.copytree(trained[0], tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def earlier(trained: tuple[Path, dict[str, Any]], home: Home) -> Path:
    """The folder of the CycleGAN's run."""
    return home.folder / Path(trained[1]["run"]).relative_to(trained[0])


def id_of(run: Path) -> str:
    return run.name.removeprefix("seed0-")


def test_a_continued_run_records_where_it_began_and_is_found_again_when_that_run_is_gone(
    home: Home, earlier: Path
) -> None:
    command = ("--steps", 8, "--continue-from", id_of(earlier)[:6])
    report = home.report(*command, *KEPT)
    assert (report["step"], report["status"], report["resumed_from"]) == (8, "done", 4)
    config = home.config(report["run"])
    assert config["continue_from"] == f"{id_of(earlier)}@4"
    assert config["init_from"] is None
    steps = [json.loads(line)["step"] for line in (Path(report["run"]) / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 9))
    shutil.rmtree(earlier)
    shutil.rmtree(Path(report["run"]) / "checkpoints" / "8")
    again = home.report(*command)
    assert (again["id"], again["resumed_from"], again["step"]) == (report["id"], 6, 8)


def test_a_kept_checkpoint_gives_the_run_that_was_begun_with_all_steps(home: Home, earlier: Path) -> None:
    whole = home.report("--steps", 8)
    continued = home.report("--steps", 8, "--continue-from", f"{earlier}@2")
    assert continued["id"] != whole["id"]
    for name in ("metrics.jsonl", "checkpoints/8/method.safetensors", "checkpoints/8/optimizer.safetensors"):
        assert (Path(continued["run"]) / name).read_bytes() == (Path(whole["run"]) / name).read_bytes()


def test_a_dry_run_of_a_continued_run_counts_the_steps_that_are_left_and_writes_nothing(
    home: Home, earlier: Path
) -> None:
    before = home.files()
    result = home.train("--steps", 10, "--continue-from", f"{earlier}@2", "--dry-run", "--json")
    planned = json.loads(result.stdout)
    assert (planned["status"], planned["step"], planned["steps"]) == ("missing", 2, 10)
    assert planned["seconds_left"] == pytest.approx(8 * planned["seconds_per_step"])
    assert f"continues run {id_of(earlier)} from step 2 of 4 to step 10." in result.stderr
    assert "no checkpoint of step 3" in home.refusal("--steps", 8, "--continue-from", f"{earlier}@3", "--dry-run")
    assert home.files() == before


@pytest.mark.parametrize("option", ["--continue-from", "--init-from"])
def test_a_command_that_began_before_says_that_the_other_run_has_trained_further(
    home: Home, earlier: Path, option: str
) -> None:
    (earlier / "checkpoints" / "4").rename(home.folder / "aside")
    first = home.report("--steps", 8, option, id_of(earlier))
    assert home.config(first["run"])[option[2:].replace("-", "_")] == f"{id_of(earlier)}@2"
    (home.folder / "aside").rename(earlier / "checkpoints" / "4")
    result = home.train("--steps", 8, option, id_of(earlier))
    assert f"{option} {id_of(earlier)}@4 begins another one" in result.stderr
    assert "done before, at step 8" in result.stderr


def test_restart_of_a_continued_run_begins_at_the_same_checkpoint_and_needs_it(home: Home, earlier: Path) -> None:
    command = ("--steps", 8, "--continue-from", f"{id_of(earlier)}@2")
    first = home.report(*command)
    weights = (Path(first["run"]) / "checkpoints/8/method.safetensors").read_bytes()
    again = home.report(*command, "--restart")
    assert (again["id"], again["resumed_from"]) == (first["id"], 2)
    assert (Path(again["run"]) / "checkpoints/8/method.safetensors").read_bytes() == weights
    shutil.rmtree(earlier)
    assert f"an id that starts with '{id_of(earlier)}'" in home.refusal(*command, "--restart")


@pytest.mark.parametrize(
    ("words", "more", "says"),
    [
        (["--steps", 8, "--continue-from", "zz"], {}, "name or an id that starts with 'zz'"),
        (["--steps", 8, "--continue-from", "RUN@3"], {}, "has no checkpoint of step 3; name one that is kept: 2, 4."),
        (["--steps", 4, "--continue-from", "RUN"], {}, "4 steps: --continue-from RUN@4 begins at step 4; give more"),
        (["--steps", 8, "--continue-from", "RUN", "--seed", 1], {}, "differs in seed (0 there, 1 here)"),
        (["--steps", 8, "--continue-from", "RUN"], {"channels": 8}, "differs in channels (4 there, 8 here)"),
        (["--steps", 8, "--continue-from", "RUN"], {"method": "unit"}, "that run is of cyclegan, this one of unit"),
        (["--steps", 8, "--continue-from", "RUN", "--init-from", "RUN"], {}, "leave the other option out"),
        (["--steps", 8, "--init-only", "generators"], {}, "--init-only generators goes with --init-from RUN"),
        (["--steps", 8, "--continue-from", "RUN", "--init-only", "generators"], {}, "goes with --init-from RUN"),
        (["--steps", 8, "--init-from", "RUN@3"], {}, "has no checkpoint of step 3"),
        (["--steps", 8, "--init-from", "RUN"], {"channels": 8}, "its generator_a2b.1.bias is (4,)"),
        (["--steps", 8, "--init-from", "RUN"], {"method": "unit"}, "(cyclegan) has no encoder_a"),
    ],
)
def test_a_refused_start_leaves_no_run_behind(
    home: Home, earlier: Path, words: list[str], more: dict[str, Any], says: str
) -> None:
    run = id_of(earlier)
    error = home.refusal(*(str(word).replace("RUN", run) for word in words), **more)
    assert says.replace("RUN@", f"{run}@") in error


def test_a_fine_tuned_run_takes_the_networks_at_another_size_and_says_so(home: Home, earlier: Path) -> None:
    result = home.train("--steps", 2, "--init-from", id_of(earlier), "--init-only", "generators", size=64)
    start = f"--init-from {id_of(earlier)}@4"
    assert f"{start}: taken: generator_a2b (16 tensors), generator_b2a (16 tensors)." in result.stderr
    assert f"{start}: not taken, begun anew: discriminator_a, discriminator_b, pool_a, pool_b." in result.stderr
    assert f"{start}: its config differs in size (32 there, 64 here)." in result.stderr
    assert "done, at step 2" in result.stderr


def test_a_fine_tuned_run_is_found_again_when_the_run_that_it_began_from_is_gone(home: Home, earlier: Path) -> None:
    command = ("--steps", 2, "--init-from", id_of(earlier)[:5], "--init-only", "generators")
    first = home.report(*command)
    config = home.config(first["run"])
    assert (config["init_from"], config["init_only"], config["continue_from"]) == (id_of(earlier), "generators", None)
    shutil.rmtree(earlier)
    again = home.report(*command)
    assert (again["id"], again["status"], again["resumed_from"]) == (first["id"], "done", 2)
