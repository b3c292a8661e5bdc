"""The files of a published checkpoint: tensors only, nothing in them is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ugbench.errors import UsageError, WeightsError
from ugbench.imports.tensorflow_bundle import read_bundle

TORCH = (".pt", ".pth")
INDEX = ".index"  # of a TensorFlow bundle, whose tensors lie in .data-… files beside it
EXPORT = ".safetensors"


def checkpoint_files(path: Path) -> list[Path]:
    """The file itself, or the .pt and .pth files of a folder, sorted by name, or else its one .index file.

    Raises:
        UsageError: there is no such file, or none in the folder.
    """
    if path.is_file():
        return [path]
    if path.with_name(path.name + INDEX).is_file():  # as TensorFlow itself names a bundle
        return [path.with_name(path.name + INDEX)]
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such file or folder; name a checkpoint.")
    inside = sorted(file for file in path.iterdir() if file.is_file())
    found = [file for file in inside if file.suffix in TORCH] or [file for file in inside if file.suffix == INDEX]
    if not found:
        kinds = f"{', '.join(TORCH)} or {INDEX}"
        raise UsageError(f"{path}: holds no {kinds} file; name a checkpoint's file or its folder.")
    if len(found) > 1 and found[0].suffix == INDEX:
        names = ", ".join(file.name for file in found[:4])
        raise UsageError(f"{path}: holds several checkpoints ({names}); name one of these files.")
    return found


def read_tensors(files: Sequence[Path]) -> dict[str, Any]:
    """What `Method.load_public_checkpoint` takes: networks by name.

    A file of one network (its values are tensors) goes by the file's name; a file of several gives their names, and
    a TensorFlow bundle those of its variables.

    Raises:
        WeightsError: a file is damaged, or holds more than tensors.
        UsageError: two files bring a network of one name.
    """
    networks: dict[str, Any] = {}
    for file in files:
        if file.suffix == INDEX:
            return dict(read_bundle(file))
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
    if "GLOBAL" in text or "Unsupported" in text:
        named = text.partition("GLOBAL ")[2].split(" ")[0]
        return f"it holds more than tensors ({named or 'objects of classes'}), and reading those could run code"
    return "it is damaged, or no file that torch wrote"
