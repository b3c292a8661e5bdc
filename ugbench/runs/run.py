"""A run: its config, its folder (see ugbench.runs.folder), and how runs are opened, listed and found.

A run is trained, or imported: a checkpoint has weights; outputs of another tool (method `external`) are only outputs/.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ugbench import registry
from ugbench.data.datasets import DataSet, open_dataset
from ugbench.data.fitting import Transform
from ugbench.data.splits import AnySplit
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.errors import ConfigError, RunError, first_fault
from ugbench.fit import SQUASH, Fit
from ugbench.runs import config_fields, dataset_file, known_images, method_description
from ugbench.runs.files import is_file
from ugbench.runs.folder import CONFIG, RunFolder
from ugbench.runs.json_file import Name, make_folder, write_json
from ugbench.runs.names import given_name
from ugbench.runs.origin import Origin

if TYPE_CHECKING:
    from ugbench.method import MethodConfig

_logger = logging.getLogger(__name__)

EXTERNAL = "external"


def label_of(method: str, variant: str | None, name: str | None = None) -> str:
    """`method`, `method-variant`, or `method (name)` for an imported checkpoint."""
    return method + (f"-{variant}" if variant else "") + (f" ({name})" if name else "")


class DatasetRecord(BaseModel):
    """The data that a run was trained on.

    Attributes:
        name: the data set's name.
        root: its folder at that time; no part of the run's id.
        fingerprint: a hash of the images of the splits that were used.
        images: how many images each of these splits has; further folders that a method reads are among them.
        skipped: images that were left out: they could not be read, or had no partner.
        fingerprints: of each of these splits alone; no part of the run's id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    root: Name
    fingerprint: str
    images: dict[AnySplit, int]
    skipped: list[Name] = []
    fingerprints: dict[AnySplit, str] = {}


def record_dataset(
    dataset: DataSet, images: Mapping[str, Sequence[Path]] | None = None, skipped: Sequence[str] = ()
) -> DatasetRecord:
    """The record of a data set for a run's config.

    Args:
        images: the images of each split that is used; None takes all images of all splits.
        skipped: relative names ("trainA/7.png") of images in these splits that are left out.
    """
    images = {split: dataset.split(split) for split in dataset.splits()} if images is None else images
    return DatasetRecord(
        name=dataset.name,
        root=str(dataset.root.resolve()),
        fingerprint=dataset.fingerprint(images, skip=skipped),
        images={split: len(paths) for split, paths in images.items()},
        skipped=list(skipped),
        fingerprints={split: dataset.fingerprint((split,), skip=skipped) for split in images},
    )


class RunConfig(BaseModel):
    """config.json: everything that decides a run's numbers, with all defaults.

    `direction` is null if the model translates in both directions. `precision` is what `auto` was resolved to.
    `init_from` and `continue_from` name the run that this one began from, as "<id>" or "<id>@<step>".
    `frozen` has a digest of the weights of each frozen network of the method (ugbench.nn.weight_files.digest).
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
    precision: Precision
    init_from: str | None = None
    init_only: Literal["generators"] | None = None
    continue_from: str | None = None
    frozen: dict[config_fields.Attribute, config_fields.Digest] = {}
    origin: Origin | None = None

    @property
    def id(self) -> str:
        """Twelve hex digits of a hash over everything that decides the numbers.

        Not part of it: paths, device, preset name, intervals of logging and saving, newer fields that are null or
        empty, newer fields of all methods' configs that have their default, and fields that decide no number.
        """
        later = ("origin", "init_only", "continue_from", "frozen")
        left_out: dict[str, Any] = {"preset": True} | {name: True for name in later if not getattr(self, name)}
        if self.dataset is not None:
            left_out["dataset"] = {"root", "name", "images", "skipped", "fingerprints"}
        fields = self.model_dump(exclude=left_out)
        fields["config"] = config_fields.for_id(fields["config"])
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def transform(self) -> Transform:
        """How test images become images of the run's size; for a run with weights."""
        return Transform(self.config["size"], self.fit)

    @property
    def fit(self) -> Fit:
        """How images of other proportions get the size; runs of earlier versions and other tools squash them."""
        fit: Fit = self.config.get("fit", SQUASH)
        return fit

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

    @cached_property
    def id(self) -> str:
        """The run's id, see `RunConfig.id`; computed once, because commands ask for those of thousands of runs."""
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
        return method_description.directions_of(self, self.config.method)


