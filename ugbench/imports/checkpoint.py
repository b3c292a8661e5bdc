"""A published checkpoint as a run: its weights in our names, with the config that its tensors tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from ugbench import registry
from ugbench.data.datasets import DataSet
from ugbench.errors import ConfigError, UnknownName, UsageError, WeightsError
from ugbench.imports.target import checked_name, dataset_record, digests, home
from ugbench.method import Direction, Method, MethodConfig
from ugbench.train import checkpoint
from ugbench.train.loop import GENERATORS
from ugbench.train.precision import Precision
from ugbench.train.run import Origin, Run, RunConfig, open_run

SUFFIXES = (".pt", ".pth")


@dataclass(frozen=True)
class Wish:
    """What a user asks `import` for.

    Attributes:
        path: a checkpoint's file, or the folder of its files.
        name: what to call it; None takes the file's.
        direction: of a checkpoint that translates one way.
        revision: of the public code.
        overrides: config fields that the tensors do not tell.
    """

    path: Path
    method: str
    name: str | None = None
    dataset: DataSet | None = None
    direction: Direction | None = None
    revision: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)


def import_checkpoint(wish: Wish, results: Path, precision: Precision) -> Run:
    """Read a checkpoint and write its run, with the weights of the networks that it holds; again is the same run.

    Raises:
        UnknownName: no such method.
        WeightsError: a file is damaged or holds more than plain tensors.
        UsageError: the tensors are not of the method's public code, or an option does not fit.
    """
    method = registry.load_method(wish.method)
    files = checkpoint_files(wish.path)
    name = checked_name(wish.name or _stem(wish.path))
    config, state = method.read_foreign(read_tensors(files), wish.revision)
    config = _with_overrides(config, wish.overrides)
    with torch.device("meta"):
        networks = method(config)
    run_config = RunConfig(
        method=wish.method,
        variant=None,
        preset=None,
        config=config.model_dump(),
        dataset=None if wish.dataset is None else dataset_record(wish.dataset),
        direction=_direction(networks, state, wish.direction),
        seed=None,
        precision=precision,
        origin=Origin(name=name, files=digests(files, files[0].parent), revision=wish.revision),
    )
    run = open_run(home(results, wish.dataset), run_config)
    write_weights(run, {key: tensor.float() for key, tensor in state.items()})
    return run


def write_weights(run: Run, state: Mapping[str, Tensor]) -> None:
    """The weights of an imported run, at step 0: a checkpoint, and the file that translation reads."""
    checkpoint.save(run.checkpoints, checkpoint.Checkpoint(0, {"method": dict(state)}, {"imported": True}))
    with torch.device("meta"):
        needed = registry.load_method(run.config.method)(run.config.method_config()).inference()
    generators = {key: tensor for key, tensor in state.items() if key.split(".")[0] in needed}
    checkpoint.write_tensors(run.path / GENERATORS, generators, {"step": "0"})


def checkpoint_files(path: Path) -> list[Path]:
    """The file itself, or the .pt and .pth files of a folder, sorted by name.

    Raises:
        UsageError: there is no such file, or none in the folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such file or folder; name a checkpoint.")
    found = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    if not found:
        raise UsageError(f"{path}: holds no {' or '.join(SUFFIXES)} file; name a checkpoint's file or its folder.")
    return found


def read_tensors(files: Sequence[Path]) -> dict[str, Any]:
    """What `Method.read_foreign` takes: networks by name.

    A file of one network (its values are tensors) goes by the file's name; a file of several gives their names.

    Raises:
        WeightsError: a file is damaged, or holds more than tensors.
        UsageError: two files bring a network of one name.
    """
    networks: dict[str, Any] = {}
    for file in files:
        content = _read(file)
        one = all(isinstance(value, Tensor) for value in content.values())
        for name, network in ({file.name: content} if one else content).items():
            if name in networks:
                raise UsageError(f"{file}: another file has a network '{name}' too; name one file.")
            networks[name] = network
    return networks


def _read(file: Path) -> dict[str, Any]:
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # Damage and refused code come as many types, and torch's text suggests to switch the check off.
        raise WeightsError(f"{file} is refused: {_refusal(error)}; name another file.") from None
    if not isinstance(content, dict) or not content or not all(isinstance(key, str) for key in content):
        raise WeightsError(f"{file} is refused: it holds no dictionary of tensors; name a checkpoint of networks.")
    return dict(content)


def _refusal(error: Exception) -> str:
    text = str(error)
    if "Unsupported global" in text or "GLOBAL" in text:
        named = text.partition("GLOBAL ")[2].split(" ")[0]
        return f"it holds more than tensors ({named or 'objects of classes'}), and reading those could run code"
    return "it is damaged, or no file that torch wrote"


def _with_overrides(config: MethodConfig, overrides: Mapping[str, Any]) -> MethodConfig:
    for name in overrides:
        if name not in type(config).model_fields:
            raise UnknownName("config field", name, type(config).model_fields)
    try:
        return type(config)(**{**config.model_dump(), **overrides})
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"--set {'.'.join(map(str, first['loc']))}: {reason}.") from None


def _direction(method: Method, state: Mapping[str, Tensor], asked: Direction | None) -> Direction | None:
    """The one direction of weights that translate one way; None for both."""
    given = {key.split(".")[0] for key in state}
    if len(method.directions) == 1 or not set(method.inference()) <= given:
        return asked or method.directions[0]
    if asked is not None:
        raise UsageError(f"--direction {asked}: these weights translate both ways; leave it out.")
    return None


def _stem(path: Path) -> str:
    return path.stem if path.is_file() else path.resolve().name
