"""From what a user downloaded, an archive or a folder, to a data set in the data root.

Known shapes:

- Folders: trainA, trainB, testA and testB at any depth, as in the archives of CycleGAN, DRIT and U-GAT-IT; their
  names may also be written train_a, train/A or A/train. Only images right in such a folder count.
- Lists, for a split without such a folder: a text file trainA.txt, train_a.txt or list_trainA.txt names one image
  a line, from the text file's own folder, or by a file name that only one image has. Empty lines and lines that
  begin with # are passed over.

Files are copied byte by byte. Which of A and B is which follows the name: a data set of the name x2y that is
imported as y2x is turned round.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ugbench.data.acquire import archives, catalog, layouts
from ugbench.data.acquire.archives import Entry
from ugbench.data.images import SUFFIXES, Progress
from ugbench.data.splits import SPLITS, Split
from ugbench.errors import DataError

_TURNED: dict[Split, Split] = {"trainA": "trainB", "trainB": "trainA", "testA": "testB", "testB": "testA"}


@dataclass(frozen=True)
class Plan:
    """What an import will write.

    Attributes:
        source: the archive or folder.
        name: of the data set to be.
        files: for each split the new name of each image in the source, in the source's order.
        shape: "folders", "lists", or "folders and lists".
        turned: whether A and B change places.
        size: bytes of all images.
        notes: what a user should know, a sentence each.
    """

    source: Path
    name: str
    files: Mapping[Split, Mapping[PurePosixPath, str]]
    shape: str
    turned: bool
    size: int
    notes: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Images of each split."""
        return {split: len(self.files.get(split, ())) for split in SPLITS}


def plan_import(source: Path, name: str | None = None) -> Plan:
    """Look at an archive or a folder and decide what an import of it would write; nothing is written.

    Args:
        name: of the data set to be; None: the recognised one.
    Raises:
        DataError: nothing there, an archive that is refused or damaged, no known shape, a split in two places, or
            a name that no folder can have.
    """
    entries = [entry for entry in _entries(source) if not _is_hidden(entry.name)]
    images = [entry for entry in entries if entry.name.suffix.lower() in SUFFIXES]
    if not images:
        kinds = " ".join(suffix[1:] for suffix in SUFFIXES)
        what = f"{len(entries)} files and no image among them" if entries else "no file"
        raise DataError(f"{source}: holds {what}; name an archive or a folder with files of these kinds: {kinds}.")
    folders, home = layouts.by_folders(source, images)
    lists, list_notes, list_home = layouts.by_lists(source, entries, images, set(folders))
    found: dict[Split, list[PurePosixPath]] = {**folders, **lists}
    if not found:
        raise DataError(f"{source}: {layouts.no_shape(images)}")
    origin = _origin(source, home if folders else list_home)
    known = catalog.recognise(origin)
    chosen = _check_name(source, name or (known.name if known else origin), name is not None)
    turned = _reverse(origin) == chosen.lower()
    files = {
        _TURNED[split] if turned else split: _new_names(source, split, found[split])
        for split in SPLITS
        if split in found
    }
    sizes = {entry.name: entry.size for entry in images}
    size = sum(sizes[image] for split in found.values() for image in split)
    shape = " and ".join(word for word, part in (("folders", folders), ("lists", lists)) if part)
    plan = Plan(source, chosen, files, shape, turned, size, ())
    notes = [*_notes(plan), *list_notes]
    rest = [image for image in sizes if not any(image in split for split in plan.files.values())]
    if rest:
        notes.append(f"{len(rest)} images are in no split and are left out, as {rest[0]}.")
    return replace(plan, notes=tuple(notes))


def carry_out(plan: Plan, data_root: Path, progress: Progress | None = None) -> Path:
    """Write a plan's images into the data root, whole or not at all, and return the new folder.

    Raises:
        DataError: something has that name already, the disk lacks room or refuses, or a file cannot be read.
    """
    target = data_root / plan.name
    check_target(target)
    try:
        data_root.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(data_root).free
        if plan.size > room:
            raise DataError(
                f"{data_root}: has room for {room / 1e9:.2f} GB, and the images of {plan.source} take "
                f"{plan.size / 1e9:.2f} GB; make room, or give another --data-root."
            )
        with tempfile.TemporaryDirectory(prefix=f".{plan.name}-", dir=data_root) as work:
            made = Path(work) / plan.name
            _write(plan, made, progress)
            check_target(target)  # another import may have made it meanwhile
            made.rename(target)
    except OSError as error:
        where, reason = error.filename or target, error.strerror or str(error)
        raise DataError(f"{where}: {reason}; mend that, or give another --data-root: nothing is imported.") from error
    return target


