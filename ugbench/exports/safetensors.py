"""Writes the networks of a run to one .safetensors file with a complete description of them, and reads it back."""

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
from ugbench.runs.json_file import make_folder
from ugbench.runs.run import Run

KEY = "ugbench"
SCHEMA = 1


@dataclass(frozen=True)
class Export:
    """The content of an exported file.

    Attributes:
        method, variant, preset, config, seed, precision: as in the run's config.json; config has every field.
        directions: the directions that the networks translate.
        dataset: name, fingerprint and numbers of images of the training data; it holds no paths.
        run: id of the run.
        step: number of steps that the networks were trained for.
        digest: digest of `tensors` (ugbench.runs.checkpoint.digest).
        tensors: weights of the networks that translate, by their names in the method's state dict.
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
    """The export of a run.

    Args:
        method: the method with the weights of the run; networks without weights (on the meta device) are left out.
        step: number of steps that the weights were trained for.
    """
    generators = checkpoint.inference_state(method)
    tensors = {name: tensor for name, tensor in generators.items() if not tensor.is_meta}
    config = run.config
    return Export(
        method=config.method,
        variant=config.variant,
        preset=config.preset,
        config=config.config,
        seed=config.seed,
        precision=config.precision,
        directions=run.directions(),
        # Paths on the user's machine must not get into a file that is passed on.
        dataset=None
        if config.dataset is None
        else config.dataset.model_dump(include={"name", "fingerprint", "images"}),
        run=run.id,
        step=step,
        digest=checkpoint.digest(tensors),
        tensors=tensors,
    )


def write(export: Export, file: Path) -> None:
    """Write the file, completely or not at all.

    Raises:
        DiskError: the file cannot be written.
    """
    description = {name: value for name, value in vars(export).items() if name != "tensors"}
    text = json.dumps({"schema": SCHEMA, **description})
    make_folder(file.parent)
    checkpoint.write_tensors(file, export.tensors, {"format": "pt", KEY: text})
    file.chmod(0o644)  # only the owner can read a file that safetensors wrote, and this one is to be passed on


def read_export(file: Path) -> Export:
    """Read an exported file.

    Raises:
        UsageError: there is no such file, it is damaged, or `ugbench export` did not write it.
    """
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file; give one that `ugbench export` wrote.")
    try:
        with safe_open(file, framework="pt") as opened:
            description = (opened.metadata() or {}).get(KEY)
            names = list(opened.keys())
            tensors = {name: opened.get_tensor(name) for name in names} if description is not None else {}
    except (SafetensorError, OSError):
        raise UsageError(f"{file} is damaged, or not a safetensors file; export the run again.") from None
    if description is None:
        content = ", ".join(names[:4]) or "no tensors"
        raise UsageError(
            f"{file} has no '{KEY}' in its metadata and holds {content}; give a file that `ugbench export` wrote."
        )
    try:
        fields = json.loads(description)
        schema = fields.pop("schema")
        if schema != SCHEMA:
            raise UsageError(f"{file} has schema {schema}, and this version reads schema {SCHEMA}; update ugbench.")
        export = Export(**{**fields, "directions": tuple(fields["directions"])}, tensors=tensors)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UsageError(
            f"{file}: the metadata '{KEY}' is not what `ugbench export` writes; export the run again."
        ) from None
    if checkpoint.digest(tensors) != export.digest:
        raise UsageError(f"{file} is damaged: its tensors differ from those that were written; export the run again.")
    return export


def build(export: Export) -> Method:
    """The method with the exported networks, in eval mode on the CPU. Its other networks have no weights.

    Raises:
        UnknownName: the method is not installed.
        UsageError: the installed method has changed and no longer takes this config or these tensors.
    """
    cls = registry.load_method(export.method)
    try:
        config = cls.Config(**export.config)
    except ValidationError as error:
        raise UsageError(
            f"the export of {export.run}: {first_fault(error)}; {export.method} has changed, so export the run again."
        ) from None
    with torch.device("meta"):
        method = cls(config)
    try:
        _, unexpected = method.load_state_dict(export.tensors, strict=False, assign=True)
    except RuntimeError:
        unexpected = ["shapes"]
    if unexpected:
        raise UsageError(
            f"the export of {export.run} and {export.method} differ in {unexpected[0]}; {export.method} has changed, "
            "so export the run again."
        )
    return method.eval().requires_grad_(False)