def open_run(folder: Path, config: RunConfig) -> Run:
    """The run with this config under a data set's folder; a missing or damaged config.json is written."""
    path = RunFolder(folder / config.folder).inside()
    make_folder(path)
    had_config = (path / CONFIG).exists()
    try:
        return read_run(path)
    except RunError as error:  # the config is known, and its id is in the folder's name
        if had_config:
            _logger.info("%s config.json is written again.", str(error).partition(";")[0] + ";")
        write_json(path / CONFIG, {"id": config.id, **config.model_dump()})
        return read_run(path)


def read_run(path: Path) -> Run:
    """The run in a folder.

    Raises:
        RunError: there is no config.json, it is not the config of a run, or a part of the path is a link.
    """
    file = RunFolder(path).inside(CONFIG)
    if not is_file(file):
        raise RunError(f"{path} has no {CONFIG}, so it is no run; `ugbench runs` lists them.")
    try:
        return Run(path, RunConfig(**config_fields.read_config_fields(file)))
    except ValidationError as error:
        raise RunError(f"{file}: {first_fault(error)}; to fix this, correct or remove it.") from None


def list_runs(results: Path) -> list[Run]:
    """Every run under a results folder that can be read, sorted by path."""
    return [run for _, run in read_runs(results) if isinstance(run, Run)]


def read_runs(results: Path) -> Iterator[tuple[Path, Run | RunError]]:
    """The folder of every run under a results folder, sorted, with the run or the error that says what is wrong."""
    for file in sorted(results.glob(f"*/*/*/{CONFIG}")):
        try:
            yield file.parent, read_run(file.parent)
        except RunError as error:
            yield file.parent, error


def find_run(text: str, results: Path) -> Run:
    """The run in the folder `text`, or else the run with the name `text` or with an id that starts with `text`.

    Of several folders of one run the one that was trained longest is taken, and a message says so.

    Raises:
        RunError: no run or runs with several ids match, or `text` is empty.
    """
    if not text.strip():
        raise RunError(f"RUN '{text}' is empty; give the start of an id, or a folder: `ugbench runs` lists them.")
    if (Path(text) / CONFIG).exists():
        return read_run(Path(text))
    matches = [run for run in list_runs(results) if run.id.startswith(text) or given_name(run) == text]
    if not matches:
        for file in results.glob(f"*/*/*-{escape(text)}*/{CONFIG}"):
            read_run(file.parent)  # says why that run cannot be read
        raise RunError(f"no run under {results} has that name or an id that starts with '{text}'; see `ugbench runs`.")
    if len(ids := sorted({run.id for run in matches})) > 1:
        raise RunError(
            f"the ids of {len(ids)} runs start with '{text}' ({', '.join(ids[:4])}); give more digits of one of them."
        )
    chosen, *others = sorted(matches, key=Run.step, reverse=True)
    if others:
        paths = ", ".join(f"{run.path} (step {run.step()})" for run in others)
        _logger.info("run %s lies in several folders: %s is used, not %s.", chosen.id, chosen.path, paths)
    return chosen


def dataset_of(run: Run) -> DataSet:
    """The data set of a run, in the folder that the dataset.json beside the run names, or else the run's config.

    Raises:
        RunError: the folder is gone, or has links to unknown images; or the run was imported without a data set.
        DataError: a folder of images or dial.json is damaged.
    """
    if run.config.dataset is None:
        raise RunError(f"run {run.id} was imported without a data set; import it again with --dataset.")
    content = dataset_file.read(run.dataset_folder)
    roots = ([content.root] if content is not None and content.root else []) + [run.config.dataset.root]
    root = next((Path(root) for root in roots if Path(root).is_dir()), None)
    if root is None:
        raise RunError(
            f"the images of run {run.id} were in {roots[0]}, which is gone; put the data set back there, or give its "
            "place now: --dataset PATH."
        )
    return known_images.check_links(open_dataset(root), run, run.config.dataset)
