"""What to do with a folder of images that has no folders trainA, trainB, testA and testB."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ugbench.data.acquire.placing import is_name
from ugbench.data.data_root import DATA_ROOT, data_root_option
from ugbench.data.images import is_image
from ugbench.data.splits import SPLITS

SHOWN = 4


def describe_unsorted(root: Path, data_root: Path | None = None) -> str:
    """What such a folder holds, and the command that makes a data set of it, as an error sentence without a full stop.

    Args:
        data_root: the folder of data sets that the command is to use; None is the default.
    """
    data_root = DATA_ROOT if data_root is None else data_root
    lacks = f"{root}: has none of the subfolders {', '.join(SPLITS)}"
    if moves := _moves(root):
        *others, last = (f"{old} to {new}" for old, new in moves.items())
        return f"{lacks}, but folders of images in train; move {', '.join(others)} and {last}"
    subfolders = [folder for folder in _subfolders(root) if folder.name.lower() not in ("train", "test")]
    nested = {folder: depth > 0 for folder in subfolders if (depth := _depth(folder)) is not None}
    folders = list(nested)
    names = [folder.name for folder in folders]
    if len(folders) >= 2:
        command = _command(folders[0], folders[1], _new_name(root, names, data_root), data_root)
        if nested[folders[0]] or nested[folders[1]]:
            command += " --recursive"
        if len(folders) == 2:
            return f"{lacks}, but images in {names[0]} and {names[1]}; make a data set of them: `{command}`"
        shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
        return f"{lacks}, but images in {len(names)} others ({shown}); make a data set of two of them: `{command}`"
    if any(map(is_image, _entries(root))):
        folder, where, command = root, "its top", _command(root, None, "NAME", data_root)
    elif folders:
        folder, where = folders[0], names[0]
        command = _command(folder, None, _new_name(root, [], data_root), data_root)
    else:
        return f"{lacks}; put the images in those"
    return (
        f"{lacks}, but images in {where}; make a data set of that folder and of one with the images of the other "
        f"domain: `{command}{' --recursive' if nested.get(folder) else ''}`"
    )


def _moves(root: Path) -> dict[str, str]:
    """Where each folder of images goes if they lie as train/cats, train/dogs, test/cats and test/dogs.

    Of more than two kinds of images the first two are taken.
    """
    folders = {path.name.lower(): path for path in _subfolders(root)}
    if "train" not in folders:
        return {}
    kinds = [path.name for path in _subfolders(folders["train"]) if any(map(is_image, _entries(path)))][:2]
    if len(kinds) < 2:
        return {}
    return {
        f"{folders[part].name}/{kind}": f"{part}{domain}"
        for part in ("train", "test")
        for kind, domain in zip(kinds, "AB", strict=True)
        if part in folders and any(map(is_image, _entries(folders[part] / kind)))
    }


def _command(a: Path, b: Path | None, name: str, data_root: Path) -> str:
    other = "DIR" if b is None else shlex.quote(str(b))
    return f"ugbench data import --a {shlex.quote(str(a))} --b {other} --name {name}{data_root_option(data_root)}"


def _new_name(root: Path, domains: Sequence[str], data_root: Path) -> str:
    """A name that is free in the data root: that of the folder, or those of the two domains; else NAME."""
    candidates = [root.resolve().name, *(["2".join(domains[:2])] if domains else [])]
    return next((name for name in candidates if is_name(name) and not (data_root / name).exists()), "NAME")


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in _entries(folder) if path.is_dir() and not path.name.startswith("."))


def _depth(folder: Path) -> int | None:
    """0 if the folder holds images, 1 if a subfolder does; None if neither does."""
    if any(map(is_image, _entries(folder))):
        return 0
    return 1 if any(is_image(path) for below in _subfolders(folder) for path in _entries(below)) else None


def _entries(folder: Path) -> list[Path]:
    """What is in a folder; nothing if it cannot be read."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []
