"""Checkpoints: folders of safetensors files with a manifest of their sizes and hashes.

`<checkpoints>/<step>/` holds method.safetensors (the method's state dict), optimizer.safetensors (the state of Adam)
and manifest.json. It is written under a temporary name, flushed to the disk and renamed, so that it is complete or
does not exist. It holds no pickle and no random state, because the batch of a step is a function of the seed and the
step.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ugbench.data.known_files import open_known_files
from ugbench.errors import RunError, UgbenchError, UsageError
from ugbench.method import Method
from ugbench.runs.files import inside, is_tensor_file, temporary_of
from ugbench.runs.folder import checkpoint_steps
from ugbench.runs.json_file import flush_to_disk
from ugbench.runs.manifest import FileRecord, Manifest, read_manifest, write_manifest

EXTRA = "extra"
"""The note of a checkpoint that is not one of the regular ones, see `prune`."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint.

    Attributes:
        step: how many steps were done.
        parts: the tensors by name of the parts "method" and "optimizer".
        notes: JSON values, such as the number of threads.
    """

    step: int
    parts: dict[str, dict[str, Tensor]]
    notes: dict[str, Any]


def digest(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of a state: of the name, dtype, shape and bytes of each tensor, sorted by name."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def write_tensors(file: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file under a temporary name, flush it to the disk and rename it to `file`.

    Raises:
        UgbenchError: the disk refuses; nothing is left behind and an older `file` stays.
    """
    temporary = temporary_of(file)
    try:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, dict(metadata or {}))
        flush_to_disk(temporary)
        temporary.replace(file)
    except (OSError, RuntimeError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise _disk_error(file, error) from error


def save(checkpoints: Path, checkpoint: Checkpoint) -> Path:
    """Save a checkpoint as the folder `checkpoints`/<step>, which is replaced if it exists.

    Returns:
        The folder.
    Raises:
        UgbenchError: the disk refuses; no part of the checkpoint is left behind.
    """
    final = checkpoints / str(checkpoint.step)
    temporary = checkpoints / f".{checkpoint.step}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        files = {}
        for part, tensors in checkpoint.parts.items():
            file = temporary / f"{part}.safetensors"
            write_tensors(file, tensors)
            files[file.name] = FileRecord(file.stat().st_size, sha256_of(file))
        write_manifest(temporary, Manifest(checkpoint.step, files, checkpoint.notes))
        flush_to_disk(temporary)
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)
        flush_to_disk(checkpoints)
    except OSError as error:
        raise _disk_error(final, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return final


def load(folder: Path, only: str | None = None) -> Checkpoint:
    """Read a checkpoint and compare the size and hash of each file with the manifest.

    Args:
        only: the one part to read; None reads all.
    Raises:
        RunError: a file is missing or damaged; the message names it.
    """
    manifest = read_manifest(folder)
    parts = {}
    for name, expected in manifest.files.items():
        part = name.removesuffix(".safetensors")
        if only not in (None, part):
            continue
        file = inside(folder, name)
        try:
            is_same = is_tensor_file(file) and FileRecord(file.stat().st_size, sha256_of(file)) == expected
        except OSError:  # the disk cannot read it
            is_same = False
        if not is_same:
            raise RunError(f"{file} differs from its manifest in size or sha256; to fix this, remove {folder}.")
        try:
            parts[part] = load_file(file)
        except SafetensorError as error:
            raise RunError(f"{file} cannot be read ({error}); to fix this, remove {folder}.") from None
    return Checkpoint(manifest.step, parts, dict(manifest.notes))


def is_intact(folder: Path) -> bool:
    """Whether each file of a checkpoint has the size and hash of the manifest; hashes that are known count, so that
    files that have not changed since an earlier call are not read (see ugbench.data.known_files).
    """
    try:
        files = read_manifest(folder).files
        with open_known_files() as known:
            return all(
                (folder / name).stat().st_size == expected.size and known.sha256(folder / name) == expected.sha256
                for name, expected in files.items()
            )
    except (OSError, UsageError):
        return False


def load_latest(checkpoints: Path, log: Callable[[str], None]) -> Checkpoint | None:
    """The newest undamaged checkpoint, None if there is none; `log` receives a sentence for each damaged one."""
    for step in reversed(checkpoint_steps(checkpoints)):
        try:
            return load(checkpoints / str(step))
        except RunError as error:
            log(f"{error} The checkpoint before it is used.")
    return None


def prune(checkpoints: Path, keep: int | None) -> None:
    """Remove all regular checkpoints except the newest `keep` (None removes none), and old extra ones.

    An extra checkpoint is one that was made between the regular ones, because time had passed or a signal came. It
    stays while it is the newest of all. So time and signals do not change which regular checkpoints a run has.
    """
    steps = checkpoint_steps(checkpoints)
    extra = [step for step in steps if _is_extra(checkpoints / str(step))]
    regular = [step for step in steps if step not in extra]
    superfluous = [step for step in extra if step < steps[-1]]
    for step in superfluous + (regular[:-keep] if keep is not None else []):
        shutil.rmtree(checkpoints / str(step))


def _is_extra(folder: Path) -> bool:
    try:
        return read_manifest(folder).notes.get(EXTRA) is True
    except RunError:  # it is damaged
        return False


def write_generators(file: Path, method: Method, step: int) -> None:
    """Write the tensors that translation needs (`Method.inference`), the step and a digest into a safetensors file.

    Raises:
        UgbenchError: the method names no such network, or the disk refuses.
    """
    tensors = inference_tensors(method, method.state_dict())
    if not tensors:
        raise UgbenchError(f"{type(method).__module__}: inference() names no network with weights.")
    write_tensors(file, tensors, {"step": str(step), "digest": digest(tensors)})


def read_generators(file: Path) -> tuple[dict[str, Tensor], int]:
    """The tensors and the step that `write_generators` wrote.

    Raises:
        RunError: there is no such file, or it is damaged; older versions wrote no digest, which is then not compared.
    """
    if not is_tensor_file(file):
        raise RunError(f"{file} is missing: nothing was saved yet; train the run first.")
    try:
        with safe_open(file, framework="pt") as stream:
            metadata = stream.metadata()
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        if "digest" in metadata and metadata["digest"] != digest(tensors):
            raise ValueError
        return tensors, int(metadata["step"])
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError):
        raise RunError(f"{file} is damaged; to fix this, remove it and run the same `ugbench train` again.") from None


def generators_step(file: Path) -> int | None:
    """The step of the weights in a file of `write_generators`; None if there is none that can be read.

    Only the header is read, so damage of the weights is not noticed.
    """
    try:
        if not is_tensor_file(file):
            return None
        with safe_open(file, framework="pt") as stream:
            return int(stream.metadata()["step"])
    except (SafetensorError, KeyError, TypeError, ValueError, RunError):
        return None


def inference_tensors(method: Method, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a state dict of the method that belong to the networks that translation needs."""
    networks = method.inference()
    return {name: tensor for name, tensor in state.items() if name.split(".")[0] in networks}


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _disk_error(path: Path, error: Exception) -> UgbenchError:
    return UgbenchError(f"{path} could not be written ({error}); free space on its disk and run the command again.")
