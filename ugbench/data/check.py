"""What is wrong with a data set, and what ugbench will do about each thing: every image is decoded once.

Equal content is equal pixels (after `read_image`), whatever the file's name or format. Near-duplicates are
images whose perceptual hashes (ugbench.data.duplicates) are close, as they are or mirrored, since training mirrors.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ugbench.data import duplicates
from ugbench.data.datasets import DataSet
from ugbench.data.images import Progress, Stored, inspect_image, is_image, read_image
from ugbench.data.splits import SPLITS, TRAIN, Split
from ugbench.errors import DataError

Kind = Literal[
    "missing", "empty", "unreadable", "stray", "stem", "shape", "mode", "duplicate", "near-duplicate",
    "leak", "near-leak", "both-domains",
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing to know.

    Attributes:
        kind: what kind of thing.
        splits: where.
        files: "trainA/7.png" …; those that belong together, as the copies of one image, are one finding.
        found: what was found.
        action: what ugbench does about it, and the mend where one is needed.
        stops_training: whether `train` refuses the data set for it.
    """

    kind: Kind
    splits: tuple[Split, ...]
    files: tuple[str, ...]
    found: str
    action: str
    stops_training: bool = False


@dataclass(frozen=True)
class SplitSummary:
    """The images of a split: how many, how many of them are readable, and counts of sizes, modes and formats."""

    images: int
    readable: int
    sizes: Mapping[str, int]
    modes: Mapping[str, int]
    formats: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """All findings of a data set.

    Attributes:
        trains: whether `train` takes it as it is.
        trains_with_skip_bad: whether `train --skip-bad` does.
    """

    splits: Mapping[Split, SplitSummary]
    findings: tuple[Finding, ...]
    trains: bool
    trains_with_skip_bad: bool


@dataclass(frozen=True)
class _Seen:
    """A readable image: its file, its pixels' digest, and the hashes of it and of its mirror image."""

    split: Split
    name: str
    stored: Stored
    digest: str
    hashes: tuple[duplicates.Hash, duplicates.Hash]


def check(dataset: DataSet, progress: Progress | None = None) -> Report:
    """Decode all images of a data set and report.

    Args:
        progress: called after each image.
    """
    listed = {split: _listed(dataset.root / split) for split in SPLITS}
    total = sum(map(len, listed.values()))
    findings: list[Finding] = []
    seen: list[_Seen] = []
    done = 0
    for split in SPLITS:
        findings += _of_folder(dataset.root / split, split, listed[split])
        for path in listed[split]:
            try:
                seen.append(_see(split, path))
            except DataError as error:
                findings.append(_unreadable(split, path, error))
            done += 1
            if progress is not None:
                progress(done, total)
        findings += _of_modes(split, [image for image in seen if image.split == split])
    findings += _of_content(seen)
    if dataset.dial is None:  # a dial's scenes are alike by design, and all are drawn apart
        findings += _of_likeness(seen)
    readable = Counter(image.split for image in seen)
    return Report(
        {split: _summary([i for i in seen if i.split == split], len(listed[split])) for split in SPLITS},
        tuple(findings),
        not any(finding.stops_training for finding in findings),
        readable["trainA"] > 0 and readable["trainB"] > 0,
    )


def check_training_images(
    dataset: DataSet, skip_bad: bool = False, progress: Progress | None = None
) -> tuple[dict[str, list[Path]], list[str]]:
    """Decode every training image, as `train` does before its first step.

    Args:
        skip_bad: leave unreadable images out instead of raising an error.
        progress: called after each image.
    Returns:
        The readable images of "trainA" and "trainB", and the relative names ("trainA/7.png") of the unreadable ones.
    Raises:
        DataError: a split is missing or empty; an image is unreadable; or, with skip_bad, all images of a split are.
    """
    listed = {split: dataset.split(split) for split in TRAIN.values()}
    total, done = sum(map(len, listed.values())), 0
    readable: dict[str, list[Path]] = {split: [] for split in listed}
    skipped: list[str] = []
    for split, paths in listed.items():
        for path in paths:
            try:
                read_image(path)
            except DataError as error:
                if not skip_bad:
                    raise DataError(f"{str(error).rstrip('.')}, or give --skip-bad.") from error
                skipped.append(f"{split}/{path.name}")
            else:
                readable[split].append(path)
            done += 1
            if progress is not None:
                progress(done, total)
        if not readable[split]:
            raise DataError(f"{dataset.root / split}: none of its {len(paths)} images is readable; replace them.")
    return readable, skipped


def _listed(folder: Path) -> list[Path]:
    return (
        sorted((path for path in folder.iterdir() if is_image(path)), key=lambda p: p.name) if folder.is_dir() else []
    )


def _see(split: Split, path: Path) -> _Seen:
    image, stored = inspect_image(path)
    digest = hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()
    return _Seen(split, f"{split}/{path.name}", stored, digest, duplicates.hashes(image))


