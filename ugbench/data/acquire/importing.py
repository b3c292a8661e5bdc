"""Imports an archive or a folder into the data root: `plan_import` decides what to write, `carry_out` writes it.

Which layouts are recognised is described in ugbench.data.acquire.layouts. Files are copied byte by byte. The name says
which domain is A: if a data set called x2y is imported as y2x, A and B change places.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path, PurePosixPath

from ugbench.data.acquire import archives, catalog, layouts
from ugbench.data.acquire.archives import SourceFile
from ugbench.data.acquire.placing import check_name, place_dataset
from ugbench.data.acquire.walking import count_broken_links, is_hidden, walk_folder
from ugbench.data.dataset_json import DATASET_JSON, LARGEST, Statements, parse_statements, write_statements
from ugbench.data.folders import describe_passed_over, name_some, why_name_is_passed_over
from ugbench.data.images import KINDS, has_image_suffix
from ugbench.data.pairs import without_partner
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import SPLITS, TEST, TRAIN, Split, split_called
from ugbench.errors import DataError

_SWAPPED: dict[Split, Split] = {pair[a]: pair[b] for pair in (TRAIN, TEST) for a, b in ("AB", "BA")}


@dataclass(frozen=True)
class ImportPlan:
    """What an import will write.

    Attributes:
        source: the archive or folder.
        name: name of the data set.
        files: for each split, the new file name of each image in the source, in the source's order.
        layout: "folders", "lists", or "folders and lists".
        swapped: True if A and B change places.
        size: size of all images in bytes.
        notes: sentences that a user should read.
        paired: True if the new data set is to state that its test images of equal stems are pairs.
    """

    source: Path
    name: str
    files: Mapping[Split, Mapping[PurePosixPath, str]]
    layout: str
    swapped: bool
    size: int
    notes: tuple[str, ...]
    paired: bool = False

    def counts(self) -> dict[str, int]:
        """Number of images of each split."""
        return {split: len(self.files.get(split, ())) for split in SPLITS}


def plan_import(source: Path, name: str | None = None, paired: bool = False) -> ImportPlan:
    """Decide what an import of an archive or a folder would write. Nothing is written.

    Args:
        name: name for the data set; None takes the recognised name.
        paired: test images of equal stems are pairs; a dataset.json beside the splits can state that, too.
    Raises:
        DataError: there is no source, the archive is refused or damaged, no layout is recognised, a split is in two
            places, the name cannot be a folder's, or test images that should be pairs have no partner.
    """
    contents = (
        sorted(walk_folder(source), key=lambda file: file.name) if source.is_dir() else archives.list_files(source)
    )
    files = [file for file in contents if not is_hidden(file.name)]
    images = [file for file in files if has_image_suffix(file.name)]
    if not images:
        content = f"{len(files)} files and no image among them" if files else "no file"
        raise DataError(f"{source}: holds {content}; name an archive or a folder with files of these kinds: {KINDS}.")
    folders = layouts.find_folders(source, images)
    lists = layouts.find_lists(source, files, images, set(folders.images))
    by_split: dict[Split, list[PurePosixPath]] = {**folders.images, **lists.images}
    if not by_split:
        raise DataError(f"{source}: {layouts.describe_unknown(images)}")
    parent = (folders if folders.images else lists).parent
    original_name = _original_name(source, parent)
    known = catalog.recognise(original_name)
    new_name = name or (known.name if known else original_name)
    check_name(new_name, f"{source}: its name '{new_name}'" if name is None else f"--name {name}")
    domains = original_name.lower().split("2")
    swapped = len(domains) == 2 and "2".join(reversed(domains)) == new_name.lower()
    new_names = {
        _SWAPPED[split] if swapped else split: _new_names(source, split, by_split[split])
        for split in SPLITS
        if split in by_split
    }
    sizes = {image.name: image.size for image in images}
    states_pairs = _states_pairs(source, parent, files)
    plan = ImportPlan(
        source,
        new_name,
        new_names,
        layout=" and ".join(word for word, part in (("folders", folders), ("lists", lists)) if part.images),
        swapped=swapped,
        size=sum(sizes[image] for paths in by_split.values() for image in paths),
        notes=(),
        paired=paired or states_pairs,
    )
    _check_pairs(plan)
    notes = [*_notes(plan), *lists.notes]
    left_out = [image for image in sizes if not any(image in paths for paths in new_names.values())]
    if left_out:
        notes.append(f"{len(left_out)} images are in no split and are left out, as {left_out[0]}.")
    read = {*sizes, parent / DATASET_JSON} if states_pairs else set(sizes)
    reasons = Counter(_passed_over(source, contents, read))
    if reasons:
        notes.append(f"passed over: {describe_passed_over(reasons)}.")
    return replace(plan, notes=tuple(notes))


def carry_out(plan: ImportPlan, data_root: Path, progress: Progress | None = None) -> Path:
    """Write the images of a plan into the data root, completely or not at all, and return the new folder.

    Args:
        progress: called after each image.
    Raises:
        DataError: the name is taken, the disk is full or cannot be written, or a file cannot be read.
    """
    return place_dataset(
        data_root, plan.name, str(plan.source), plan.size, lambda folder: _write(plan, folder, progress)
    )


def _write(plan: ImportPlan, folder: Path, progress: Progress | None) -> None:
    targets: dict[PurePosixPath, list[Path]] = {}
    folder.mkdir()
    write_statements(folder, Statements(pairs=plan.paired))
    for split, names in plan.files.items():
        (folder / split).mkdir(parents=True)
        for image, new in names.items():
            targets.setdefault(image, []).append(folder / split / new)
    if not plan.source.is_dir():
        archives.extract(plan.source, targets, progress)
        return
    for image, paths in tracked(targets.items(), len(targets), progress):
        for path in paths:
            shutil.copyfile(plan.source / image, path)


def _passed_over(source: Path, contents: Sequence[SourceFile], read: set[PurePosixPath]) -> Iterator[str]:
    """Why the other files are not imported: all but images, a dataset.json and the lists of splits."""
    for file in contents:
        is_list = file.name.suffix.lower() == ".txt" and split_called(file.name.stem) is not None
        if file.name not in read and not is_list:
            yield "hidden file" if is_hidden(file.name) else why_name_is_passed_over(file.name)
    if source.is_dir():
        yield from repeat("broken link", count_broken_links(source))


def _original_name(source: Path, parent: PurePosixPath) -> str:
    """The name that the data set came with: that of the folder with the splits, or that of the archive or folder.

    The folder with the splits goes first, unless only the other name is a published data set's.
    """
    outer, inner = source.resolve().name, parent.name
    if not source.is_dir():
        outer = re.sub(r"(\.tar)?\.[A-Za-z0-9]+$", "", outer)
    return inner if inner and (catalog.recognise(inner) or not catalog.recognise(outer)) else outer


def _new_names(source: Path, split: Split, images: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
    """The file name of each image; if two are equal, all images also get their folders' names, joined by _."""
    names = {image: image.name for image in images}
    if len(set(names.values())) < len(images):
        names = {image: "_".join(image.parts) for image in images}
    if len(set(names.values())) < len(images):
        raise DataError(f"{source}: two images of {split} would get the same name; rename one of them.")
    return names


