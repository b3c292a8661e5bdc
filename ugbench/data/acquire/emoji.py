"""A data set of two families of emoji, which draw the same ideas: unpaired to train with, and yet with true test pairs.

`plan_emoji` reads two packages and decides what to write, `carry_out` writes it. A package is an archive, or its
unpacked folder, of one of two layouts:

- emoji-datasource-FAMILY of npm: `img/FAMILY/64/CODES.png`, and `emoji.json`, which lists the ideas;
- any other with images called by their code points, as OpenMoji's archive of 72 px (`1F600.png`).

At least one of the two must have an emoji.json. Flags are left out, because families hardly differ in them, and so are
the bare skin tones of the category Component and the variants of an idea in other skin tones. No idea is in two of
trainA, trainB and the test images. Ideas whose drawings are near-duplicates, such as clocks, stay together, because a
translator that was trained on the first one has seen the second.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from ugbench.data.acquire import archives
from ugbench.data.acquire.archives import SourceFile
from ugbench.data.acquire.holdout import choose_test_images
from ugbench.data.acquire.pairing import joined
from ugbench.data.acquire.placing import check_name, place_dataset
from ugbench.data.acquire.walking import is_hidden, walk_folder
from ugbench.data.clusters import clusters
from ugbench.data.dataset_json import Statements, write_statements
from ugbench.data.duplicates import appearance_of
from ugbench.data.images import UnreadableImage, read_bytes, read_image
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import SPLITS, TEST, TRAIN, Split
from ugbench.errors import DataError

TEST_PAIRS = 150  # the default
CREDITS = "CREDITS.md"
_LIST, _SIDE = "emoji.json", "64"
_LEFT_OUT = ("Flags", "Component")  # categories
_CODES = re.compile(r"[0-9a-f]{2,6}(?:-[0-9a-f]{2,6})*", re.IGNORECASE)
_LICENCES = {
    "google": "Noto Emoji, by Google and contributors: Apache License 2.0, https://github.com/googlefonts/noto-emoji",
    "twitter": "Twemoji, by Twitter and contributors: CC BY 4.0, https://github.com/jdecked/twemoji",
    "openmoji": "OpenMoji, by HfG Schwaebisch Gmuend and contributors: CC BY-SA 4.0, https://openmoji.org",
}


@dataclass(frozen=True)
class Family:
    """The drawings of one package.

    Attributes:
        source: the archive or folder.
        name: of the family, as the package calls it: google.
        digest: SHA-256 of the archive in hex; None for a folder.
        images: the RGB image of each idea, laid over white.
    """

    source: Path
    name: str
    digest: str | None
    images: Mapping[str, Image.Image]


@dataclass(frozen=True)
class EmojiPlan:
    """What will be written.

    Attributes:
        name: name of the data set.
        families: those of domain A and of domain B.
        ideas: for each split, the ideas whose drawings are in it, sorted. Those of testA and testB are the same.
        notes: sentences that a user should read.
    """

    name: str
    families: tuple[Family, Family]
    ideas: Mapping[Split, Sequence[str]]
    notes: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Number of images of each split."""
        return {split: len(ideas) for split, ideas in self.ideas.items()}


def plan_emoji(
    sources: tuple[Path, Path], name: str, test: int = TEST_PAIRS, progress: Progress | None = None
) -> EmojiPlan:
    """Read two families and decide which of their images go where. Nothing is written.

    The choice depends on the code points of the ideas and on which drawings are alike, and on nothing else.

    Args:
        sources: the packages of domain A and of domain B.
        name: for the data set.
        test: number of test pairs.
        progress: called after each image that was read.
    Raises:
        DataError: a package does not exist, is damaged or refused, or has no such layout; none lists the ideas; an
            image cannot be read; the name cannot be a data set's; or too few ideas are left to train with.
    """
    check_name(name, f"--name {name}")
    for source in sources:
        if not source.exists():
            raise DataError(f"--from {source}: no such file or folder; name the package of a family of emoji.")
    files = [_list(source) for source in sources]
    drawings = [_find_drawings(source, listing) for source, listing in zip(sources, files, strict=True)]
    ideas = sorted(_read_ideas(sources, files) & set(drawings[0][1]) & set(drawings[1][1]))
    if len(ideas) < test + 2:
        raise DataError(
            f"--test {test}: {sources[0]} and {sources[1]} have {len(ideas)} ideas in common, and each domain needs "
            "one to train with; give a smaller number, or other packages."
        )
    count = 0

    def done() -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(count, 2 * len(ideas))

    families = []
    for source, (family, by_idea) in zip(sources, drawings, strict=True):
        digest = None if source.is_dir() else hashlib.sha256(source.read_bytes()).hexdigest()
        images = _read_images(source, {idea: by_idea[idea] for idea in ideas}, done)
        families.append(Family(source, family, digest, images))
    groups = joined(*(clusters([appearance_of(family.images[idea]) for idea in ideas]) for family in families))
    split = _split(ideas, groups, test)
    notes = []
    if len(split["testA"]) < test:
        notes.append(f"{len(split['testA'])} test pairs in place of {test}, so that near-duplicates stay together.")
    return EmojiPlan(name, (families[0], families[1]), split, tuple(notes))


def carry_out(plan: EmojiPlan, data_root: Path, progress: Progress | None = None) -> Path:
    """Write the images of a plan into the data root, completely or not at all, and return the new folder.

    Beside them are a dataset.json, which states the pairs, and CREDITS.md, with the origin and licence of the drawings.

    Args:
        progress: called after each image.
    Raises:
        DataError: the name is taken, or the disk is full or cannot be written.
    """
    source = " and ".join(str(family.source) for family in plan.families)
    size = sum(image.width * image.height * 3 for family in plan.families for image in family.images.values())
    return place_dataset(data_root, plan.name, source, size, partial(_write, plan, progress))


