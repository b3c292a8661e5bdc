"""Reads the files of a published checkpoint. They may hold tensors only, and no code in them is run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ugbench.errors import UsageError, WeightsError
from ugbench.imports.tensorflow_bundle import read_bundle
from ugbench.nn.state_dicts import first_odd_tensor, unwrapped

TORCH = (".pt", ".pth")
INDEX = ".index"  # index of a TensorFlow checkpoint; its tensors are in .data-… files beside it
EXPORT = ".safetensors"  # a file that `ugbench export` wrote


def checkpoint_files(path: Path) -> list[Path]:
    """The files of a checkpoint: the given file, or the .pt and .pth files of a folder, or else its only .index file.

    Args:
        path: a file, a folder, or the name of a TensorFlow checkpoint without .index.
    Returns:
        The files, sorted by name.
    Raises:
        UsageError: there is no such file, the folder holds none, or it holds several .index files.
    """
    if path.is_file():
        return [path]
    if path.with_name(path.name + INDEX).is_file():  # TensorFlow itself names a checkpoint without .index
        return [path.with_name(path.name + INDEX)]
    if not path.is_dir():
        raise UsageError(f"{path}: there is no such file or folder; name a checkpoint.")
    content = sorted(file for file in path.iterdir() if file.is_file())
    files = [file for file in content if file.suffix in TORCH] or [file for file in content if file.suffix == INDEX]
    if not files:
        kinds = f"{', '.join(TORCH)} or {INDEX}"
        raise UsageError(f"{path}: holds no {kinds} file; name a checkpoint's file or its folder.")
    if len(files) > 1 and files[0].suffix == INDEX:
        names = ", ".join(file.name for file in files[:4])
        raise UsageError(f"{path}: holds several checkpoints ({names}); name one of these files.")
    return files


def read_tensors(files: Sequence[Path]) -> dict[str, Any]:
    """The content of the files as `Method.load_public_checkpoint` takes it: networks by name.

    If a file holds one network (its values are tensors), the network gets the name of the file. A file of several
    networks gives their names. Dictionaries around networks are left out (`unwrapped`). A TensorFlow checkpoint gives
    its variables by their names.

    Raises:
        WeightsError: a file is damaged, or holds more than tensors.
        UsageError: two files hold networks with the same name, or a file holds several that could be meant.
    """
    networks: dict[str, Any] = {}
    for file in files:
        if file.suffix == INDEX:
            return dict(read_bundle(file))
        content = unwrapped(_read(file), str(file))
        is_network = all(isinstance(value, Tensor) for value in content.values())
        for name, network in ({file.name: content} if is_network else content).items():
            if isinstance(network, Mapping) and (fault := first_odd_tensor(network)) is not None:
                raise WeightsError(f"{file} is refused: {name}, {fault}; name another file.")
            if name in networks:
                raise UsageError(f"{file}: another file has a network '{name}' too; name one of the files.")
            networks[name] = network
    return networks


def _read(file: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sparse tensors, which are refused below
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged files and refused code raise errors of many types, and torch's text suggests turning the check off.
        reason, text = "it is damaged, or torch did not write it", str(error)
        if "GLOBAL" in text or "Unsupported" in text:
            content_type = text.partition("GLOBAL ")[2].split(" ")[0] or "objects of classes"
            reason = f"it holds more than tensors ({content_type}), and reading those could run code"
        raise WeightsError(f"{file} is refused: {reason}; name another file.") from None
    if not isinstance(content, dict) or not content or not all(isinstance(key, str) for key in content):
        raise WeightsError(f"{file} is refused: it holds no dictionary of tensors; name a checkpoint of networks.")
    return dict(content)