def _states_pairs(source: Path, parent: PurePosixPath, files: Sequence[SourceFile]) -> bool:
    """True if there is a dataset.json beside the splits that states pairs."""
    statements = [file for file in files if file.name == parent / DATASET_JSON and file.size <= LARGEST]
    return any(parse_statements(layouts.read_text(source, file), f"{source}: {file.name}").pairs for file in statements)


def _check_pairs(plan: ImportPlan) -> None:
    """Raise DataError if the test images are to be pairs, and one has no partner."""
    if not plan.paired:
        return
    names: dict[str, list[PurePosixPath]] = {
        split: [PurePosixPath(name) for name in plan.files.get(split, {}).values()] for split in TEST.values()
    }
    for split, paths in names.items():
        if len({path.stem for path in paths}) < len(paths):
            raise DataError(f"{plan.source}: two images of {split} have one stem, so their partner is not clear.")
    if alone := without_partner(names):
        raise DataError(
            f"{plan.source}: {len(alone)} test images have no partner of the same stem in the other domain "
            f"({name_some(alone)}), so they are no pairs; add or rename the partners, or import without pairs."
        )


def _notes(plan: ImportPlan) -> Iterator[str]:
    if plan.swapped:
        yield f"A and B change places, as {plan.name} says."
    known = catalog.find(plan.name)
    paper = known.images if known else None
    counts = plan.counts()
    for split, count in counts.items():
        if paper and count != paper[split]:
            yield f"{split} has {count} images where the paper has {paper[split]}."
        elif count == 0:
            use = "training needs it" if split.startswith("train") else "scores need it"
            yield f"there is no {split}; {use}."
    if known and known.note and counts != paper:
        yield f"Counts of {plan.name} disagree in print: {known.note}."
