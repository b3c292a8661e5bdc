"""Check of a data set: a report of what is odd in all of it. `ugbench.data.training_images` guards training.

Copies are images with equal pixels after `read_image`, whatever the names and formats of their files. Near-duplicates
are images that look alike (ugbench.data.duplicates), also if one of them is mirrored, because training mirrors images.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ugbench.data import duplicates
from ugbench.data.brightness import describe_narrow, is_narrow
from ugbench.data.datasets import DataSet
from ugbench.data.folders import describe_passed_over, why_passed_over
from ugbench.data.images import ImageHeader, UnreadableImage, inspect_image
from ugbench.data.pairs import without_partner
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import SPLITS, TEST, TRAIN, Split

Kind = Literal[
    "missing", "empty", "unreadable", "stray", "stem", "shape", "mode", "duplicate", "near-duplicate",
    "leak", "near-leak", "both-domains", "range", "pair",
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One odd thing in a data set.

    Attributes:
        kind: the kind of finding.
        splits: the splits that it concerns.
        files: relative names ("trainA/7.png") of the files; all copies of one image are in one finding.
        found: what was found, for a reader.
        action: what ugbench does about it, and how to fix it if that is needed.
        stops_training: True if `train` refuses the data set because of it.
    """

    kind: Kind
    splits: tuple[Split, ...]
    files: tuple[str, ...]
    found: str
    action: str
    stops_training: bool = False


@dataclass(frozen=True)
class SplitSummary:
    """The images of a split in numbers.

    Attributes:
        images: number of image files.
        readable: number of them that can be decoded.
        sizes, modes, formats: number of readable images by size ("64x48"), mode and format, the commonest first.
    """

    images: int
    readable: int
    sizes: Mapping[str, int]
    modes: Mapping[str, int]
    formats: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """The result of `check`.

    Attributes:
        splits: the images of each split in numbers.
        findings: what is odd; empty if nothing is.
        trains: True if `train` accepts the data set as it is.
        trains_with_skip_bad: True if `train --skip-bad` accepts it.
    """

    splits: Mapping[Split, SplitSummary]
    findings: tuple[Finding, ...]
    trains: bool
    trains_with_skip_bad: bool


@dataclass(frozen=True)
class _Image:
    """A readable image: its file, the SHA-256 of its pixels, and what its near-duplicates are found by.

    `narrow` is True if it uses little of its range (`ugbench.data.brightness`).
    """

    split: Split
    name: str
    header: ImageHeader
    digest: str
    appearance: duplicates.Appearance
    narrow: bool


def check(dataset: DataSet, progress: Progress | None = None) -> Report:
    """Decode each image of a data set once and report what is odd.

    Args:
        progress: called after each image.
    """
    files = {split: dataset.split(split) if dataset.has(split) else [] for split in SPLITS}
    by_split: dict[Split, list[_Image]] = {split: [] for split in SPLITS}
    unreadable: dict[Split, list[Finding]] = {split: [] for split in SPLITS}
    for split, path in _tracked(files, progress):
        try:
            by_split[split].append(_read(split, path))
        except UnreadableImage as error:
            unreadable[split].append(_unreadable(split, path, error))
    findings: list[Finding] = []
    for split, images in by_split.items():
        findings += _folder_findings(dataset.folder(split), split, files[split])
        findings += unreadable[split]
        findings += _conversion_findings(split, images)
        findings += _range_finding(split, images)
    if dataset.paired:
        findings += _pair_findings({split: files[split] for split in TEST.values()})
    findings += _copy_findings([image for images in by_split.values() for image in images])
    if dataset.dial is None:  # all scenes of a dial look alike, and each is drawn once
        findings += _near_duplicate_findings(by_split)
    return Report(
        {split: _summary(images, len(files[split])) for split, images in by_split.items()},
        tuple(findings),
        not any(finding.stops_training for finding in findings),
        all(by_split[split] for split in TRAIN.values()),
    )


def _tracked(files: Mapping[Split, list[Path]], progress: Progress | None) -> Iterator[tuple[Split, Path]]:
    """Each file with its split; `progress` is called after each."""
    pairs = [(split, path) for split, paths in files.items() for path in paths]
    return tracked(pairs, len(pairs), progress)


def _read(split: Split, path: Path) -> _Image:
    image, header = inspect_image(path)
    digest = hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()
    return _Image(
        split, f"{split}/{path.name}", header, digest, duplicates.appearance_of(image), is_narrow(image, header)
    )


def _folder_findings(folder: Path, split: Split, images: list[Path]) -> Iterator[Finding]:
    """What the names of a folder's files show, before any file is opened."""
    training = split.startswith("train")
    if not images:
        kind: Kind = "empty" if folder.is_dir() else "missing"
        problem = "the folder holds no image" if folder.is_dir() else "there is no such folder"
        action = "training refuses; put images in it" if training else f"nothing is scored against {split}"
        yield Finding(kind, (split,), (), problem, action, training)
    others = {path for path in folder.glob("*") if not path.name.startswith(".")}.difference(images)
    stray = tuple(sorted(f"{split}/{path.name}" for path in others))
    if stray:
        content = f"no images: {describe_passed_over(Counter(map(why_passed_over, others)))}"
        yield Finding("stray", (split,), stray, content, "ignored")
    stems: dict[str, list[str]] = {}
    for path in images:
        stems.setdefault(path.stem, []).append(f"{split}/{path.name}")
    for names in stems.values():
        if len(names) > 1 and not training:
            action = "translate and eval refuse two images with the same stem; rename one"
            yield Finding("stem", (split,), tuple(names), "names that differ only in the suffix", action)


