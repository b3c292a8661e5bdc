"""Every path of a run's folder, of its data set's folder and of the results folder.

    results/<dataset>/dataset.json, differences.jsonl, votes.sqlite
    results/<dataset>/identity/scores.jsonl, real/scores.jsonl      scores of two reference rows that are not runs
    results/<dataset>/<method>[-variant]/seed<k>-<id>/              a run that was trained here
    results/<dataset>/<method>/<name>-<id>/                         a run that was imported
    results/studies/<id>.json                                       a study's precision, and its steps from --minutes
    results/studies/<id>/                                           its jobs on SLURM and what they print

A run's folder holds:

    config.json                        everything that decides its numbers
    method.json                        the method's title, directions, parameters and FLOPs per training step
    environment.json                   versions and device of the training
    failure.json                       why the last training ended with an error; not there if it did not
    name.txt                           the name that a user gave to the run
    metrics.jsonl, timing.jsonl, tensorboard/, samples/, train.log     logs of the training
    tracking.json                      which of these logs each tracker of --track has; not there without a tracker
    checkpoints/<step>/                all weights and the state of the optimizers
    checkpoints/damaged-<step>/        a damaged checkpoint that training has set aside
    generators.safetensors             the weights that translation needs, of the last saved step
    outputs/<direction>/               the translated test images, outputs.json (what they were made from),
                                       maps.safetensors and attention/ (attention maps and their overlays),
                                       samples/ (several outputs of each image with different styles)
    scores.jsonl, single/<direction>/<step>.json                       scores, and what each output adds to them
    .lock, .outputs.lock               held by the process that trains, or that makes or scores outputs
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ugbench.direction import Direction
from ugbench.errors import DiskError, RunError
from ugbench.runs.files import inside, is_file

ATTENTION = "attention"
CONFIG = "config.json"
DATASET = "dataset.json"
DIFFERENCES = "differences.jsonl"
LOGS = ("metrics.jsonl", "timing.jsonl")
RECORDLESS_FOLDERS = ("checkpoints", "outputs", "samples", "tensorboard")  # of a run: no score is stored in them
SAMPLES = "samples"
SCORES = "scores.jsonl"
VOTES = "votes.sqlite"

PROBE = 0.5  # seconds to wait for the lock: `is_being_trained` holds it for a moment


class _Inside:
    """A path inside a run's folder, as an attribute of RunFolder; see `RunFolder.inside`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: RunFolder, _owner: type[RunFolder]) -> Path:
        return folder.inside(self.name)


@dataclass(frozen=True)
class RunFolder:
    """The paths in the folder `path` of a run; none of these files has to exist.

    Each path is checked when it is asked for: RunError is raised if a part of it is a link, see `ugbench.runs.files`.
    """

    path: Path

    method_file = _Inside("method.json")
    environment_file = _Inside("environment.json")
    failure_file = _Inside("failure.json")
    name_file = _Inside("name.txt")
    metrics_file = _Inside("metrics.jsonl")
    timing_file = _Inside("timing.jsonl")
    tensorboard = _Inside("tensorboard")
    tracking_file = _Inside("tracking.json")
    samples = _Inside(SAMPLES)
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

    def inside(self, *names: str) -> Path:
        """The path in the run's folder with these names, if neither it nor the folders up to results are links.

        Raises:
            RunError: a part of the path is a link.
        """
        path = Path(os.path.abspath(self.path)) if ".." in self.path.parts else self.path  # noqa: PTH100
        parts = path.parts  # the last three are the data set's folder, the method's and the run's
        return inside(Path(*parts[:-3]), *parts[-3:], *names)

    def sample_file(self, step: int) -> Path:
        """The sample grid of a step."""
        return self.inside("samples", f"{step:07d}.png")

    def checkpoint(self, step: int) -> Path:
        """The folder of the checkpoint of a step."""
        return self.inside("checkpoints", str(step))

    def checkpoint_steps(self) -> list[int]:
        """The steps that have a checkpoint folder, ascending; its files may be damaged."""
        return checkpoint_steps(self.checkpoints)

    def outputs(self, direction: Direction) -> Path:
        """The folder of the translated test images of a direction."""
        return self.inside("outputs", direction)

    def outputs_note(self, direction: Direction) -> Path:
        """The file that says at which step and from which images the outputs were made."""
        return self.inside("outputs", direction, "outputs.json")

    def sample_outputs(self, direction: Direction) -> Path:
        """The folder of several outputs of each test image, which differ in their styles."""
        return self.inside("outputs", direction, SAMPLES)

    def sample_outputs_note(self, direction: Direction) -> Path:
        """The file that says at which step, from which images and with how many styles each these were made."""
        return self.inside("outputs", direction, SAMPLES, "samples.json")

    def maps_file(self, direction: Direction) -> Path:
        """The file of the attention maps of the test images."""
        return self.inside("outputs", direction, "maps.safetensors")

    def overlays(self, direction: Direction) -> Path:
        """The folder of the attention overlays."""
        return self.inside("outputs", direction, ATTENTION)

    def single_file(self, direction: Direction, step: int | None) -> Path:
        """The scores of the single outputs of a step; None for the outputs of an imported run."""
        return self.inside("single", direction, f"{'imported' if step is None else step}.json")

    def outputs_lock(self) -> FileLock:
        """A lock to hold while files under outputs/ are made or scored, so that two commands do not do it at once.

        There is one lock for each process: code that holds it can acquire it again.
        """
        return FileLock(self._lock_file(".outputs.lock"), is_singleton=True)

    @contextmanager
    def training_lock(self) -> Iterator[None]:
        """Holds the lock of the process that trains the run.

        Raises:
            RunError: another process holds it.
            DiskError: this process may not write in the folder.
        """
        lock = FileLock(self._lock_file(".lock"))
        try:
            lock.acquire(timeout=PROBE)
        except Timeout:
            raise RunError(f"{self.path} is being trained by another process; wait for it or stop it.") from None
        except OSError as error:
            raise DiskError(self.path, error) from error
        try:
            yield
        finally:
            lock.release()

    def _lock_file(self, name: str) -> Path:
        """The path of a lock file, which must be empty, because locking a file deletes its content."""
        file = self.inside(name)
        is_file(file, largest=0)
        return file

    def is_being_trained(self) -> bool:
        """Whether a process trains the run now; False where that cannot be found out, as in a read-only folder."""
        file = self._lock_file(".lock")
        if not file.exists():
            return False
        lock = FileLock(file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            return False
        lock.release()
        return False


def checkpoint_steps(checkpoints: Path) -> list[int]:
    """The steps that have a folder in a folder of checkpoints, ascending; its files may be damaged."""
    if not checkpoints.is_dir():
        return []
    names = [entry.name for entry in checkpoints.iterdir() if entry.name.isdecimal()]
    return sorted(int(inside(checkpoints, name).name) for name in names)


def reference_scores_file(dataset_folder: Path, row: str) -> Path:
    """The scores of one of a data set's reference rows, "identity" or "real", which are not runs."""
    return inside(dataset_folder.parent, dataset_folder.name, row, SCORES)


def study_file(results: Path, study_id: str) -> Path:
    """The file of a study in a results folder."""
    return inside(results, "studies", f"{study_id}.json")


def jobs_folder(results: Path, study_id: str) -> Path:
    """The folder of a study's jobs on SLURM: which job trains which run, and what the jobs print."""
    return inside(results, "studies", study_id)
