"""What commands say about a folder of images: how many they use, how many files they pass over, and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from ugbench.data.datasets import DataSet
from ugbench.data.edges import RECORD
from ugbench.data.images import HEIF_SUFFIXES, INSTALL_HEIF, has_image_suffix, is_image_entry
from ugbench.data.splits import SPLITS

SHOWN = 10  # names that a sentence shows
_PLURALS = {"subfolder": "subfolders", "hidden file": "hidden files", "broken link": "broken links"}


def describe_folder(folder: Path, name: str | None = None) -> str:
    """A sentence about a folder that exists: "out: 6 images; passed over: 2 .heic (install ugbench[heic])."

    Args:
        name: what the folder is called in the sentence; None is its path.
    """
    images, reasons = 0, []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_image_entry(entry):
                images += 1
            elif entry.name != RECORD:
                reasons.append(why_passed_over(Path(entry.path)))
    passed_over = describe_passed_over(Counter(reasons))
    text = f"{folder if name is None else name}: {images} image{'s' * (images != 1)}"
    return f"{text}; passed over: {passed_over}." if passed_over else f"{text}."


def name_some(names: Sequence[str]) -> str:
    """Names for a sentence; if there are many, the first ones: "a.png, b.png and 12 more"."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def describe_splits(dataset: DataSet, splits: Iterable[str] = SPLITS) -> Iterator[str]:
    """A sentence about the folder of each of these splits that exists, and about folders with nearly such names."""
    for split in splits:
        folder = dataset.folder(split)
        if folder.is_dir():
            where = f"{dataset.name}/{split}" + (f" (the folder {folder.name})" if folder.name != split else "")
            yield describe_folder(folder, where)
    for near, split in dataset.near_names().items():
        if not dataset.folder(split).is_dir():
            yield f"{dataset.name}/{near} is passed over; if it is {split}, rename it to {split}."


def why_passed_over(path: Path) -> str:
    """Why a file or folder in a folder of images is no image: its suffix, or what else it is."""
    if path.name.startswith("."):
        return "hidden file"
    if path.is_symlink() and not path.exists():
        return "broken link"
    if path.is_dir():
        return "subfolder"
    return f"{path.suffix.lower()} that is no plain file" if has_image_suffix(path) else why_name_is_passed_over(path)


def why_name_is_passed_over(path: PurePath) -> str:
    """Why a plain file whose name is not that of an image is passed over."""
    suffix = path.suffix.lower()
    if suffix in HEIF_SUFFIXES:
        return f"{suffix} ({INSTALL_HEIF})"
    return suffix or "without a suffix"


def describe_passed_over(counts: Mapping[str, int]) -> str:
    """Reasons with their numbers, suffixes first: "2 .txt, 1 subfolder"; empty if nothing was passed over."""
    ordered = sorted(counts, key=lambda reason: (reason in _PLURALS, reason))
    return ", ".join(
        f"{counts[reason]} {_PLURALS.get(reason, reason) if counts[reason] > 1 else reason}" for reason in ordered
    )
