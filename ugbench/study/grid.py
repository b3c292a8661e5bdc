"""A study: a grid of methods, variants, data sets and seeds, declared in a TOML file or on the command line."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from ugbench import registry
from ugbench.direction import Direction
from ugbench.errors import RunError, UnknownName, UsageError, first_fault
from ugbench.fit import SQUASH, Fit
from ugbench.image_size import Size, as_size, size_text
from ugbench.limits import MOST_STEPS
from ugbench.published.studies import published_studies
from ugbench.runs.files import read_text
from ugbench.runs.json_file import Name
from ugbench.training.request import BASE

LARGEST = 1 << 16  # bytes: a file that declares a study
MOST_SEEDS = 1000
OF_ALL = ("steps", "size", "batch_size", "fit")  # fields of a study that are config fields of every method
SLURM = "slurm"  # the table in a study's file that is no part of the study


class Study(BaseModel):
    """The runs to train. The fields are the keys of a TOML file, in which `seeds = 3` means 0, 1 and 2.

    Attributes:
        methods: names of the methods.
        variants: those of each method that runs more than its base: `ugatit = ["full", "no-cam"]`.
        datasets: data sets as `--dataset` takes them.
        size: of the images, px: a number for squares, or width and height, as "128x256" or [128, 256].
        fit: how images of other proportions get the size; None leaves it to the methods, whose default is squash.
        steps, minutes: how long each run trains; at most one of them. If both are None the preset decides.
        set: changes to config fields by method: `ugatit = {lr = 1e-3}`, but to none that is given for all methods.
        without: arms that do not run on a data set, by data set: `dial = ["ugatit-no-cam"]`. Of a method that learns
            one direction, a direction alone can be left out: `photos = ["cut B2A"]`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = Field(min_length=1)
    variants: dict[str, tuple[str, ...]] = {}
    datasets: tuple[Name, ...] = Field(min_length=1)
    seeds: tuple[NonNegativeInt, ...] = (0, 1, 2)
    preset: str = "paper"
    steps: PositiveInt | None = Field(None, le=MOST_STEPS)
    minutes: PositiveFloat | None = Field(None, le=MOST_STEPS)
    size: Size | None = None
    batch_size: PositiveInt | None = Field(None, le=MOST_STEPS)
    fit: Fit | None = None
    set: dict[str, dict[str, Any]] = {}
    without: dict[Name, tuple[str, ...]] = {}

    @field_validator("size", mode="before")
    @classmethod
    def _read_size(cls, size: object) -> Size | None:
        return None if size is None else as_size(size)

    @property
    def id(self) -> str:
        """Twelve hex digits of a hash over all fields but newer ones that have their default."""
        fields = self.model_dump()
        if self.fit in (None, SQUASH):
            del fields["fit"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Arm:
    """One thing that a study compares: a method's base (variant None) or one of its variants."""

    method: str
    variant: str | None

    @property
    def label(self) -> str:
        """The name that tables show: `method` or `method-variant`."""
        return self.method + (f"-{self.variant}" if self.variant else "")


@dataclass(frozen=True)
class StudyRun:
    """One run of a study; `direction` is None where one model translates in both directions."""

    arm: Arm
    dataset: str
    seed: int
    direction: Direction | None


def check(study: Study) -> Study:
    """Return the study if every name in it is known.

    Raises:
        UnknownName: there is no such method, preset, variant or config field.
        UsageError: both steps and minutes are given, something is declared twice, for all methods and one of them, or
            for a method that is not in the study, or no run is left.
    """
    if study.steps is not None and study.minutes is not None:
        raise UsageError(f"steps {study.steps} and minutes {study.minutes:g} exclude each other; give one of them.")
    for field in ("methods", "datasets", "seeds"):
        values = getattr(study, field)
        if len(set(values)) < len(values):
            raise UsageError(f"{field}: {', '.join(map(str, values))} has a value twice; give each value once.")
    for field in ("variants", "set"):
        for name in getattr(study, field):
            if name not in study.methods:
                raise UnknownName(f"method of this study ({field})", name, study.methods)
    _check_set(study)
    labels = [arm.label for arm in arms(study)]
    for dataset, left_out in study.without.items():
        if dataset not in study.datasets:
            raise UnknownName("data set of this study (without)", dataset, study.datasets)
        one_way = [f"{arm.label} {direction}" for arm in arms(study) for direction in _directions(arm) if direction]
        for label in left_out:
            if label not in (*labels, *one_way):
                raise UnknownName("arm of this study (without)", label, [*labels, *one_way])
    for arm in arms(study):
        method = registry.load_method(arm.method)
        method.make_config(study.preset, arm.variant, overrides(study, arm))
    if not study_runs(study):
        raise UsageError("without: no run is left on any data set; leave out fewer.")
    return study


def _check_set(study: Study) -> None:
    """Raise UsageError if `set` changes what a field of the study says for all methods."""
    fields = {"steps": ("steps", "minutes"), "epochs": ("minutes",)}
    for method, changes in study.set.items():
        for key, value in changes.items():
            for field in fields.get(key, (key,) if key in OF_ALL else ()):
                given = getattr(study, field)
                if given is not None:
                    of_all = size_text(given) if field == "size" else given
                    raise UsageError(
                        f"set: {method}.{key} is {value}, and {field} is {of_all} for all methods; give one of them."
                    )


def arms(study: Study) -> list[Arm]:
    """The methods in their order, each with its variants in their order."""
    return [
        Arm(method, None if variant == BASE else variant)
        for method in study.methods
        for variant in study.variants.get(method, (BASE,))
    ]


def ablation_variants(method: str, names: Sequence[str] = ()) -> list[str]:
    """Full, then the variants of a method that an ablation trains.

    Args:
        names: the variants that are asked for; none, or `all` alone, means the paper's ablations.
    Raises:
        UnknownName: there is no such method or variant.
        UsageError: the method has no variants.
    """
    loaded = registry.load_method(method)
    known = [name for name in loaded.VARIANTS if name != BASE]
    if not known:
        raise UsageError(f"{method} has no variants; ablate a method that has: see `ugbench variants`.")
    if list(names) in ([], ["all"]):
        names = list(loaded.ablation) or known
    for name in names:
        if name not in (*known, BASE):
            raise UnknownName("variant", name, known)
    return [BASE, *(name for name in names if name != BASE)]


def overrides(study: Study, arm: Arm) -> dict[str, Any]:
    """Changes to the preset and variant for one arm; `minutes` is not among them."""
    return {key: value for key in OF_ALL if (value := getattr(study, key)) is not None} | study.set.get(arm.method, {})


def frozen_names(study: Study) -> set[str]:
    """The names by which `--weights` gives the weights of frozen networks of the study's methods."""
    return {name for method in study.methods for name in registry.load_method(method).frozen.values()}


def study_runs(study: Study) -> list[StudyRun]:
    """Every run of the study. The first seed of every arm and data set comes before the second seed of any.

    A method that learns one direction has two runs for each seed.
    """
    return [
        StudyRun(arm, dataset, seed, direction)
        for seed in study.seeds
        for dataset in study.datasets
        for arm in arms(study)
        if arm.label not in study.without.get(dataset, ())
        for direction in _directions(arm)
        if f"{arm.label} {direction}" not in study.without.get(dataset, ())
    ]


def _directions(arm: Arm) -> Sequence[Direction | None]:
    method = registry.load_method(arm.method)
    return (None,) if len(method.directions) > 1 else ("A2B", "B2A")


def read(file: Path) -> dict[str, Any]:
    """The fields that a TOML file declares, with `seeds = N` written out as a list, and without its table [slurm].

    Raises:
        UsageError: there is no such file, it is not TOML, or it asks for more than MOST_SEEDS seeds.
    """
    fields = _read_toml(file)
    fields.pop(SLURM, None)
    seeds = fields.get("seeds")
    if isinstance(seeds, int):
        if not 1 <= seeds <= MOST_SEEDS:
            raise UsageError(f"--study {file}: seeds = {seeds} is not a number from 1 to {MOST_SEEDS}; give another.")
        fields["seeds"] = list(range(seeds))
    return fields


def read_slurm(file: Path) -> dict[str, Any]:
    """The table [slurm] of a TOML file: what its jobs ask SLURM for. It is no part of the study.

    Raises:
        UsageError: as `read`, or `slurm` is no table.
    """
    table = _read_toml(file).get(SLURM, {})
    if not isinstance(table, dict):
        raise UsageError(f"--study {file}: slurm = {table} is no table; write [slurm], and its keys below.")
    return table


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(file.resolve(), LARGEST))  # a file that the user names may be a link
    except OSError as error:
        names = ", ".join(published_studies())
        raise UsageError(
            f"--study {file}: cannot be read ({error.strerror}); name a TOML file, or a study that comes with this "
            f"package: {names}."
        ) from None
    except (RunError, ValueError) as error:  # TOMLDecodeError is a ValueError, and so is an integer of too many digits
        raise UsageError(f"--study {file}: {str(error).rstrip('.')}; correct the file.") from None
    except RecursionError:
        raise UsageError(f"--study {file}: the file is nested too deep; correct it.") from None
    except RuntimeError:  # from resolve()
        raise UsageError(f"--study {file}: is a link that leads to itself; name a TOML file.") from None


def declare(fields: dict[str, Any], where: str) -> Study:
    """A checked study from its fields.

    Args:
        where: where the fields come from, for error messages: the file, or the call.
    Raises:
        UsageError, UnknownName: see `check`; or a field is unknown or has a value that it cannot have.
    """
    for name in fields:
        if name not in Study.model_fields:
            raise UnknownName(f"key of a study in {where}", name, Study.model_fields)
    try:
        return check(Study(**fields))
    except ValidationError as error:
        raise UsageError(f"{where}: {first_fault(error)}.") from None