def _write(plan: Plan, folder: Path, progress: Progress | None) -> None:
    targets: dict[PurePosixPath, list[Path]] = {}
    for split, names in plan.files.items():
        (folder / split).mkdir(parents=True)
        for image, new in names.items():
            targets.setdefault(image, []).append(folder / split / new)
    if plan.source.is_dir():
        _copy(plan.source, targets, progress)
    else:
        archives.extract(plan.source, targets, progress)


def check_target(target: Path) -> None:
    """Raise DataError where a data set cannot go because something is there."""
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise DataError(f"{target}: something is there already; remove it, or give another --name.")


def _entries(source: Path) -> list[Entry]:
    if source.is_dir():
        return sorted(_walk(source), key=lambda entry: entry.name)
    return archives.list_files(source)


def _walk(folder: Path) -> Iterator[Entry]:
    """Files below a folder of the user's own, through links, each real folder once."""
    seen: set[Path] = set()
    for here, below, names in os.walk(folder, followlinks=True):
        real = Path(here).resolve()
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        for name in names:
            path = Path(here) / name
            if path.is_file():
                yield Entry(PurePosixPath(path.relative_to(folder).as_posix()), path.stat().st_size)


def _is_hidden(name: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.parts)


def _origin(source: Path, home: PurePosixPath) -> str:
    """The name that the data set came with: of the folder that holds the splits, or of the archive or folder."""
    own = source.resolve().name
    if not source.is_dir():
        own = re.sub(r"(\.tar)?\.[A-Za-z0-9]+$", "", own)
    inner = home.name
    return inner if inner and (catalog.recognise(inner) or not catalog.recognise(own)) else own


def _reverse(name: str) -> str | None:
    """y2x for x2y."""
    a, two, b = name.lower().partition("2")
    return f"{b}2{a}" if two and "2" not in b else None


def _check_name(source: Path, name: str, given: bool) -> str:
    """A name that a folder of the data root can have and that --dataset reads as it is."""
    if not re.fullmatch(r"[\w][\w.+-]{0,99}", name) or name.partition(":")[0] == "dial":
        where = f"--name {name}" if given else f"{source}: its name '{name}'"
        raise DataError(
            f"{where}: a data set's name has letters, digits, _ . + or - and is not dial; give --name NAME."
        )
    return name


def _new_names(source: Path, split: Split, images: Sequence[PurePosixPath]) -> dict[PurePosixPath, str]:
    """The images' own file names; with their folders, joined by _, where two are alike."""
    names = {image: image.name for image in images}
    if len(set(names.values())) < len(images):
        names = {image: "_".join(image.parts) for image in images}
    if len(set(names.values())) < len(images):
        raise DataError(f"{source}: two images of {split} would have one name; rename them.")
    return names


def _notes(plan: Plan) -> Iterator[str]:
    if plan.turned:
        yield f"A and B change places, as {plan.name} says."
    known = catalog.find(plan.name)
    differs = False
    for split, count in plan.counts().items():
        expected = known.images[split] if known else None
        if expected is not None and count != expected:
            differs = True
            yield f"{split} has {count} images where the paper has {expected}."
        elif count == 0:
            use = "training needs it" if split.startswith("train") else "scores need it"
            yield f"there is no {split}; {use}."
    if differs and known and known.note:
        yield f"Counts of {plan.name} disagree in print: {known.note}."


def _copy(source: Path, targets: Mapping[PurePosixPath, Sequence[Path]], progress: Progress | None) -> None:
    for done, (image, paths) in enumerate(targets.items(), start=1):
        for path in paths:
            shutil.copyfile(source / image, path)
        if progress is not None:
            progress(done, len(targets))
