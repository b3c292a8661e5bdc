"""Checkpoints: folders of safetensors files with a manifest of their sizes and hashes.

`<checkpoints>/<step>/` holds method.safetensors (the method's state dict), optimizer.safetensors (the state of the
optimizers), average.safetensors if the config has a moving average, and manifest.json. It is written under a temporary
name, flushed to the disk and renamed, so that it is complete or does not exist. It holds no pickle and no random state,
because the batch of a step is a function of the seed and the step. `<checkpoints>/damaged-<step>/` is a damaged
checkpoint that training has set aside.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ugbench.data.known_files import open_known_files
from ugbench.errors import DiskError, RunError, UgbenchError, UsageError
from ugbench.method import Method
from ugbench.runs.files import has_tensor_header, inside, is_file, temporary_of
from ugbench.runs.folder import checkpoint_steps
from ugbench.runs.json_file import flush_to_disk
from ugbench.runs.manifest import (
    MANIFEST,
    DamagedCheckpoint,
    FileRecord,
    Manifest,
    read_manifest,
    write_manifest,
)

DAMAGED = "damaged-"
AVERAGE = "average"
"""The part of a checkpoint with the moving average, see `ugbench.training.averaging`."""
WEIGHTS = ("method", AVERAGE)
"""The parts that `Checkpoint.translating` needs."""
EXTRA = "extra"
"""The note of a checkpoint that is not one of the regular ones, see `prune`."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint.

    Attributes:
        step: how many steps were done.
        parts: the tensors by name of the parts "method" and "optimizer", and of AVERAGE if there is one.
        notes: JSON values, such as the number of threads.
    """

    step: int
    parts: dict[str, dict[str, Tensor]]
    notes: dict[str, Any]

    def translating(self) -> dict[str, Tensor]:
        """The state dict of the method that translates: with the moving average, where there is one."""
        return {**self.parts["method"], **self.parts.get(AVERAGE, {})}


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
        DiskError: the system refuses; nothing is left behind and an older `file` stays.
    """
    temporary = temporary_of(file)
    try:
        # Without tensors the library writes empty metadata as a header that is no JSON.
        written = dict(metadata or {}) if tensors or metadata else None
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, written)
        _sort_metadata(temporary)
        flush_to_disk(temporary)
        temporary.replace(file)
    except (OSError, RuntimeError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise DiskError(file, error) from error


def _sort_metadata(file: Path) -> None:
    """Put the metadata of a safetensors file into order: the library writes it in a random one, and files of equal
    tensors should have equal bytes.
    """
    with file.open("r+b") as stream:
        size = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(size))
        metadata = header.pop("__metadata__", {})
        content = {"__metadata__": dict(sorted(metadata.items())), **header}
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
        if len(metadata) > 1 and len(text) <= size:
            stream.seek(8)
            stream.write(text.ljust(size))


