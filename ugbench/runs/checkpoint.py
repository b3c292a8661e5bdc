"""Checkpoints: a folder of safetensors with a manifest of sizes and hashes, whole or not there at all.

`<checkpoints>/<step>/` holds method.safetensors (the method's state dict), optimizer.safetensors (Adam's) and
manifest.json. It is written aside, flushed to the disk and renamed. No pickle, no random state: the batch of a
step is a function of the seed and the step.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ugbench.errors import RunError, UgbenchError
from ugbench.method import Method

MANIFEST = "manifest.json"
GENERATORS = "generators.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds: the step (steps done), tensors by part ("method", "optimizer"), and notes."""

    step: int
    parts: dict[str, dict[str, Tensor]]
    notes: dict[str, Any]


def digest(tensors: Mapping[str, Tensor]) -> str:
    """sha256 of a state: names in order, with dtype, shape and bytes. Equal states give equal digests."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def write_tensors(file: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file aside, flush it and rename it over `file`.

    Raises:
        UgbenchError: the disk refuses; nothing is left behind and an older `file` stays.
    """
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, aside, dict(metadata or {}))
        _flush(aside)
        aside.replace(file)
    except (OSError, RuntimeError, SafetensorError) as error:
        aside.unlink(missing_ok=True)
        raise UgbenchError(f"{file} could not be written ({error}); free space on its disk and go on.") from error


def write_json(file: Path, content: Any) -> None:
    """Write JSON aside, flush it and rename it over `file`."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    _flush(aside)
    aside.replace(file)


def save(checkpoints: Path, checkpoint: Checkpoint) -> Path:
    """Save under `checkpoints`/<step>, replacing one of the same step.

    Raises:
        UgbenchError: the disk refuses; no part of the checkpoint is left behind.
    """
    final = checkpoints / str(checkpoint.step)
    aside = checkpoints / f".{checkpoint.step}.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        files = {}
        for part, tensors in checkpoint.parts.items():
            file = aside / f"{part}.safetensors"
            write_tensors(file, tensors)
            files[file.name] = {"size": file.stat().st_size, "sha256": _sha256(file)}
        write_json(aside / MANIFEST, {"step": checkpoint.step, "files": files, "notes": checkpoint.notes})
        _flush(aside)
        shutil.rmtree(final, ignore_errors=True)
        aside.rename(final)
        _flush(checkpoints)
    except OSError as error:
        raise UgbenchError(f"{final} could not be written ({error}); free space on its disk and go on.") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return final


def load(folder: Path, only: str | None = None) -> Checkpoint:
    """Read a checkpoint, each file held against its size and hash in the manifest.

    Args:
        only: the one part to read; None reads all.
    Raises:
        RunError: a file is missing or damaged; names it.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        step, files, notes = manifest["step"], manifest["files"], manifest["notes"]
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(f"{folder / MANIFEST} is missing or damaged; remove {folder}.") from None
    parts = {}
    for name, expected in files.items():
        part = name.removesuffix(".safetensors")
        if only not in (None, part):
            continue
        file = folder / name
        if not file.exists() or file.stat().st_size != expected["size"] or _sha256(file) != expected["sha256"]:
            raise RunError(f"{file} is not what its manifest says (size or sha256); remove {folder}.")
        parts[part] = load_file(file)
    return Checkpoint(step, parts, notes)


def steps(checkpoints: Path) -> list[int]:
    """The steps that have a checkpoint folder, ascending; whole or damaged."""
    if not checkpoints.is_dir():
        return []
    return sorted(int(entry.name) for entry in checkpoints.iterdir() if entry.name.isdecimal())


def load_latest(checkpoints: Path, say: Callable[[str], None]) -> Checkpoint | None:
    """The newest whole checkpoint; a damaged one is named through `say` and the one before it is used."""
    for step in reversed(steps(checkpoints)):
        try:
            return load(checkpoints / str(step))
        except RunError as error:
            say(f"{error} The checkpoint before it is used.")
    return None


def prune(checkpoints: Path, keep: int | None) -> None:
    """Remove the oldest checkpoints but `keep` of them; None keeps all."""
    if keep is not None:
        for step in steps(checkpoints)[:-keep]:
            shutil.rmtree(checkpoints / str(step))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_generators(file: Path, method: Method, step: int) -> None:
    """The tensors that translation needs, with the step that they are of."""
    tensors = {
        f"{child}.{name}": tensor
        for child, module in method.inference().items()
        for name, tensor in module.state_dict().items()
    }
    if not tensors:
        raise UgbenchError(f"{type(method).__module__}: inference() names no network with weights.")
    write_tensors(file, tensors, {"step": str(step)})