def _of_folder(folder: Path, split: Split, images: list[Path]) -> Iterator[Finding]:
    """What the folder's listing tells, before any file is opened."""
    training = split.startswith("train")
    if not images:
        kind: Kind = "empty" if folder.is_dir() else "missing"
        found = "the folder holds no image" if folder.is_dir() else "there is no such folder"
        action = "training refuses; put images in it" if training else f"nothing is scored against {split}"
        yield Finding(kind, (split,), (), found, action, training)
    if not folder.is_dir():
        return
    stray = sorted(path.name for path in folder.iterdir() if path not in images and not path.name.startswith("."))
    if stray:
        yield Finding("stray", (split,), _names(split, stray), "no image files by their suffix", "passed over")
    stems: dict[str, list[str]] = {}
    for path in images:
        stems.setdefault(path.stem, []).append(path.name)
    for same in stems.values():
        if len(same) > 1 and not training:
            action = "translate and eval refuse two images of one stem; rename one"
            yield Finding("stem", (split,), _names(split, same), "names that differ in the suffix alone", action)


def _unreadable(split: Split, path: Path, error: DataError) -> Finding:
    training = split.startswith("train")
    found = str(error).removeprefix(f"{path}: ").partition("; ")[0]
    action = "training refuses, or leaves it out with --skip-bad" if training else "eval refuses; replace or remove it"
    return Finding("unreadable", (split,), (f"{split}/{path.name}",), found, action, training)


_MODES: tuple[tuple[str, str, Callable[[Stored], bool]], ...] = (
    ("16 bits a channel", "scaled to 8 bits", lambda s: ";16" in s.mode or s.mode == "I"),
    ("transparent", "laid over white", lambda s: s.alpha),
    ("grey", "gets three equal channels", lambda s: s.mode.partition(";")[0] in ("1", "L", "LA", "I")),
    ("a palette", "becomes RGB", lambda s: s.mode == "P"),
    ("CMYK", "becomes RGB, without its colour profile", lambda s: s.mode == "CMYK"),
    ("turned by EXIF", "turned upright", lambda s: s.turned),
)


def _of_modes(split: Split, images: list[_Seen]) -> Iterator[Finding]:
    """What becomes of images that are not square 8-bit RGB."""
    for found, action, applies in _MODES:
        files = tuple(image.name for image in images if applies(image.stored))
        if files:
            yield Finding("mode", (split,), files, found, action)
    oblong = tuple(image.name for image in images if image.stored.width != image.stored.height)
    if oblong:
        yield Finding("shape", (split,), oblong, "not square", "squashed to a square")


def _of_content(images: list[_Seen]) -> Iterator[Finding]:
    """Images of equal pixels: in one split, in train and test, or in both domains."""
    groups: dict[str, list[_Seen]] = {}
    for image in images:
        groups.setdefault(image.digest, []).append(image)
    for group in groups.values():
        by_split: dict[Split, list[str]] = {}
        for image in group:
            by_split.setdefault(image.split, []).append(image.name)
        for split, copies in by_split.items():
            if len(copies) > 1:
                yield Finding("duplicate", (split,), tuple(copies), "equal pixels", "all are used; remove all but one")
        files = tuple(image.name for image in group)
        splits = tuple(by_split)
        if any(split.startswith("train") for split in splits) and any(split.startswith("test") for split in splits):
            yield Finding("leak", splits, files, "equal pixels in train and test", _LEAK)
        elif len(splits) > 1:
            yield Finding("both-domains", splits, files, "equal pixels in A and B", "all are used; sort them anew")


_LEAK = "all are used, so scores are of an image that was trained on; remove it from one"


def _of_likeness(images: list[_Seen]) -> Iterator[Finding]:
    """Near-duplicates in a split and between a domain's train and test; each image with its nearest one alone."""
    for domain in "AB":
        train, test = ([i for i in images if i.split == f"{kind}{domain}"] for kind in ("train", "test"))
        yield from _alike("near-duplicate", train, None, "both are used; look at both, and remove one if they are one")
        yield from _alike("near-duplicate", test, None, "both are used; look at both, and remove one if they are one")
        yield from _alike("near-leak", test, train, "both are used; look at both, and remove one if that is a leak")


def _alike(kind: Kind, ours: list[_Seen], others: list[_Seen] | None, action: str) -> Iterator[Finding]:
    """The images of `ours` that have a near one of other pixels, the nearest pair first."""
    targets = ours if others is None else others
    found = duplicates.pairs([one.hashes for one in ours], None if others is None else [one.hashes for one in others])
    for i, j, bits in sorted(found, key=lambda pair: pair[2]):
        if ours[i].digest != targets[j].digest:
            splits = (ours[i].split,) if others is None else (targets[j].split, ours[i].split)
            text = f"{bits} of {duplicates.BITS} bits of their hashes differ"
            yield Finding(kind, splits, (targets[j].name, ours[i].name), text, action)


def _summary(images: list[_Seen], total: int) -> SplitSummary:
    stored = [image.stored for image in images]
    return SplitSummary(
        total,
        len(images),
        _counted(f"{one.width}x{one.height}" for one in stored),
        _counted(one.mode for one in stored),
        _counted(one.format for one in stored),
    )


def _counted(values: Iterator[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _names(split: Split, names: list[str]) -> tuple[str, ...]:
    return tuple(f"{split}/{name}" for name in names)
