"""Which images a training reads: those of trainA and trainB, and those of further folders; alone or in pairs.

`check_training_images` decodes each of them before the first step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ugbench.data import edges
from ugbench.data.brightness import describe_narrow, is_narrow
from ugbench.data.datasets import DataSet
from ugbench.data.images import UnreadableImage, inspect_image, list_images
from ugbench.data.known_files import open_known_files
from ugbench.data.pairs import without_partner
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import TRAIN, further_split
from ugbench.errors import DataError
from ugbench.fit import SQUASH, Fit
from ugbench.image_size import Size

SHOWN = 3


@dataclass(frozen=True)
class TrainingFolders:
    """Which folders of a data set a training reads.

    Attributes:
        further: the further folders by the name that the method has for each, as pairs (name, folder).
        paired: images of equal stems are pairs.
        size, fit: px to which the training resizes the images, and how (`ugbench.data.fitting.training_image`); a size
            of None if that is not known. Which images are read does not depend on these, only how an error says to make
            the images of a further folder.
    """

    further: tuple[tuple[str, str], ...] = ()
    paired: bool = False
    size: Size | None = None
    fit: Fit = SQUASH

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all folders, trainA and trainB first."""
        return (*TRAIN.values(), *dict.fromkeys(folder for _, folder in self.further))


DOMAINS = TrainingFolders()


def training_folders(
    splits: Sequence[str] = (),
    paired: bool = False,
    exchanged: bool = False,
    size: Size | None = None,
    fit: Fit = SQUASH,
) -> TrainingFolders:
    """The folders that a method reads in a training.

    Args:
        splits: further splits, by the names that the method has for them.
        exchanged: the run is from B to A, so that `edgesB` is the folder edgesA.
        size, fit: px to which the training resizes the images, and how.
    Raises:
        ValueError: a split cannot have its name.
    """
    return TrainingFolders(tuple((name, further_split(name, exchanged)) for name in splits), paired, size, fit)


def list_training_images(
    dataset: DataSet, folders: TrainingFolders = DOMAINS, skip_bad: bool = False
) -> dict[str, list[Path]]:
    """The images of each folder that a training reads, by name, or by stem if they are pairs; none is opened.

    Args:
        skip_bad: images without a partner are no error.
    Raises:
        DataError: a folder is missing or empty; or, of pairs, a folder has two images of one stem, or an image has no
            partner.
    """
    listed = {name: _list_folder(dataset, name, folders.size, folders.fit) for name in folders.names}
    if folders.paired:
        for paths in listed.values():
            paths.sort(key=lambda path: path.stem)
            for first, second in pairwise(paths):
                if first.stem == second.stem:
                    raise DataError(f"{first} and {second} may both be the partner of {first.stem}; remove one.")
        alone = without_partner(listed)
        if alone and not skip_bad:
            raise DataError(
                f"{dataset.root}: {_count(alone)} no partner ({_some(alone)}): each of {_listed(folders.names)} must "
                "have an image of that name; add the partners, remove these images, or give --skip-bad."
            )
    return listed


def check_training_images(
    dataset: DataSet,
    skip_bad: bool = False,
    progress: Progress | None = None,
    log: Callable[[str], None] = lambda _text: None,
    folders: TrainingFolders = DOMAINS,
) -> tuple[dict[str, list[Path]], list[str]]:
    """Decode every training image, as `train` does before its first step.

    Images that an earlier call has decoded, and that are unchanged since, are not decoded again.

    Args:
        skip_bad: leave out unreadable images, and images without a partner, instead of raising an error.
        progress: called after each image.
        log: receives a sentence for each image that cannot be read, for images without a partner, for each folder of
            which not all images are used, and for each whose images use little of their range.
    Returns:
        The images to train with, by folder; pairs have the same place in each. And the relative names ("trainA/7.png")
        of the images that are left out.
    Raises:
        DataError: see `list_training_images`; or an image is unreadable; or, with skip_bad, no image of a folder is
            left.
    """
    listed = list_training_images(dataset, folders, skip_bad)
    readable: dict[str, list[Path]] = {name: [] for name in listed}
    unreadable: dict[str, str] = {}  # the reason by relative name
    narrow: set[Path] = set()
    with open_known_files() as known:
        for name, path in _tracked(listed, progress):
            try:
                if known.is_narrow(path, _is_narrow):
                    narrow.add(path)
            except UnreadableImage as error:
                if not skip_bad:
                    raise DataError(f"{str(error).rstrip('.')}, or give --skip-bad.") from error
                unreadable[f"{name}/{path.name}"] = error.reason
            else:
                readable[name].append(path)
    for image, reason in unreadable.items():
        log(f"{image} is skipped: {reason}.")
    for name, paths in readable.items():
        if not paths:
            count = len(listed[name])
            raise DataError(f"{dataset.folder(name)}: none of its {count} images is readable; replace them.")
    alone = without_partner(readable) if folders.paired else []
    if alone:
        log(f"{_count(alone)} no partner and {'is' if len(alone) == 1 else 'are'} skipped: {_some(alone)}.")
        readable = {
            name: [path for path in paths if f"{name}/{path.name}" not in set(alone)]
            for name, paths in readable.items()
        }
    for name, paths in readable.items():
        if len(paths) < len(listed[name]):
            log(f"{name}: {len(paths)} of {len(listed[name])} images are used.")
        if not paths:
            raise DataError(
                f"{dataset.root}: no image has a partner of the same name in each of {_listed(folders.names)}; give "
                "partners the same name."
            )
        problem = describe_narrow(len(narrow.intersection(paths)), len(paths))
        if problem is not None:
            log(f"{name}: {problem}; `ugbench data check` says more.")
    return readable, [*unreadable, *alone]


def _list_folder(dataset: DataSet, name: str, size: Size | None, fit: Fit) -> list[Path]:
    """The images of a folder; where `ugbench data make` can make a missing one, the error says how."""
    folder = dataset.folder(name)
    command = edges.missing_command(dataset, name, size, fit)
    if command is not None:
        problem = "holds no image" if folder.is_dir() else "no such folder"
        raise DataError(f"{folder}: {problem}; this method trains with its images: make them with `{command}`.")
    if name not in TRAIN.values() and not folder.is_dir():
        raise DataError(f"{folder}: no such folder; this method trains with its images: make it and put them in it.")
    return list_images(folder)


def _count(images: Sequence[str]) -> str:
    return f"{len(images)} image{' has' if len(images) == 1 else 's have'}"


def _listed(names: Sequence[str]) -> str:
    """The names as a sentence has them: "trainA, trainB and poses"."""
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _some(images: Sequence[str]) -> str:
    return ", ".join([*images[:SHOWN], *["…"] * (len(images) > SHOWN)])


def _is_narrow(path: Path) -> bool:
    return is_narrow(*inspect_image(path))


def _tracked(files: Mapping[str, Sequence[Path]], progress: Progress | None) -> Iterator[tuple[str, Path]]:
    """Each file with its folder; `progress` is called after each."""
    pairs = [(name, path) for name, paths in files.items() for path in paths]
    return tracked(pairs, len(pairs), progress)
