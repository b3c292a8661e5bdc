"""Every path of a run's folder, of its data set's folder and of the results folder.

    results/<dataset>/dataset.json, differences.jsonl, votes.sqlite
    results/<dataset>/identity/scores.jsonl, real/scores.jsonl      scores of two reference rows that are not runs
    results/<dataset>/<method>[-variant]/seed<k>-<id>/              a run that was trained here
    results/<dataset>/<method>/<name>-<id>/                         a run that was imported
    results/studies/<id>.json                                       the steps that a study computed from --minutes

A run's folder holds:

    config.json                        everything that decides its numbers
    method.json                        the method's title, directions, parameters and FLOPs per training step
    environment.json                   versions and device of the training
    metrics.jsonl, timing.jsonl, tensorboard/, samples/, train.log     logs of the training
    checkpoints/<step>/                all weights and the state of the optimizers
    checkpoints/damaged-<step>/        a damaged checkpoint that training has set aside
    generators.safetensors             the weights that translation needs, of the last saved step
    outputs/<direction>/               the translated test images, outputs.json (what they were made from),
                                       maps.safetensors and attention/ (attention maps and their overlays)
    scores.jsonl, single/<direction>/<step>.json                       scores, and what each output adds to them
    .lock, .outputs.lock               held by the process that trains, or that makes or scores outputs
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ugbench.direction import Direction
from ugbench.errors import DiskError, RunError

ATTENTION = "attention"
CONFIG = "config.json"
DATASET = "dataset.json"
DIFFERENCES = "differences.jsonl"
SCORES = "scores.jsonl"
VOTES = "votes.sqlite"


class _Inside:
    """A path inside a run's folder, as an attribute of RunFolder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: RunFolder, _owner: type[RunFolder]) -> Path:
        return folder.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """The paths in the folder `path` of a run; none of these files has to exist."""

    path: Path

    method_file = _Inside("method.json")
    environment_file = _Inside("environment.json")
    metrics_file = _Inside("metrics.jsonl")
    timing_file = _Inside("timing.jsonl")
    tensorboard = _Inside("tensorboard")
    samples = _Inside("samples")
    """The folder of the sample grids."""
    train_log = _Inside("train.log")
    """What `ugbench train` printed when a study started it."""
    checkpoints = _Inside("checkpoints")
    """The folder of the checkpoints."""
    generators_file = _Inside("generators.safetensors")
    all_outputs = _Inside("outputs")
    """The folder of the outputs of both directions."""
    scores_file = _Inside(SCORES)
    single = _Inside("single")
    """The folder of the scores of single outputs."""

    @property
    def dataset_folder(self) -> Path:
        """The folder of the run's data set under results; its name is the data set's name in scores and tables."""
        return self.path.parents[1]

    @property
    def results(self) -> Path:
        """The results folder that the run lies in."""
        return self.path.parents[2]

    def sample_file(self, step: int) -> Path:
        """The sample grid of a step."""
        return self.samples / f"{step:07d}.png"

    def checkpoint(self, step: int) -> Path:
        """The folder of the checkpoint of a step."""
        return self.checkpoints / str(step)

    def checkpoint_steps(self) -> list[int]:
        """The steps that have a checkpoint folder, ascending; its files may be damaged."""
        return checkpoint_steps(self.checkpoints)

    def outputs(self, direction: Direction) -> Path:
        """The folder of the translated test images of a direction."""
        return self.all_outputs / direction

    def outputs_note(self, direction: Direction) -> Path:
        """The file that says at which step and from which images the outputs were made."""
        return self.outputs(direction) / "outputs.json"

    def maps_file(self, direction: Direction) -> Path:
        """The file of the attention maps of the test images."""
        return self.outputs(direction) / "maps.safetensors"

    def overlays(self, direction: Direction) -> Path:
        """The folder of the attention overlays."""
        return self.outputs(direction) / ATTENTION

    def single_file(self, direction: Direction, step: int | None) -> Path:
        """The scores of the single outputs of a step; None for the outputs of an imported run."""
        return self.single / direction / f"{'imported' if step is None else step}.json"

    def outputs_lock(self) -> FileLock:
        """A lock to hold while files under outputs/ are made or scored, so that two commands do not do it at once.

        There is one lock for each process: code that holds it can acquire it again.
        """
        return FileLock(self.path / ".outputs.lock", is_singleton=True)

    @contextmanager
    def training_lock(self) -> Iterator[None]:
        """Holds the lock of the process that trains the run.

        Raises:
            RunError: another process holds it.
            DiskError: this process may not write in the folder.
        """
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(f"{self.path} is being trained by another process; wait for it or stop it.") from None
        except OSError as error:
            raise DiskError(self.path, error) from error
        try:
            yield
        finally:
            lock.release()

    def is_being_trained(self) -> bool:
        """Whether a process trains the run now."""
        if not (self.path / ".lock").exists():
            return False
        try:
            with self.training_lock():
                return False
        except RunError:
            return True
        except DiskError:  # who may not write in the folder cannot know; the process that asks does not train it
            return False


def checkpoint_steps(checkpoints: Path) -> list[int]:
    """The steps that have a folder in a folder of checkpoints, ascending; its files may be damaged."""
    if not checkpoints.is_dir():
        return []
    return sorted(int(entry.name) for entry in checkpoints.iterdir() if entry.name.isdecimal())


def reference_scores_file(dataset_folder: Path, row: str) -> Path:
    """The scores of one of a data set's reference rows, "identity" or "real", which are not runs."""
    return dataset_folder / row / SCORES


def study_file(results: Path, study_id: str) -> Path:
    """The file of a study in a results folder."""
    return results / "studies" / f"{study_id}.json"
