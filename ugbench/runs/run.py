"""A run: its config, its folder (see ugbench.runs.folder), and how runs are opened, listed and found.

A run is trained here, or imported: an imported checkpoint has weights, and the imported outputs of another tool (the
method `external`) have only the folder outputs/.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ugbench import registry
from ugbench.data.datasets import DataSet, open_dataset
from ugbench.data.splits import Split
from ugbench.direction import Direction
from ugbench.errors import ConfigError, RunError, first_fault
from ugbench.runs import method_description
from ugbench.runs.folder import CONFIG, DATASET, RunFolder
from ugbench.runs.json_file import make_folder, read_json, write_json

if TYPE_CHECKING:
    from ugbench.method import MethodConfig

EXTERNAL = "external"
NO_DATASET_FOLDER = "imported"  # the folder of runs that were imported without a data set


def label_of(method: str, variant: str | None, name: str | None = None) -> str:
    """`method`, `method-variant`, or `method (name)` for an imported checkpoint."""
    return method + (f"-{variant}" if variant else "") + (f" ({name})" if name else "")


class DatasetRecord(BaseModel):
    """The data that a run was trained on.

    Attributes:
        name: the data set's name.
        root: its folder at that time; no part of the run's id.
        fingerprint: a hash of the images of the splits that were used.
        images: how many images each of these splits has.
        skipped: images that could not be read and were left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    root: str
    fingerprint: str
    images: dict[str, int]
    skipped: list[str] = []


def record_dataset(
    dataset: DataSet, images: Mapping[Split, Sequence[Path]] | None = None, skipped: Sequence[str] = ()
) -> DatasetRecord:
    """The record of a data set for a run's config.

    Args:
        images: the images of each split that is used; None takes all images of all splits.
        skipped: relative names ("trainA/7.png") of images in these splits that cannot be read and are left out.
    """
    if images is None:
        images = {split: dataset.split(split) for split in dataset.splits()}
    return DatasetRecord(
        name=dataset.name,
        root=str(dataset.root.resolve()),
        fingerprint=dataset.fingerprint(images, skip=skipped),
        images={split: len(paths) for split, paths in images.items()},
        skipped=list(skipped),
    )


class Origin(BaseModel):
    """Where an imported run came from.

    Attributes:
        name: the name that the user gave it.
        files: the SHA-256 of each file of the checkpoint by its name, or of each output by `<direction>/<name>`.
        revision: the revision of the public code that the weights belong to; None if there is only one.
        command: the template of the command that made the outputs; None if no command made them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    files: dict[str, str]
    revision: str | None = None
    command: str | None = None


class RunConfig(BaseModel):
    """config.json: everything that decides a run's numbers, with all defaults.

    `direction` is null if the model translates in both directions. `precision` is what `auto` was resolved to.
    An imported run has an `origin` but no preset and no seed, and no data set if the user named none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    method: str
    variant: str | None
    preset: str | None
    config: dict[str, Any]
    dataset: DatasetRecord | None
    direction: Direction | None
    seed: int | None
    precision: Literal["fp32", "bf16"]
    init_from: str | None = None
    origin: Origin | None = None

    @property
    def id(self) -> str:
        """Twelve hex digits of a hash over everything that decides the numbers.

        Paths, the device, the name of the preset and the intervals of logging and saving are not part of it.
        """
        left_out: dict[str, Any] = {"preset": True}
        if self.dataset is not None:
            left_out["dataset"] = {"root", "name", "images", "skipped"}
        if self.origin is None:
            left_out["origin"] = True
        fields = self.model_dump(exclude=left_out)
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def is_external(self) -> bool:
        """Whether the run holds the outputs of another tool and no weights."""
        return self.method == EXTERNAL

    @property
    def known_as(self) -> str:
        """The method's name in tables and figures; for an external run the name that the user gave it."""
        return self.origin.name if self.origin is not None and self.is_external else self.method

    @property
    def name(self) -> str | None:
        """The name that tells an imported run from other runs of the same method; None if no name is needed."""
        if self.is_external:
            return EXTERNAL if self.known_as in registry.modules("methods") else None
        return None if self.origin is None else self.origin.name

    @property
    def label(self) -> str:
        """The run's name in tables and figures, see `label_of`."""
        return label_of(self.known_as, self.variant, self.name)

    @property
    def folder(self) -> str:
        """The run's folder, relative to its data set's folder."""
        prefix = f"seed{self.seed}" if self.origin is None else self.origin.name
        return f"{label_of(self.method, self.variant)}/{prefix}-{self.id}"

    def method_config(self) -> MethodConfig:
        """The config of the method; loads the method and torch.

        Raises:
            UnknownName: the method is not installed.
            ConfigError: the method no longer accepts this config.
            RunError: the run holds outputs of another tool.
        """
        if self.is_external:
            raise RunError(f"run {self.id} ({self.label}) holds outputs of another tool and has no weights.")
        try:
            return registry.load_method(self.method).Config(**self.config)
        except ValidationError as error:
            raise ConfigError(
                f"config of run {self.id}: {first_fault(error)}; it was written for another version of {self.method}."
            ) from None


