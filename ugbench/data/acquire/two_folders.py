"""A data set of two folders of photographs: `plan_two_folders` decides what to write, `carry_out` writes it.

Training and test images are chosen by `ugbench.data.acquire.holdout`. Near-duplicates, such as photographs of one burst
or frames of one film, stay on one side, because a translator that was trained on the first one has seen the other.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from ugbench.data.acquire.holdout import choose_test_images, wanted_number
from ugbench.data.acquire.new_names import new_names
from ugbench.data.acquire.pairing import check_partners, joined, without_partnerless
from ugbench.data.acquire.photographs import Listing, Photograph, list_photographs, read_photographs
from ugbench.data.acquire.placing import place_dataset
from ugbench.data.clusters import clusters
from ugbench.data.dataset_json import Statements, write_statements
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import SPLITS, TEST, TRAIN, Split
from ugbench.errors import DataError


@dataclass(frozen=True)
class Domain:
    """One of the two folders, read.

    Attributes:
        listing: what is in it.
        photographs: the images that are taken.
        left_out: the sentence about each image that is left out.
        names: the new file name of each photograph.
        test: the places of those that become test images.
        groups: the numbers of images of the groups of near-duplicates.
    """

    listing: Listing
    photographs: Sequence[Photograph]
    left_out: Sequence[str]
    names: Sequence[str]
    test: frozenset[int]
    groups: Sequence[int]

    @property
    def folder(self) -> Path:
        """The folder."""
        return self.listing.folder


@dataclass(frozen=True)
class TwoFoldersPlan:
    """What an import of two folders will write.

    Attributes:
        name: name of the data set.
        domains: the folders of A and B.
        link: True if links to the photographs are made in place of copies.
        paired: True if images of equal stems are pairs, which is stated in the data set.
        notes: sentences that a user should read.
    """

    name: str
    domains: Mapping[str, Domain]
    link: bool
    paired: bool
    notes: tuple[str, ...]

    def files(self) -> dict[Split, dict[str, Path]]:
        """For each split, the path of each image by its new name."""
        files: dict[Split, dict[str, Path]] = {split: {} for split in SPLITS}
        for letter, domain in self.domains.items():
            for place, (photograph, name) in enumerate(zip(domain.photographs, domain.names, strict=True)):
                split = TEST[letter] if place in domain.test else TRAIN[letter]
                files[split][name] = domain.folder / photograph.name
        return files

    def left_out(self) -> list[str]:
        """The sentence about each image that is left out."""
        return [sentence for domain in self.domains.values() for sentence in domain.left_out]


def check_two_folders(a: Path, b: Path) -> None:
    """Raise DataError if one of two folders does not exist or lies in the other, or if they are the same."""
    for option, folder in (("--a", a), ("--b", b)):
        if not folder.is_dir():
            problem = "is a file; unpack it if it is an archive, and name the folder" if folder.exists() else ""
            raise DataError(f"{option} {folder}: {problem or 'no such folder; name a folder of images'}.")
    first, second = a.resolve(), b.resolve()
    if first == second:
        raise DataError(f"--a {a} and --b {b} are the same folder; name one folder per domain.")
    for inner, outer in ((f"--b {b}", a), (f"--a {a}", b)):
        if (second if outer is a else first).is_relative_to(outer.resolve()):
            raise DataError(f"{inner} lies in the other folder, {outer}; move it out, or name other folders.")


def plan_two_folders(
    folders: tuple[Path, Path],
    name: str,
    test: int | float,
    recursive: bool = False,
    link: bool = False,
    paired: bool = False,
    progress: Progress | None = None,
) -> TwoFoldersPlan:
    """Read the images of two folders, and decide what an import of them would write. Nothing is written.

    Args:
        folders: the folders of A and B.
        test: number of test images per domain; a number below 1 is a share of the domain's images.
        recursive: images in subfolders count, too.
        link: make links to the images in place of copies.
        paired: images of equal stems in the two folders are pairs, which stay together.
        progress: called after each image that was read.
    Raises:
        DataError: a folder does not exist or has no image that can be read; the folders are the same, or one lies in
            the other; an image is in both; two images would get one name; an image of pairs has no partner, or
            several; or there are too few images, or too few that are no near-duplicates of each other, for this number
            of test images.
    """
    check_two_folders(*folders)
    listings = [list_photographs(folder, recursive) for folder in folders]
    total, count = sum(len(listing.images) for listing in listings), 0

    def done() -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(count, total)

    if paired:
        check_partners(*listings)
    (first, first_bad), (second, second_bad) = (read_photographs(listing, done) for listing in listings)
    if paired:
        first, first_alone = without_partnerless(folders[0], first, second_bad)
        second, second_alone = without_partnerless(folders[1], second, first_bad)
        first_bad, second_bad = {**first_bad, **first_alone}, {**second_bad, **second_alone}
    _check_overlap(listings, first, second)
    groups = [clusters([photograph.appearance for photograph in photographs]) for photographs in (first, second)]
    if paired:
        groups = [joined(*groups)] * 2
    domains = {
        "A": _split("--a", listings[0], first, first_bad, groups[0], first, test),
        "B": _split("--b", listings[1], second, second_bad, groups[1], first if paired else second, test),
    }
    notes = tuple(note for domain in domains.values() for note in _notes(domain, test))
    return TwoFoldersPlan(name, domains, link, paired, notes)


def carry_out(plan: TwoFoldersPlan, data_root: Path, progress: Progress | None = None) -> Path:
    """Write the images of a plan into the data root, completely or not at all, and return the new folder.

    Args:
        progress: called after each image.
    Raises:
        DataError: the name is taken, the disk is full or cannot be written, or a file cannot be read.
    """
    source = " and ".join(str(domain.folder) for domain in plan.domains.values())
    size = sum(photograph.size for domain in plan.domains.values() for photograph in domain.photographs)
    return place_dataset(data_root, plan.name, source, 0 if plan.link else size, partial(_write, plan, progress))


def _write(plan: TwoFoldersPlan, progress: Progress | None, folder: Path) -> None:
    files = [(split, name, path) for split, paths in plan.files().items() for name, path in paths.items()]
    links: dict[str, str] = {}
    folder.mkdir()
    for split in SPLITS:
        (folder / split).mkdir()
    for split, name, path in tracked(files, len(files), progress):
        if plan.link:
            links[f"{split}/{name}"] = str(path.absolute())  # unlike resolve(), it keeps links above the folder
            (folder / split / name).symlink_to(links[f"{split}/{name}"])
        else:
            shutil.copyfile(path, folder / split / name)
    write_statements(folder, Statements(pairs=plan.paired, links=links if plan.link else None))


def _split(
    option: str,
    listing: Listing,
    photographs: Sequence[Photograph],
    left_out: Mapping[PurePosixPath, str],
    groups: Sequence[int],
    keys: Sequence[Photograph],
    test: int | float,
) -> Domain:
    """A folder with its choice of test images.

    Args:
        groups: the number of each image's group of near-duplicates.
        keys: the images whose contents decide the choice, one for each image: itself, or its partner.
    """
    count, wanted = len(photographs), wanted_number(test, len(photographs))
    where = f"{option} {listing.folder}"
    if wanted >= count:
        raise DataError(
            f"--test {test}: {listing.folder} has {count} image{'s' * (count != 1)} that can be read, and at least one "
            "must be left to train with; give a smaller number, or add images."
        )
    chosen = choose_test_images([photograph.digest for photograph in keys], groups, wanted)
    if not chosen:
        smallest = min(Counter(groups).values())
        raise DataError(
            f"{where}: near-duplicates stay together, and the smallest group of them has {smallest} images, so none of "
            f"the {count} can be one of {wanted} test images; add other images, or sort them into trainA, trainB, "
            "testA and testB yourself."
        )
    sizes = [size for size in Counter(groups).values() if size > 1]
    names = new_names(listing.folder, [photograph.name for photograph in photographs])
    sentences = [sentence for _, sentence in sorted(left_out.items())]
    return Domain(listing, photographs, sentences, names, frozenset(chosen), sizes)


def _check_overlap(listings: Sequence[Listing], first: Sequence[Photograph], second: Sequence[Photograph]) -> None:
    """Raise DataError if an image is in both folders, whatever its name and format."""
    by_pixels = {photograph.pixels: photograph for photograph in first}
    both = [(by_pixels[other.pixels], other) for other in second if other.pixels in by_pixels]
    if both:
        (image, other), count = both[0], len(both)
        images = "1 image is" if count == 1 else f"{count} images are"
        raise DataError(
            f"--a {listings[0].folder} and --b {listings[1].folder}: {images} in both, as {image.name} and "
            f"{other.name}; remove {'it' if count == 1 else 'them'} from one of the folders."
        )


def _notes(domain: Domain, test: int | float) -> list[str]:
    wanted, chosen = wanted_number(test, len(domain.photographs)), len(domain.test)
    notes = []
    if domain.groups:
        groups = f"{len(domain.groups)} group{'s' * (len(domain.groups) != 1)} of near-duplicates"
        notes.append(f"{domain.folder}: {groups} ({sum(domain.groups)} images); each stays whole in train or test.")
    if chosen < wanted:
        notes.append(f"{domain.folder}: {chosen} test images in place of {wanted}, so that no group is divided.")
    renamed = [
        (str(photograph.name), name)
        for photograph, name in zip(domain.photographs, domain.names, strict=True)
        if name != "-".join(photograph.name.parts)
    ]
    if renamed:
        old, new = renamed[0]
        notes.append(
            f"{domain.folder}: {len(renamed)} image{'s' * (len(renamed) != 1)} of an equal stem got another name, as "
            f"{new} for {old}."
        )
    return notes
