"""A run's networks in one .safetensors file that says by itself what they are, and reading it back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ugbench import registry
from ugbench.direction import Direction
from ugbench.errors import UsageError, first_fault
from ugbench.method import Method
from ugbench.runs import checkpoint
from ugbench.runs.run import Run

KEY = "ugbench"
SCHEMA = 1


@dataclass(frozen=True)
class Export:
    """What an exported file says and holds.

    Attributes:
        method, variant, preset, config, seed, precision: as in the run's config.json; config is complete.
        directions: what the networks translate.
        dataset: name, fingerprint and counts of images of what it was trained on; no paths.
        run: the run's id.
        step: steps that the networks were trained for.
        digest: of `tensors` (ugbench.runs.checkpoint.digest).
        tensors: the networks that translate, by their names in the method's state dict.
    """

    method: str
    variant: str | None
    preset: str | None
    config: dict[str, Any]
    seed: int | None
    precision: str
    directions: tuple[Direction, ...]
    dataset: dict[str, Any] | None
    run: str
    step: int
    digest: str
    tensors: dict[str, Tensor] = field(repr=False)


def export_of(run: Run, method: Method, step: int) -> Export:
    """The export of a run whose networks are loaded in `method`; networks without weights are left out."""
    tensors = {
        f"{child}.{name}": tensor
        for child, network in method.inference().items()
        for name, tensor in network.state_dict().items()
        if not tensor.is_meta
    }
    config = run.config
    return Export(
        method=config.method,
        variant=config.variant,
        preset=config.preset,
        config=config.config,
        seed=config.seed,
        precision=config.precision,
        directions=run.directions(),
        # Where the data lay is nobody's business who gets the file.
        dataset=None if config.dataset is None else config.dataset.model_dump(exclude={"root", "skipped"}),
        run=run.id,
        step=step,
        digest=checkpoint.digest(tensors),
        tensors=tensors,
    )


def write(export: Export, file: Path) -> None:
    """Write the file, whole or not at all.

    Raises:
        UgbenchError: the disk refuses.
    """
    told = {name: value for name, value in vars(export).items() if name != "tensors"}
    checkpoint.write_tensors(file, export.tensors, {"format": "pt", KEY: json.dumps({"schema": SCHEMA, **told})})
    file.chmod(0o644)  # safetensors makes files that their owner alone can read, and this one is to be given away


def read_export(file: Path) -> Export:
    """The export in a file.

    Raises:
        UsageError: there is no such file, `ugbench export` did not write it, or it is damaged.
    """
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file; give one that `ugbench export` wrote.")
    try:
        with safe_open(file, framework="pt") as opened:
            told = (opened.metadata() or {}).get(KEY)
            names = list(opened.keys())
            tensors = {name: opened.get_tensor(name) for name in names} if told is not None else {}
    except (SafetensorError, OSError):
        raise UsageError(f"{file} is no safetensors file, or a damaged one; export the run again.") from None
    if told is None:
        found = ", ".join(names[:4]) or "no tensors"
        raise UsageError(f"{file} has no '{KEY}' in its metadata, but {found}; give one that `ugbench export` wrote.")
    try:
        fields = json.loads(told)
        schema = fields.pop("schema")
        if schema != SCHEMA:
            raise UsageError(f"{file} is of schema {schema}, and this version reads {SCHEMA}; update ugbench.")
        export = Export(**{**fields, "directions": tuple(fields["directions"])}, tensors=tensors)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UsageError(f"{file}: the metadata '{KEY}' is not what `ugbench export` writes; export again.") from None
    if checkpoint.digest(tensors) != export.digest:
        raise UsageError(f"{file} is damaged: its tensors are not those that were written; export the run again.")
    return export


def build(export: Export) -> Method:
    """The method with the exported networks, in eval mode on the CPU; the rest of it has no memory.

    Raises:
        UnknownName: its method is not installed.
        UsageError: the installed method no longer takes that config or those tensors.
    """
    cls = registry.load_method(export.method)
    try:
        config = cls.Config(**export.config)
    except ValidationError as error:
        raise UsageError(f"the export of {export.run}: {first_fault(error)}; {export.method} has changed.") from None
    with torch.device("meta"):
        method = cls(config)
    try:
        _, unexpected = method.load_state_dict(export.tensors, strict=False, assign=True)
    except RuntimeError:
        unexpected = ["shapes"]
    if unexpected:
        raise UsageError(f"the export of {export.run} and {export.method} differ in {unexpected[0]}; it has changed.")
    return method.eval().requires_grad_(False)
