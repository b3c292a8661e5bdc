"""The small training that faults are done to, and what it must leave behind."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from processes import Ended, Process, Server
from safetensors.torch import load_file

from ugbench import registry
from ugbench.runs import checkpoint

DATASET = "dial:size=32,train=6,test=2"
POOL = 6  # images in a pool, so that it is full after a few steps


@dataclass(frozen=True)
class Training:
    """A `ugbench train` of a tiny network.

    Attributes:
        folder: its folders results and datasets.
        keep: the option --keep.
        settings: words as in lr=1e-5, each for an option --set.
    """

    method: str
    folder: Path
    steps: int
    seed: int = 0
    save_every: int = 2
    keep: str = "2"
    settings: tuple[str, ...] = ()

    def words(self) -> list[object]:
        """The command line without `ugbench`."""
        # Every width and every capacity that the method has, whatever it is called.
        fields = registry.load_method(self.method).Config.model_fields
        narrow = [f"{name}=4" for name in fields if name.endswith("channels")]
        narrow += [f"{name}={POOL}" for name in fields if name == "pool_size"]
        sets = [word for setting in (*narrow, *self.settings) for word in ("--set", setting)]
        words: list[object] = ["train", self.method, "--dataset", DATASET, "--preset", "smoke", "--size", 32]
        words += ["--batch-size", 2, "--precision", "fp32", "--device", "cpu", "--steps", self.steps]
        words += ["--seed", self.seed, "--save-every", self.save_every, "--log-every", 1, "--keep", self.keep, *sets]
        return [*words, "--results", self.folder / "results", "--data-root", self.folder / "datasets", "--json"]

    def beside(self, folder: Path) -> Training:
        """The same training in another folder."""
        return replace(self, folder=folder)

    def run_folder(self) -> Path | None:
        """The run's folder; None before it is made."""
        configs = list((self.folder / "results").glob(f"*/*/seed{self.seed}-*/config.json"))
        folders = [file.parent for file in configs if json.loads(file.read_bytes())["method"] == self.method]
        return folders[0] if folders else None

    def existing_run(self) -> Path:
        """The run's folder, which must be there."""
        folder = self.run_folder()
        assert folder is not None, f"{self.folder} holds no run"
        return folder

    def start(self, server: Server, sabotage: str | None = None) -> Process:
        """Start it, or go on with it."""
        return server.start(self.words(), sabotage=sabotage)

    def finish(self, server: Server, sabotage: str | None = None) -> Ended:
        """Train to the end, which must be reached."""
        ended = self.start(server, sabotage).wait()
        assert ended.code == 0, ended.err
        report = json.loads(ended.out)
        assert (report["status"], report["step"]) == ("done", self.steps)
        return ended


@dataclass(frozen=True)
class Outcome:
    """What a training left behind, by content. Two trainings are equal if their outcomes are.

    Attributes:
        state: a digest of the networks and of the state of the optimizers, at the last step.
        generators: a digest of the weights that translation uses.
        metrics: SHA-256 of metrics.jsonl.
        sample: SHA-256 of the last sample grid.
        timed_steps: the steps in timing.jsonl, which holds times and is never equal.
    """

    state: str
    generators: str
    metrics: str
    sample: str
    timed_steps: tuple[int, ...]

    def differences(self, other: Outcome) -> list[str]:
        """The names of the attributes that differ."""
        return [name for name, content in vars(self).items() if content != vars(other)[name]]


def outcome(run: Path) -> Outcome:
    """The outcome of the finished training in a run's folder."""
    folders = checkpoint_folders(run)
    parts = checkpoint.load(folders[max(folders)]).parts
    state = {f"{part}/{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
    timing = (run / "timing.jsonl").read_text(encoding="utf-8").splitlines()
    return Outcome(
        state=checkpoint.digest(state),
        generators=checkpoint.digest(load_file(run / "generators.safetensors")),
        metrics=hashlib.sha256((run / "metrics.jsonl").read_bytes()).hexdigest(),
        sample=hashlib.sha256(max((run / "samples").glob("*.png")).read_bytes()).hexdigest(),
        timed_steps=tuple(json.loads(line)["step"] for line in timing),
    )


def checkpoint_folders(run: Path | None) -> dict[int, Path]:
    """The checkpoints in a run's folder by their steps, ascending; none without a run."""
    folder = Path() if run is None else run / "checkpoints"
    entries = folder.iterdir() if run is not None and folder.is_dir() else []
    return dict(sorted((int(entry.name), entry) for entry in entries if entry.name.isdecimal()))


def leftovers(run: Path) -> list[str]:
    """Temporary files and folders that lie in a run's folder while nothing runs; locks are no leftovers."""
    return sorted(
        str(path.relative_to(run))
        for path in run.rglob(".*")
        if path.name not in (".lock", ".outputs.lock")
        and not any(p.startswith(".") for p in path.relative_to(run).parts[:-1])
    )
