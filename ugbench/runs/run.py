"""A run on disk: its config, its folder, and finding it again.

`results/<dataset>/<method>[-variant]/seed<k>-<id>/` holds config.json, environment.json, metrics.jsonl,
timing.jsonl, tensorboard/, samples/, checkpoints/<step>/, generators.safetensors, outputs/ and scores.jsonl.
What was imported is a run too, in `results/<dataset>/<method>/<name>-<id>/`: a published checkpoint has weights,
another tool's outputs (the method `external`) have outputs/ alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from ugbench import registry
from ugbench.data.datasets import DataSet, open_dataset
from ugbench.direction import Direction
from ugbench.errors import ConfigError, RunError, first_fault
from ugbench.method import MethodConfig
from ugbench.runs import checkpoint

CONFIG = "config.json"
DATASET = "dataset.json"
EXTERNAL = "external"
UNSAID = "imported"  # the folder of runs that were imported without a data set


def label_of(method: str, variant: str | None, name: str | None = None) -> str:
    """`method`, `method-variant`, or `method (name)` of an imported checkpoint."""
    return method + (f"-{variant}" if variant else "") + (f" ({name})" if name else "")


class DatasetRecord(BaseModel):
    """The data that a run trained on: `fingerprint` is of the content, `images` counts each split used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    root: str
    fingerprint: str
    images: dict[str, int]
    skipped: list[str] = []


class Origin(BaseModel):
    """Where an imported run came from.

    Attributes:
        name: what its user calls it.
        files: SHA-256 by file name, of the checkpoint's files or (by direction/name) of the outputs.
        revision: of the public code whose forward the weights belong to, where it has several.
        command: the template that made the outputs, where one did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    files: dict[str, str]
    revision: str | None = None
    command: str | None = None


class RunConfig(BaseModel):
    """config.json: everything that decides a run's numbers, defaults included.

    `direction` is null where one model translates both ways. `precision` is the one that auto resolved to.
    Imported runs have an `origin` and no preset and seed, and no data set where none was named.
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
        """Twelve hex digits of what decides the numbers; not of paths, device, preset name or cadence of logs."""
        left_out: dict[str, Any] = {"preset": True}
        if self.dataset is not None:
            left_out["dataset"] = {"root", "name", "images", "skipped"}
        if self.origin is None:
            left_out["origin"] = True
        fields = self.model_dump(exclude=left_out)
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def is_external(self) -> bool:
        """Whether the run is another tool's outputs, without weights."""
        return self.method == EXTERNAL

    @property
    def known_as(self) -> str:
        """The method that tables and figures name: an external run's own name."""
        return self.origin.name if self.origin is not None and self.is_external else self.method

    @property
    def name(self) -> str | None:
        """What tells an imported run from others of the method that tables name; None where nothing needs to."""
        if self.is_external:
            return EXTERNAL if self.known_as in registry.modules("methods") else None
        return None if self.origin is None else self.origin.name

    @property
    def label(self) -> str:
        """What a person reads, see `label_of`."""
        return label_of(self.known_as, self.variant, self.name)

    @property
    def folder(self) -> str:
        """Where the run lies in its data set's folder."""
        first = f"seed{self.seed}" if self.origin is None else self.origin.name
        return f"{label_of(self.method, self.variant)}/{first}-{self.id}"

    def method_config(self) -> MethodConfig:
        """The method's own config.

        Raises:
            UnknownName: the method is not installed.
            ConfigError: the method no longer takes this config.
            RunError: the run is another tool's outputs.
        """
        if self.is_external:
            raise RunError(f"run {self.id} ({self.label}) is outputs of another tool and has no weights.")
        method = registry.load_method(self.method)
        try:
            return method.Config(**self.config)
        except ValidationError as error:
            raise ConfigError(
                f"config of run {self.id}: {first_fault(error)}; it was written for another version of {self.method}."
            ) from None