def save(checkpoints: Path, checkpoint: Checkpoint) -> Path:
    """Save a checkpoint as the folder `checkpoints`/<step>, which is replaced if it exists.

    Returns:
        The folder.
    Raises:
        DiskError: the system refuses; no part of the checkpoint is left behind.
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
        raise DiskError(final, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return final


def load(folder: Path, only: Collection[str] | None = None) -> Checkpoint:
    """Read a checkpoint and compare the size and hash of each file with the manifest.

    Args:
        only: the parts to read; None reads all.
    Raises:
        DamagedCheckpoint: a file is missing or damaged; the message names it.
        RunError: this user may not read a file.
    """
    manifest = read_manifest(folder)
    parts = {}
    for name, expected in manifest.files.items():
        part = name.removesuffix(".safetensors")
        if only is not None and part not in only:
            continue
        file = inside(folder, name)
        if file.is_dir():
            raise DamagedCheckpoint(f"{file} is a folder and no file")
        try:
            whole = (
                is_file(file)
                and has_tensor_header(file)
                and file.stat().st_size == expected.size
                and sha256_of(file) == expected.sha256
            )
            if not whole:
                raise DamagedCheckpoint(f"{file} differs from its manifest in size or sha256")
            parts[part] = load_file(file)
        except PermissionError as error:
            raise RunError(f"{file} cannot be read ({error.strerror}); let this user read it.") from None
        except (OSError, SafetensorError):
            raise DamagedCheckpoint(f"{file} is missing or damaged") from None
    return Checkpoint(manifest.step, parts, dict(manifest.notes))


def is_intact(folder: Path) -> bool:
    """Whether each file of a checkpoint has the size and hash of the manifest; hashes that are known count, so that
    files that have not changed since an earlier call are not read (see ugbench.data.known_files).
    """
    try:
        with open_known_files() as known:
            return all(
                is_file(folder / name)
                and (folder / name).stat().st_size == expected.size
                and known.sha256(folder / name) == expected.sha256
                for name, expected in read_manifest(folder).files.items()
            )
    except (OSError, RunError, UsageError):
        return False


def load_latest(checkpoints: Path, log: Callable[[str], None]) -> Checkpoint | None:
    """The newest undamaged checkpoint of a training, None if there is none.

    A damaged one is set aside as damaged-<step>, so that it no longer counts as a checkpoint, and `log` receives a
    sentence about it.
    """
    for step in reversed(checkpoint_steps(checkpoints)):
        folder = checkpoints / str(step)
        try:
            saved = load(folder)
            if "optimizer" not in saved.parts:
                raise DamagedCheckpoint(f"{folder / MANIFEST} lists no state of the optimizers")
            return saved
        except DamagedCheckpoint as error:
            aside = checkpoints / f"{DAMAGED}{step}"
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
            log(f"{error.reason}; this checkpoint is set aside as {aside}.")
    return None


def set_aside(checkpoints: Path) -> dict[int, Path]:
    """The damaged checkpoints that were set aside, by step, ascending."""
    steps = [path.name.removeprefix(DAMAGED) for path in checkpoints.glob(f"{DAMAGED}*")]
    return {step: checkpoints / f"{DAMAGED}{step}" for step in sorted(int(step) for step in steps if step.isdecimal())}


def prune(checkpoints: Path, keep: int | None) -> None:
    """Remove all regular checkpoints except the newest `keep` (None removes none), and old extra ones.

    An extra checkpoint is one that was made between the regular ones, because time had passed or a signal came. It
    stays while it is the newest of all. So time and signals do not change which regular checkpoints a run has.
    Damaged checkpoints that were set aside are removed once a whole one has reached their step.
    """
    steps = checkpoint_steps(checkpoints)
    extra = [step for step in steps if _is_extra(checkpoints / str(step))]
    regular = [step for step in steps if step not in extra]
    superfluous = [step for step in extra if step < steps[-1]]
    for step in superfluous + (regular[:-keep] if keep is not None else []):
        shutil.rmtree(checkpoints / str(step))
    for step, folder in set_aside(checkpoints).items():
        if step <= steps[-1]:
            shutil.rmtree(folder)


def _is_extra(folder: Path) -> bool:
    try:
        return read_manifest(folder).notes.get(EXTRA) is True
    except RunError:  # it is damaged
        return False


def write_generators(file: Path, tensors: Mapping[str, Tensor], step: int) -> None:
    """Write the tensors that translation needs into a safetensors file, with their step and their digest.

    Args:
        tensors: as `inference_tensors` gives them.
    Raises:
        UgbenchError: there are no tensors, or the disk refuses.
    """
    if not tensors:
        raise UgbenchError(f"{file}: inference() of the method names no network with weights.")
    write_tensors(file, tensors, {"step": str(step), "digest": digest(tensors)})


def read_generators(file: Path) -> tuple[dict[str, Tensor], int]:
    """The tensors that `write_generators` wrote, and their step.

    Raises:
        DamagedCheckpoint: the file is missing or damaged.
    """
    if not is_file(file):
        raise DamagedCheckpoint(f"{file} is missing")
    if not has_tensor_header(file):
        raise DamagedCheckpoint(f"{file} is damaged")
    try:
        with safe_open(file, framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            notes = stream.metadata()
        step, expected = int(notes["step"]), notes.get("digest")  # older versions wrote no digest
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        raise DamagedCheckpoint(f"{file} is damaged") from None
    if expected is not None and digest(tensors) != expected:
        raise DamagedCheckpoint(f"{file} is damaged: its tensors differ from those that were written")
    return tensors, step


def inference_state(method: Method) -> dict[str, Tensor]:
    """The tensors of the networks that translation needs, frozen ones among them, by their names in the method."""
    return inference_tensors(method, {**method.state_dict(), **method.frozen_state()})


def inference_tensors(method: Method, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a state dict of the method that belong to the networks that translation needs."""
    networks = method.inference()
    return {name: tensor for name, tensor in state.items() if name.split(".")[0] in networks}


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
