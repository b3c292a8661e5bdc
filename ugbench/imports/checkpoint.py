"""A published checkpoint, or what `ugbench export` wrote, as a run: its weights in our names, and their config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from ugbench import registry
from ugbench.data.datasets import DataSet
from ugbench.data.splits import TEST, TRAIN
from ugbench.data.tensors import load_images, to_float
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.errors import ConfigError, UnknownName, UsageError, first_fault
from ugbench.exports.safetensors import read_export
from ugbench.imports import reconstruction
from ugbench.imports.files import EXPORT, checkpoint_files, read_tensors
from ugbench.imports.target import checked_name, dataset_record, digests, home, open_import
from ugbench.method import Method, MethodConfig
from ugbench.runs import checkpoint, method_description
from ugbench.runs.run import Origin, Run, RunConfig
from ugbench.training.counts import count

SHOWN = 8  # images that a forward pass is tried on


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


@dataclass(frozen=True)
class _Found:
    """What the files hold: `direction` is None where they translate both ways."""

    config: MethodConfig
    state: Mapping[str, Tensor]
    variant: str | None
    direction: Direction | None
    revision: str | None


def import_checkpoint(
    wish: Wish, results: Path, precision: Precision, say: Callable[[str], None] = lambda _text: None
) -> Run:
    """Read a checkpoint and write its run, with the weights of the networks that it holds; again is the same run.

    Where the tensors fit several forward passes of the public code and a data set is given, it is said when another
    one than the chosen one reconstructs the target domain better.

    Raises:
        UnknownName: no such method.
        WeightsError: a file is damaged or holds more than plain tensors.
        UsageError: the tensors are not of the method's public code, or an option does not fit.
    """
    method = registry.load_method(wish.method)
    files = checkpoint_files(wish.path)
    name = checked_name(wish.name or _name(files[0], wish.revision))
    if files[0].suffix == EXPORT:
        found = _exported(wish, files[0])
    else:
        tensors = read_tensors(files)
        found = _foreign(wish, method, tensors)
        if wish.dataset is not None and len(method.revisions) > 1 and found.revision in method.revisions:
            _check_revision(wish, method, tensors, found, say)
    config = RunConfig(
        method=wish.method,
        variant=found.variant,
        preset=None,
        config=found.config.model_dump(),
        dataset=None if wish.dataset is None else dataset_record(wish.dataset),
        direction=found.direction,
        seed=None,
        precision=precision,
        origin=Origin(name=name, files=digests(files, files[0].parent), revision=found.revision),
    )
    run = open_import(home(results, wish.dataset), config)
    _write_weights(run, {key: tensor.float() for key, tensor in found.state.items()})
    method_description.write(run, count(wish.method, found.config))
    return run


def _name(file: Path, revision: str | None) -> str:
    """The file's own, with the revision that was asked for: two revisions of one file are two runs."""
    return file.name.removesuffix(file.suffix) + (f"-{revision}" if revision else "")


def _exported(wish: Wish, file: Path) -> _Found:
    export = read_export(file)
    if export.method != wish.method:
        raise UsageError(f"--as {wish.method}: {file} holds a {export.method}; give --as {export.method}.")
    if wish.revision is not None:
        raise UsageError(f"--revision {wish.revision}: {file} says itself what it is; leave it out.")
    ways = export.directions
    if wish.direction is not None and (len(ways) > 1 or wish.direction not in ways):
        raise UsageError(f"--direction {wish.direction}: {file} translates {' and '.join(ways)}; leave it out.")
    config = registry.load_method(export.method).Config(**export.config)
    config = _with_overrides(config, wish.overrides)
    return _Found(config, export.tensors, export.variant, ways[0] if len(ways) == 1 else None, None)


def _foreign(wish: Wish, method: type[Method], tensors: Mapping[str, Any]) -> _Found:
    config, state = method.load_public_checkpoint(tensors, wish.revision, wish.direction)
    config = _with_overrides(config, wish.overrides)
    revision = wish.revision or next(iter(method.revisions), None)
    return _Found(config, state, None, _direction(method, config, state, wish.direction), revision)


def _direction(
    method: type[Method], config: MethodConfig, state: Mapping[str, Tensor], asked: Direction | None
) -> Direction | None:
    """The one direction of weights that translate one way; None for both."""
    with torch.device("meta"):
        needed = set(method(config).inference())
    if len(method.directions) == 1 or not needed <= {key.split(".")[0] for key in state}:
        return asked or method.directions[0]
    if asked is not None:
        raise UsageError(f"--direction {asked}: these weights translate both ways; leave it out.")
    return None


def _check_revision(
    wish: Wish, method: type[Method], tensors: Mapping[str, Any], found: _Found, say: Callable[[str], None]
) -> None:
    """Say where another forward pass than the chosen one reconstructs the target domain better."""
    assert wish.dataset is not None and found.revision is not None
    direction = found.direction or "A2B"
    splits = (split[direction[2]] for split in (TEST, TRAIN))
    split = next((split for split in splits if wish.dataset.has(split)), None)
    if split is None:
        return
    targets = to_float(load_images(wish.dataset.split(split)[:SHOWN], found.config.size))
    methods = {}
    for revision in method.revisions:
        config, state = method.load_public_checkpoint(tensors, revision, wish.direction)
        methods[revision] = _loaded(method, _with_overrides(config, wish.overrides), state)
    warning = reconstruction.compare(methods, found.revision, targets, direction).warning
    if warning is not None:
        say(warning)


def _loaded(method: type[Method], config: MethodConfig, state: Mapping[str, Tensor]) -> Method:
    with torch.device("meta"):
        networks = method(config)
    networks.load_state_dict({key: tensor.float() for key, tensor in state.items()}, strict=False, assign=True)
    return networks.eval().requires_grad_(False)


def _write_weights(run: Run, state: Mapping[str, Tensor]) -> None:
    """The weights of an imported run, at step 0: a checkpoint, and the file that translation reads."""
    checkpoint.save(run.checkpoints, checkpoint.Checkpoint(0, {"method": dict(state)}, {"imported": True}))
    with torch.device("meta"):
        needed = registry.load_method(run.config.method)(run.config.method_config()).inference()
    generators = {key: tensor for key, tensor in state.items() if key.split(".")[0] in needed}
    checkpoint.write_tensors(run.generators_file, generators, {"step": "0"})


def _with_overrides(config: MethodConfig, overrides: Mapping[str, Any]) -> MethodConfig:
    for name in overrides:
        if name not in type(config).model_fields:
            raise UnknownName("config field", name, type(config).model_fields)
    try:
        return type(config)(**{**config.model_dump(), **overrides})
    except ValidationError as error:
        raise ConfigError(f"--set {first_fault(error)}.") from None
