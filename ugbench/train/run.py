"""A run on disk: its config, its folder, and finding it again.

`results/<dataset>/<method>[-variant]/seed<k>-<id>/` holds config.json, environment.json, metrics.jsonl,
timing.jsonl, tensorboard/, samples/, checkpoints/<step>/, generators.safetensors, outputs/ and scores.jsonl.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ugbench import registry
from ugbench.data.datasets import DataSet, open_dataset
from ugbench.errors import ConfigError, RunError
from ugbench.method import Direction, MethodConfig
from ugbench.train import checkpoint

CONFIG = "config.json"
DATASET = "dataset.json"


class DatasetRecord(BaseModel):
    """The data that a run trained on: `fingerprint` is of the content, `images` counts each split used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    root: str
    fingerprint: str
    images: dict[str, int]
    skipped: list[str] = []


class RunConfig(BaseModel):
    """config.json: everything that decides a run's numbers, defaults included.

    `direction` is null where one model translates both ways. `precision` is the one that auto resolved to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    method: str
    variant: str | None
    preset: str
    config: dict[str, Any]
    dataset: DatasetRecord
    direction: Direction | None
    seed: int
    precision: Literal["fp32", "bf16"]
    init_from: str | None = None

    @property
    def id(self) -> str:
        """Twelve hex digits of what decides the numbers; not of paths, device, preset name or cadence of logs."""
        fields = self.model_dump(exclude={"preset": True, "dataset": {"root", "name", "images", "skipped"}})
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """`method` or `method-variant`: the folder's name and what a person reads."""
        return self.method + (f"-{self.variant}" if self.variant else "")

    def method_config(self) -> MethodConfig:
        """The method's own config.

        Raises:
            UnknownName: the method is not installed.
            ConfigError: the method no longer takes this config.
        """
        method = registry.load_method(self.method)
        try:
            return method.Config(**self.config)
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(
                f"config of run {self.id}: {'.'.join(map(str, first['loc']))}: {first['msg']}; "
                f"it was written for another version of {self.method}."
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
        """The steps that it is to train."""
        return int(self.config.config["steps"])

    def step(self) -> int:
        """Steps done at its last checkpoint; 0 before the first."""
        return max(checkpoint.steps(self.checkpoints), default=0)

    def is_done(self) -> bool:
        """Whether its last checkpoint is at its last step."""
        return self.step() >= self.steps

    def directions(self) -> tuple[Direction, ...]:
        """What the trained model translates."""
        if self.config.direction is not None:
            return (self.config.direction,)
        return registry.load_method(self.config.method).directions


def dataset_folder(results: Path, dataset: DataSet) -> Path:
    """Where everything about this data set goes: results/<name>, or results/<name>-<digest> where another
    content already has that name. Makes the folder and its dataset.json."""
    fingerprint = dataset.fingerprint(dataset.splits())
    for folder in (results / dataset.name, results / f"{dataset.name}-{fingerprint[:6]}"):
        note = folder / DATASET
        if not note.exists():
            folder.mkdir(parents=True, exist_ok=True)
            content = {"name": dataset.name, "root": str(dataset.root.resolve()), "fingerprint": fingerprint}
            checkpoint.write_json(note, content)
            return folder
        if _read_json(note).get("fingerprint") == fingerprint:
            return folder
    raise RunError(f"{folder / DATASET} says another content than its folder's name; remove that file.")


def open_run(folder: Path, config: RunConfig) -> Run:
    """The run of this config under a data set's folder, made if it is not there yet."""
    path = folder / config.label / f"seed{config.seed}-{config.id}"
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
        first = error.errors()[0]
        raise RunError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}; mend or remove it.") from None


def list_runs(results: Path) -> list[Run]:
    """Every run under a results folder, by path."""
    return [read_run(file.parent) for file in sorted(results.glob(f"*/*/*/{CONFIG}"))]


def find_run(text: str, results: Path) -> Run:
    """The run that is a folder's path, or whose id starts with `text`.

    Raises:
        RunError: none, or several.
    """
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
    """The data set that a run trained on, from where it was then.

    Raises:
        RunError: it is gone.
        DataError: its folders or its dial.json are no longer whole.
    """
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