@dataclass(frozen=True)
class Run(RunFolder):
    """A run: the paths in its folder, and its config."""

    config: RunConfig

    @property
    def id(self) -> str:
        """The run's id, see `RunConfig.id`."""
        return self.config.id

    @property
    def steps(self) -> int:
        """The number of steps that the run is to train; 0 for an imported run."""
        return 0 if self.config.origin is not None else int(self.config.config["steps"])

    @property
    def seed(self) -> int:
        """The seed of the training.

        Raises:
            RunError: the run was imported.
        """
        if self.config.seed is None:
            raise RunError(f"run {self.id} ({self.config.label}) was imported; there is nothing to train.")
        return self.config.seed

    def step(self) -> int:
        """Steps done at the last checkpoint; 0 before the first one, and for an imported run."""
        return max(self.checkpoint_steps(), default=0)

    def is_done(self) -> bool:
        """Whether the last checkpoint is at the last step."""
        return self.step() >= self.steps

    def directions(self) -> tuple[Direction, ...]:
        """The directions that the trained model translates; loads the method only if the run has no method.json."""
        if self.config.direction is not None:
            return (self.config.direction,)
        if self.config.is_external:
            return ("A2B", "B2A")
        description = method_description.read(self)
        return registry.load_method(self.config.method).directions if description is None else description.directions


def dataset_folder(results: Path, dataset: DataSet, make: bool = True) -> Path:
    """The data set's folder under results: results/<name>, or results/<name>-<digest> if a data set with other
    images already has that name.

    Args:
        make: make the folder and its dataset.json; False returns only the path.
    Raises:
        RunError: both folders belong to data sets with other images.
    """
    fingerprint = dataset.fingerprint(dataset.splits())
    for folder in (results / dataset.name, results / f"{dataset.name}-{fingerprint[:6]}"):
        file = folder / DATASET
        if not file.exists():
            if make:
                make_folder(folder)
                root = str(dataset.root.resolve())
                write_json(file, {"name": dataset.name, "root": root, "fingerprint": fingerprint})
            return folder
        if read_json(file).get("fingerprint") == fingerprint:
            return folder
    raise RunError(f"{folder / DATASET} belongs to other images than its folder's name says; to fix this, remove it.")


def open_run(folder: Path, config: RunConfig) -> Run:
    """The run with this config under a data set's folder; its folder and config.json are made if they are missing."""
    path = folder / config.folder
    make_folder(path)
    if not (path / CONFIG).exists():
        write_json(path / CONFIG, {"id": config.id, **config.model_dump()})
    return read_run(path)


def read_run(path: Path) -> Run:
    """The run in a folder.

    Raises:
        RunError: there is no config.json, or it is not the config of a run.
    """
    file = path / CONFIG
    if not file.exists():
        raise RunError(f"{path} has no {CONFIG}, so it is no run; `ugbench runs` lists them.")
    fields = read_json(file)
    fields.pop("id", None)
    try:
        return Run(path, RunConfig(**fields))
    except ValidationError as error:
        raise RunError(f"{file}: {first_fault(error)}; to fix this, correct or remove it.") from None


def list_runs(results: Path) -> list[Run]:
    """Every run under a results folder, sorted by path."""
    return [read_run(file.parent) for file in sorted(results.glob(f"*/*/*/{CONFIG}"))]


def longest_trained(runs: Iterable[Run]) -> list[Run]:
    """For each data set, label, seed and direction the run that has trained the most steps."""
    longest: dict[tuple[object, ...], Run] = {}
    for run in runs:
        key = (run.dataset_folder, run.config.label, run.config.seed, run.config.direction)
        if key not in longest or run.step() >= longest[key].step():
            longest[key] = run
    return list(longest.values())


def find_run(text: str, results: Path) -> Run:
    """The run in the folder `text`, or else the run with an id that starts with `text`.

    Raises:
        RunError: no run or several runs match, or `text` is empty.
    """
    if not text.strip():
        raise RunError(
            f"RUN '{text}' is empty; give the start of a run's id, or its folder: `ugbench runs` lists them."
        )
    if (Path(text) / CONFIG).exists():
        return read_run(Path(text))
    matches = [run for run in list_runs(results) if run.id.startswith(text)]
    if not matches:
        raise RunError(f"no run under {results} has an id that starts with '{text}'; `ugbench runs` lists them.")
    if len(matches) > 1:
        ids = ", ".join(run.id for run in matches[:4])
        raise RunError(f"the ids of {len(matches)} runs start with '{text}' ({ids}); give more digits.")
    return matches[0]


def dataset_of(run: Run) -> DataSet:
    """The data set that a run was trained on or imported for, read from its folder at that time.

    Raises:
        RunError: the folder is gone, or the run was imported without a data set.
        DataError: a folder of images or dial.json is damaged.
    """
    if run.config.dataset is None:
        raise RunError(f"run {run.id} was imported without a data set; import it again with --dataset.")
    root = Path(run.config.dataset.root)
    if not root.is_dir():
        raise RunError(f"run {run.id} was trained on {root}, which is gone; put the data set back there.")
    return open_dataset(root)
