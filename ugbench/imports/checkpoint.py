"""Imports a published checkpoint, or a file that `ugbench export` wrote, as a run.

The run holds the weights under the names of the method's state dict, and the config that fits them.
"""

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
from ugbench.data.fitting import Transform
from ugbench.data.splits import TEST, TRAIN
from ugbench.data.tensors import load_images, to_float
from ugbench.device import Precision
from ugbench.direction import Direction
from ugbench.errors import ConfigError, UnknownName, UsageError, WeightsError, first_fault
from ugbench.exports.safetensors import read_export
from ugbench.imports import reconstruction
from ugbench.imports.checkpoint_files import EXPORT, checkpoint_files, read_tensors
from ugbench.imports.imported_run import digests, open_import, runs_folder
from ugbench.method import Method, MethodConfig
from ugbench.nn.state_dicts import first_not_finite
from ugbench.runs import checkpoint, method_description
from ugbench.runs.names import checked_name
from ugbench.runs.origin import Origin
from ugbench.runs.run import Run, RunConfig, record_dataset
from ugbench.training.counts import count

TRIED = 8  # images of the target domain that each forward pass is tried on


@dataclass(frozen=True)
class ImportRequest:
    """The options of an import.

    Attributes:
        path: the file of a checkpoint, or the folder of its files.
        method: name of the method that the checkpoint belongs to.
        name: name of the run in tables; None takes the name of the file.
        dataset: the data set that the run is scored on; None if there is none.
        direction: direction of a checkpoint that translates in one direction.
        revision: revision of the public code that trained the checkpoint; None is the method's default.
        overrides: values of config fields that cannot be read from the tensors.
    """

    path: Path
    method: str
    name: str | None = None
    dataset: DataSet | None = None
    direction: Direction | None = None
    revision: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Contents:
    """What the files hold. `direction` is None if the networks translate in both directions."""

    config: MethodConfig
    state: Mapping[str, Tensor]
    variant: str | None
    direction: Direction | None
    revision: str | None


def import_checkpoint(
    request: ImportRequest, results: Path, precision: Precision, log: Callable[[str], None] = lambda _text: None
) -> Run:
    """Read a checkpoint and write its run. Importing the same files with the same options again gives the same run.

    If the tensors fit several forward passes of the public code and a data set is given, a warning is logged when
    another pass than the chosen one reconstructs the target domain better.

    Args:
        log: called with each warning.
    Raises:
        UnknownName: there is no such method.
        WeightsError: a file is damaged, holds more than plain tensors, or holds NaN.
        UsageError: the tensors do not come from the method's public code, or an option does not fit.
    """
    method = registry.load_method(request.method)
    files = checkpoint_files(request.path)
    # The revision is in the name, because two revisions of a file are two runs.
    default_name = files[0].name.removesuffix(files[0].suffix) + (f"-{request.revision}" if request.revision else "")
    name = checked_name(request.name or default_name)
    is_export = files[0].suffix == EXPORT
    tensors = {} if is_export else read_tensors(files)
    contents = _read_exported(request, files[0]) if is_export else _read_public(request, method, tensors)
    state = {key: tensor.float() for key, tensor in contents.state.items()}
    if fault := first_not_finite(state):
        raise WeightsError(f"{request.path}: {fault}; import another checkpoint.")
    if request.dataset is not None and len(method.revisions) > 1 and contents.revision in method.revisions:
        _check_revision(request.dataset, request, method, tensors, contents, log)
    config = RunConfig(
        method=request.method,
        variant=contents.variant,
        preset=None,
        config=contents.config.model_dump(),
        dataset=None if request.dataset is None else record_dataset(request.dataset),
        direction=contents.direction,
        seed=None,
        precision=precision,
        origin=Origin(name=name, files=digests(files), revision=contents.revision),
    )
    run = open_import(runs_folder(results, request.dataset), config)
    trained = {key: tensor for key, tensor in state.items() if key.split(".")[0] not in method.frozen}
    checkpoint.save(run.checkpoints, checkpoint.Checkpoint(0, {"method": trained}, {"imported": True}))
    generators = checkpoint.inference_tensors(_without_weights(method, contents.config), state)
    checkpoint.write_generators(run.generators_file, generators, 0)
    method_description.write(run, count(request.method, contents.config))
    return run


def _without_weights(method: type[Method], config: MethodConfig) -> Method:
    with torch.device("meta"):
        return method(config)


def _read_exported(request: ImportRequest, file: Path) -> _Contents:
    export = read_export(file)
    if export.method != request.method:
        raise UsageError(f"--as {request.method}: {file} holds the method {export.method}; give --as {export.method}.")
    if request.revision is not None:
        raise UsageError(
            f"--revision {request.revision}: {file} already holds complete settings; leave the option out."
        )
    directions = export.directions
    if request.direction is not None and (len(directions) > 1 or request.direction not in directions):
        raise UsageError(
            f"--direction {request.direction}: {file} translates {' and '.join(directions)}; leave the option out."
        )
    config = registry.load_method(export.method).Config(**export.config)
    config = _with_overrides(config, request.overrides)
    return _Contents(config, export.tensors, export.variant, directions[0] if len(directions) == 1 else None, None)


def _read_public(request: ImportRequest, method: type[Method], tensors: Mapping[str, Any]) -> _Contents:
    config, state = method.load_public_checkpoint(tensors, request.revision, request.direction)
    config = _with_overrides(config, request.overrides)
    revision = request.revision or next(iter(method.revisions), None)
    direction = request.direction
    needed = set(_without_weights(method, config).inference())
    if len(method.directions) == 1 or not needed <= {key.split(".")[0] for key in state}:
        direction = direction or method.directions[0]
    elif direction is not None:
        raise UsageError(f"--direction {direction}: these weights translate in both directions; leave the option out.")
    return _Contents(config, state, None, direction, revision)


def _check_revision(
    dataset: DataSet,
    request: ImportRequest,
    method: type[Method],
    tensors: Mapping[str, Any],
    contents: _Contents,
    log: Callable[[str], None],
) -> None:
    """Log a warning if another forward pass than the chosen one reconstructs the target domain better."""
    direction = contents.direction or "A2B"
    splits = (split[direction[2]] for split in (TEST, TRAIN))
    split = next((split for split in splits if dataset.has(split)), None)
    if split is None:
        return
    transform = Transform(contents.config.size, contents.config.fit)
    targets = to_float(load_images(dataset.split(split)[:TRIED], transform))
    methods = {}
    for revision in method.revisions:
        config, state = method.load_public_checkpoint(tensors, revision, request.direction)
        networks = _without_weights(method, _with_overrides(config, request.overrides))
        networks.load_state_dict({key: tensor.float() for key, tensor in state.items()}, strict=False, assign=True)
        methods[revision] = networks.eval().requires_grad_(False)
    errors = reconstruction.errors_by_revision(methods, targets, direction)
    if warning := reconstruction.warning(errors, str(contents.revision)):
        log(warning)


def _with_overrides(config: MethodConfig, overrides: Mapping[str, Any]) -> MethodConfig:
    for name in overrides:
        if name not in type(config).model_fields:
            raise UnknownName("config field", name, type(config).model_fields)
    try:
        return type(config)(**{**config.model_dump(), **overrides})
    except ValidationError as error:
        raise ConfigError(f"--set {first_fault(error)}.") from None