@dataclass(frozen=True)
class Run:
    """A run's folder and config."""

    path: Path
    config: RunConfig

    @property
    def id(self) -> str:
        """The run's id."""
        return self.config.id

    @property
    def checkpoints(self) -> Path:
        """The folder of its checkpoints."""
        return self.path / "checkpoints"

    @property
    def steps(self) -> int:
        """The steps that it is to train; 0 where it was imported."""
        return 0 if self.config.origin is not None else int(self.config.config["steps"])

    @property
    def seed(self) -> int:
        """The seed of a run that trains.

        Raises:
            RunError: the run was imported.
        """
        if self.config.seed is None:
            raise RunError(f"run {self.id} ({self.config.label}) was imported; there is nothing to train.")
        return self.config.seed

    def step(self) -> int:
        """Steps done at its last checkpoint; 0 before the first, and of imported runs, whose steps are not known."""
        return max(checkpoint.steps(self.checkpoints), default=0)

    def making_outputs(self) -> FileLock:
        """Held while what lies under outputs/ is made or scored, so that two calls at once do it once.

        One lock a process: whoever holds it may take it again.
        """
        return FileLock(self.path / ".outputs.lock", is_singleton=True)

    def is_done(self) -> bool:
        """Whether its last checkpoint is at its last step."""
        return self.step() >= self.steps

    def directions(self) -> tuple[Direction, ...]:
        """What the trained model translates."""
        if self.config.direction is not None:
            return (self.config.direction,)
        if self.config.is_external:
            return ("A2B", "B2A")
        return registry.load_method(self.config.method).directions


def dataset_folder(results: Path, dataset: DataSet, make: bool = True) -> Path:
    """Where everything about this data set goes: results/<name>, or results/<name>-<digest> where another
    content already has that name.

    Args:
        make: make the folder and its dataset.json; else only say where it would be.
    """
    fingerprint = dataset.fingerprint(dataset.splits())
    for folder in (results / dataset.name, results / f"{dataset.name}-{fingerprint[:6]}"):
        note = folder / DATASET
        if not note.exists():
            if make:
                folder.mkdir(parents=True, exist_ok=True)
                content = {"name": dataset.name, "root": str(dataset.root.resolve()), "fingerprint": fingerprint}
                checkpoint.write_json(note, content)
            return folder
        if _read_json(note).get("fingerprint") == fingerprint:
            return folder
    raise RunError(f"{folder / DATASET} says another content than its folder's name; remove that file.")


def open_run(folder: Path, config: RunConfig) -> Run:
    """The run of this config under a data set's folder, made if it is not there yet."""
    path = folder / config.folder
    path.mkdir(parents=True, exist_ok=True)
    if not (path / CONFIG).exists():
        checkpoint.write_json(path / CONFIG, {"id": config.id, **config.model_dump()})
    return read_run(path)


def read_run(path: Path) -> Run:
    """The run in a folder.

    Raises:
        RunError: no config.json, or one that is no run's.
    """
    file = path / CONFIG
    if not file.exists():
        raise RunError(f"{path} has no {CONFIG}, so it is no run; `ugbench runs` lists them.")
    fields = _read_json(file)
    fields.pop("id", None)
    try:
        return Run(path, RunConfig(**fields))
    except ValidationError as error:
        raise RunError(f"{file}: {first_fault(error)}; mend or remove it.") from None


def list_runs(results: Path) -> list[Run]:
    """Every run under a results folder, by path."""
    return [read_run(file.parent) for file in sorted(results.glob(f"*/*/*/{CONFIG}"))]


def longest_trained(runs: Iterable[Run]) -> list[Run]:
    """Of several runs of one data set, label, seed and direction the one that trained longest."""
    longest: dict[tuple[object, ...], Run] = {}
    for run in runs:
        key = (run.path.parent.parent, run.config.label, run.config.seed, run.config.direction)
        if key not in longest or run.step() >= longest[key].step():
            longest[key] = run
    return list(longest.values())


def find_run(text: str, results: Path) -> Run:
    """The run that is a folder's path, or whose id starts with `text`.

    Raises:
        RunError: none, or several; or there is no text.
    """
    if not text.strip():
        raise RunError(
            f"RUN '{text}' is empty; give the start of a run's id, or its folder: `ugbench runs` lists them."
        )
    if (Path(text) / CONFIG).exists():
        return read_run(Path(text))
    runs = list_runs(results)
    found = [run for run in runs if run.id.startswith(text)]
    if not found:
        raise RunError(f"no run under {results} has an id that starts with '{text}'; `ugbench runs` lists them.")
    if len(found) > 1:
        ids = ", ".join(run.id for run in found[:4])
        raise RunError(f"'{text}' is the start of {len(found)} runs' ids ({ids}); give more of it.")
    return found[0]


def dataset_of(run: Run) -> DataSet:
    """The data set that a run trained on, or was imported for, from where it was then.

    Raises:
        RunError: it is gone, or the run was imported without one.
        DataError: its folders or its dial.json are no longer whole.
    """
    if run.config.dataset is None:
        raise RunError(f"run {run.id} was imported without a data set; import it again with --dataset.")
    root = Path(run.config.dataset.root)
    if not root.is_dir():
        raise RunError(f"run {run.id} was trained on {root}, which is gone; put the data set back there.")
    return open_dataset(root)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise RunError(f"{file} is not JSON; mend or remove it.") from None
    return dict(content)