def _unreadable(split: Split, path: Path, error: UnreadableImage) -> Finding:
    training = split.startswith("train")
    action = "training refuses, or leaves it out with --skip-bad" if training else "eval refuses; replace or remove it"
    return Finding("unreadable", (split,), (f"{split}/{path.name}",), error.reason, action, training)


def _pair_findings(files: Mapping[str, list[Path]]) -> Iterator[Finding]:
    """Test images without a partner, in a data set that states pairs; a missing folder is a finding of its own."""
    alone = tuple(without_partner(files)) if all(files.values()) else ()
    if alone:
        action = "eval refuses to compare with the truth; add or rename the partners, or remove these images"
        yield Finding("pair", tuple(TEST.values()), alone, "no image of the same stem in the other domain", action)


def _range_finding(split: Split, images: list[_Image]) -> Iterator[Finding]:
    narrow = tuple(image.name for image in images if image.narrow)
    problem = describe_narrow(len(narrow), len(images))
    if problem is not None:
        action = "used as they are, nearly flat; if 16-bit files hold fewer bits, scale these to 16 bits or save 8 bits"
        yield Finding("range", (split,), narrow, problem, action)


_CONVERSIONS: tuple[tuple[Kind, str, str, Callable[[ImageHeader], bool]], ...] = (
    ("mode", "16 bits per channel", "scaled to 8 bits", lambda header: ";16" in header.mode or header.mode == "I"),
    ("mode", "transparent", "laid over white", lambda header: header.alpha),
    (
        "mode",
        "grey",
        "gets three equal channels",
        lambda header: header.mode.split(";")[0] in ("1", "L", "LA", "La", "I"),
    ),
    ("mode", "a palette", "becomes RGB", lambda header: header.mode in ("P", "PA")),
    ("mode", "Lab colours", "become RGB", lambda header: header.mode == "LAB"),
    ("mode", "CMYK", "becomes RGB, without its colour profile", lambda header: header.mode == "CMYK"),
    ("mode", "turned by EXIF", "turned upright", lambda header: header.turned),
    (
        "shape",
        "not square",
        "squashed to the size of a run, unless --fit is crop or pad",
        lambda header: header.width != header.height,
    ),
)


def _conversion_findings(split: Split, images: list[_Image]) -> Iterator[Finding]:
    """How images that are not square, upright 8-bit RGB are converted."""
    for kind, problem, action, applies in _CONVERSIONS:
        files = tuple(image.name for image in images if applies(image.header))
        if files:
            yield Finding(kind, (split,), files, problem, action)


def _copy_findings(images: list[_Image]) -> Iterator[Finding]:
    """Images with equal pixels: in one split, in train and test, or in both domains."""
    groups: dict[str, list[_Image]] = {}
    for image in images:
        groups.setdefault(image.digest, []).append(image)
    for group in groups.values():
        splits = tuple(dict.fromkeys(image.split for image in group))
        for split in splits:
            copies = tuple(image.name for image in group if image.split == split)
            if len(copies) > 1:
                yield Finding("duplicate", (split,), copies, "equal pixels", "all are used; remove all but one")
        files = tuple(image.name for image in group)
        if {"train", "test"} == {split[:-1] for split in splits}:
            yield Finding("leak", splits, files, "equal pixels in train and test", _LEAK)
        elif len(splits) > 1:
            yield Finding("both-domains", splits, files, "equal pixels in A and B", "all are used; sort them again")


_LEAK = "all are used, so an image that was trained on is also scored; remove it from one split"
_NEAR_DUPLICATE = "both are trained on; compare them, and remove one if they show the same image"
_NEAR_DUPLICATE_TEST = "one of them is scored; compare them, and remove one if they show the same image"
_NEAR_LEAK = "both are used; compare them, and remove one if the same image is trained on and scored"


def _near_duplicate_findings(images: Mapping[Split, list[_Image]]) -> Iterator[Finding]:
    """Near-duplicates within a split, and between train and test of a domain; each image with its most similar one."""
    for domain in "AB":
        train, test = images[TRAIN[domain]], images[TEST[domain]]
        yield from _near_pairs("near-duplicate", train, None, _NEAR_DUPLICATE)
        yield from _near_pairs("near-duplicate", test, None, _NEAR_DUPLICATE_TEST)
        yield from _near_pairs("near-leak", test, train, _NEAR_LEAK)


def _near_pairs(kind: Kind, images: list[_Image], others: list[_Image] | None, action: str) -> Iterator[Finding]:
    """Pairs of near-duplicates with different pixels, the most similar pair first."""
    targets = images if others is None else others
    pairs = duplicates.near_duplicates(
        [image.appearance for image in images], None if others is None else [image.appearance for image in others]
    )
    for i, j, bits in sorted(pairs, key=lambda pair: pair[2]):
        image, target = images[i], targets[j]
        if image.digest != target.digest:
            splits = (image.split,) if others is None else (target.split, image.split)
            text = f"{bits} of {duplicates.BITS} bits of their hashes differ"
            yield Finding(kind, splits, (target.name, image.name), text, action)


def _summary(images: list[_Image], total: int) -> SplitSummary:
    headers = [image.header for image in images]
    return SplitSummary(
        total,
        len(images),
        _count(f"{header.width}x{header.height}" for header in headers),
        _count(header.mode for header in headers),
        _count(header.format for header in headers),
    )


def _count(values: Iterator[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
