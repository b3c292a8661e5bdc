"""Where a new data set goes: its name is checked, and its folder appears in the data root whole or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ugbench.errors import DataError

NAME = r"[\w][\w.+-]{0,99}"


class NoPlace(DataError):
    """A new data set has no place in the data root: its name is taken, or the disk is full or cannot be written."""


def is_name(name: str) -> bool:
    """True if a data set can have this name: a folder can have it, and --dataset does not read it as a dial."""
    return re.fullmatch(NAME, name) is not None and name.partition(":")[0] != "dial"


def check_name(name: str, where: str) -> str:
    """The name of a new data set.

    Args:
        where: what an error calls the name: "--name x/y".
    Raises:
        DataError: a data set cannot have this name.
    """
    if not is_name(name):
        raise DataError(
            f"{where}: a data set's name has only letters, digits, _ . + or - and is not dial; give --name NAME."
        )
    return name


def check_target(target: Path) -> None:
    """Raise NoPlace if the folder of a new data set is taken, that is, it exists and is not empty."""
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise NoPlace(f"{target}: something is there already; remove it, or give another --name.")


def place_dataset(data_root: Path, name: str, source: str, size: int, write: Callable[[Path], None]) -> Path:
    """Make the folder of a data set in the data root, completely or not at all, and return its path.

    Args:
        source: what an error calls the place that the images come from.
        size: bytes that the images take.
        write: called with the path of a folder that does not exist yet; makes the folder and everything in it.
    Raises:
        NoPlace: the name is taken, the disk is full or cannot be written, or a file cannot be read.
    """
    target = data_root / name
    check_target(target)
    try:
        data_root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(data_root).free
        if size > free:
            raise NoPlace(
                f"{data_root}: has room for {free / 1e9:.2f} GB, and the images of {source} take "
                f"{size / 1e9:.2f} GB; make room, or give another --data-root."
            )
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=data_root) as work:
            unfinished = Path(work) / name
            write(unfinished)
            check_target(target)  # another import may have made it meanwhile
            unfinished.rename(target)
    except OSError as error:
        where, reason = error.filename or target, error.strerror or str(error)
        raise NoPlace(
            f"{where}: {reason}, so nothing was imported; to fix this, allow writing or make room there, "
            "or give another --data-root."
        ) from error
    return target