def _write(plan: EmojiPlan, progress: Progress | None, folder: Path) -> None:
    folder.mkdir()
    for split in SPLITS:
        (folder / split).mkdir()
    files = [(split, idea) for split in SPLITS for idea in plan.ideas[split]]
    for split, idea in tracked(files, len(files), progress):
        plan.families["AB".index(split[-1])].images[idea].save(folder / split / f"{idea}.png")
    write_statements(folder, Statements(pairs=True))
    (folder / CREDITS).write_text("\n".join(_credits(plan)) + "\n", encoding="utf-8")


def _credits(plan: EmojiPlan) -> Iterator[str]:
    yield "# Whose drawings these are\n"
    yield f"{plan.name} was made by `ugbench data make emoji`. Transparency is laid over white."
    for domain, family in zip("AB", plan.families, strict=True):
        unknown = f"the family {family.name}: its package says under which licence its images may be used"
        origin = f"From {family.source.name}" + (f", SHA-256 {family.digest}." if family.digest else ".")
        yield f"\nDomain {domain}: {_LICENCES.get(family.name, unknown)}.\n{origin}"


def _split(ideas: Sequence[str], groups: Sequence[int], test: int) -> dict[Split, list[str]]:
    """The ideas of each split: whole groups, and a random choice that depends on the names of the ideas alone."""
    keys = [hashlib.sha256(idea.encode()).hexdigest() for idea in ideas]
    tested = choose_test_images(keys, groups, test)
    rest = [place for place in range(len(ideas)) if place not in tested]
    half = choose_test_images([keys[place] for place in rest], [groups[place] for place in rest], len(rest) // 2)
    chosen = {rest[place] for place in half}
    of_test = [ideas[place] for place in sorted(tested)]
    return {
        TRAIN["A"]: [ideas[place] for place in sorted(chosen)],
        TRAIN["B"]: [ideas[place] for place in rest if place not in chosen],
        TEST["A"]: of_test,
        TEST["B"]: of_test,
    }


def _list(source: Path) -> list[SourceFile]:
    files = walk_folder(source) if source.is_dir() else archives.list_files(source)
    return [file for file in files if not is_hidden(file.name)]


def _find_drawings(source: Path, files: Sequence[SourceFile]) -> tuple[str, dict[str, PurePosixPath]]:
    """The family's name, and the file of each idea."""
    named = [file.name for file in files if file.name.suffix.lower() == ".png" and _CODES.fullmatch(file.name.stem)]
    of_datasource = [name for name in named if name.parts[-4:-3] == ("img",) and name.parent.name == _SIDE]
    drawings = of_datasource or named
    folders = {name.parent for name in drawings}
    if not drawings:
        raise DataError(
            f"--from {source}: has no images called by code points, such as 1f600.png; name a package "
            "emoji-datasource-… of npm, or an archive of OpenMoji's images of 72 px."
        )
    if len(folders) > 1:
        some = " and ".join(sorted(map(str, folders))[:2])
        raise DataError(f"--from {source}: has images in {some}; unpack it, and name one of the folders.")
    if of_datasource:
        family = of_datasource[0].parts[-3]
    else:
        family = "openmoji" if "openmoji" in source.name.lower() else source.stem
    return family, {_idea(name.stem): name for name in drawings}


def _idea(codes: str) -> str:
    """The code points of an idea in one form: packages write small or capital letters, and FE0F or not."""
    return "-".join(code for code in codes.lower().split("-") if code != "fe0f")


def _read_ideas(sources: Sequence[Path], files: Sequence[Sequence[SourceFile]]) -> set[str]:
    """The ideas that the first package with a list of them lists, without those of `_LEFT_OUT`."""
    for source, listing in zip(sources, files, strict=True):
        for file in listing:
            if file.name.name == _LIST:
                return _parse_ideas(_text(source, file.name), f"--from {source}: {file.name}")
    raise DataError(
        f"--from {sources[0]},{sources[1]}: neither has an {_LIST}, which lists the ideas; give a package "
        "emoji-datasource-… of npm as one of them."
    )


def _parse_ideas(text: str, where: str) -> set[str]:
    try:
        entries: list[dict[str, Any]] = json.loads(text)
        return {_idea(entry["unified"]) for entry in entries if entry["category"] not in _LEFT_OUT}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(
            f"{where}: is no list of emoji with their code points (unified) and categories; download the package again."
        ) from None


def _text(source: Path, name: PurePosixPath) -> str:
    if source.is_dir():
        return archives.decode(read_bytes(source / name), str(source / name))
    return archives.read_text(source, name)


def _read_images(source: Path, names: Mapping[str, PurePosixPath], done: Callable[[], None]) -> dict[str, Image.Image]:
    images = {}
    with _unpacked(source, names) as files:
        for idea, file in files.items():
            try:
                images[idea] = read_image(file)
            except UnreadableImage as error:
                where = f"--from {source}: {names[idea]}"
                raise DataError(f"{where}: {error.reason}; download the package again.") from None
            done()
    return images


@contextmanager
def _unpacked(source: Path, names: Mapping[str, PurePosixPath]) -> Iterator[dict[str, Path]]:
    """The path of each idea's file, in a temporary folder if the package is an archive."""
    if source.is_dir():
        yield {idea: source / name for idea, name in names.items()}
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = {idea: Path(folder) / f"{idea}.png" for idea in names}
        archives.extract(source, {name: [paths[idea]] for idea, name in names.items()})
        yield paths
