"""Which images the files of a run name by their content.

config.json says where a data set lies. A config.json that somebody sends can name any folder of this machine, or a data
set with links to one. Its sender cannot know the fingerprint of images that they have not seen, so what a fingerprint
names may be read and shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from ugbench.data.datasets import DataSet
from ugbench.data.named_roots import is_named
from ugbench.data.splits import TEST, Split
from ugbench.direction import DIRECTIONS
from ugbench.errors import RunError
from ugbench.runs.files import inside, is_file
from ugbench.runs.folder import DATASET, RunFolder
from ugbench.runs.json_file import read_json


class ImageRecord(Protocol):
    """The record of a data set in a run's config."""

    @property
    def fingerprint(self) -> str:
        """Of the images of the splits in `images`; of all splits if it names none."""

    @property
    def images(self) -> Mapping[str, int]:
        """Number of images by split."""

    @property
    def skipped(self) -> Collection[str]:
        """Relative names of images that are left out."""

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Of each split alone; empty in records of older versions."""


def are_known(split: Split, dataset: DataSet, run: RunFolder, record: ImageRecord) -> bool:
    """Whether outputs.json, config.json or dataset.json has the fingerprint of the images that a split now has.

    Raises:
        RunError: one of these files is damaged.
        DataError: an image cannot be read.
    """
    present = dataset.splits()
    recorded: tuple[str, ...] = tuple(record.images) or present
    claims: list[tuple[tuple[str, ...], Collection[str], object]] = [
        ((split,), record.skipped, record.fingerprints.get(split)),
        (recorded, record.skipped, record.fingerprint),
    ]
    notes = [run.outputs_note(direction) for direction in DIRECTIONS if TEST[direction[0]] == split]
    claims += [((split,), (), read_json(note).get("sources")) for note in notes if is_file(note)]
    if is_file(dataset_file := inside(run.results, run.dataset_folder.name, DATASET)):
        claims.append((present, (), read_json(dataset_file).get("fingerprint")))
    return any(
        split in splits and all(map(dataset.has, splits)) and dataset.fingerprint(splits, skipped) == fingerprint
        for splits, skipped, fingerprint in claims
    )


def check_links(dataset: DataSet, run: RunFolder, record: ImageRecord) -> DataSet:
    """The data set, if no link leads out of its folder, except to images that the run's files name by their content.

    In a folder that the user has named as a data set, links may lead anywhere.

    Raises:
        RunError: a link leads to other images.
    """
    if is_named(dataset.root):
        return dataset
    for split in dataset.splits():
        path = dataset.link_out(split)
        if path is not None and not are_known(split, dataset, run, record):
            raise RunError(
                f"{path} is a link that leads out of the data set, to images that {run.path} does not know; to fix "
                "this, put the images themselves there, or say that this data set is yours: --dataset PATH."
            )
    return dataset
