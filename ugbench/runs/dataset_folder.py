"""Which folder under results belongs to a data set, and where a run with a given config lies or is to be made.

A folder belongs to the content of training images: the name of the data set's own folder, its path and its test images
do not count. So a run is found after its data set was renamed, was moved, or was given more test images.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ugbench.data.datasets import DataSet, open_dataset
from ugbench.data.known_files import images_hash
from ugbench.data.named_roots import remember_root
from ugbench.data.splits import SPLITS, TEST, TRAIN, Split
from ugbench.errors import RunError
from ugbench.runs import dataset_file
from ugbench.runs.dataset_file import DatasetFile
from ugbench.runs.folder import DATASET
from ugbench.runs.run import DatasetRecord, Run, RunConfig, list_runs, open_run

_logger = logging.getLogger(__name__)


def dataset_folder(results: Path, dataset: DataSet, make: bool = True) -> Path:
    """The data set's folder under results: the one with its training images, else a new one.

    A data set without training images is known by its path or by all its images. A new folder is results/<name>, or
    results/<name>-<digest> if that name is taken.

    Args:
        make: make the folder, and write into its dataset.json where the data set lies now; False returns only the path.
    Raises:
        RunError: both names are taken by other images, or a dataset.json is damaged.
    """
    folder, is_new = _choose_folder(results, dataset)
    while make and is_new and not dataset_file.create(folder, _new_content(dataset)):
        # Another process has made a folder of this name since; it may belong to the same images.
        folder, is_new = _choose_folder(results, dataset)
    if make:
        remember_place(folder, dataset)
    return folder


def _choose_folder(results: Path, dataset: DataSet) -> tuple[Path, bool]:
    """The data set's folder, and whether it has no dataset.json yet."""
    known = _known_folders(results)
    matching = _matching(known, dataset)
    if matching:
        folder = min(matching, key=lambda folder: (folder.name != dataset.name, folder.name))
        return folder, not (folder / DATASET).exists()
    return _new_folder(results, dataset, known), True


def _new_content(dataset: DataSet) -> DatasetFile:
    return DatasetFile(
        name=dataset.name,
        root=str(dataset.root.resolve()),
        fingerprint=dataset.fingerprint(dataset.splits()),
        training=training_fingerprint(dataset),
    )


def locate_folders(path: Path, results: Path, needed: Sequence[Path] = ()) -> list[Path]:
    """The folders under results that the images in a folder belong to, by content; each remembers the new place.

    Args:
        needed: folders under results that the images must belong to; no other folder is returned then.
    Raises:
        DataError: there is no such folder, or it has no split.
        RunError: the images are not those of a needed folder, or of any folder; the message says what differs.
    """
    dataset = open_dataset(path)
    remember_root(dataset.root)
    known = _known_folders(results)
    matching = _matching(known, dataset)
    others = [] if matching else sorted(known, key=lambda folder: (len(_differences(folder, dataset)), folder.name))
    for folder in needed or others[:1]:
        if folder not in matching:
            differences = " and ".join(_differences(folder, dataset))
            raise RunError(
                f"--dataset {path}: these are not the images of {folder.name} ({differences}); to fix this, name the "
                "folder with the images that its runs were made with."
            )
    if not matching:
        raise RunError(f"--dataset {path}: there are no runs under {results}; train one with `ugbench train`.")
    folders = [folder for folder in matching if folder in needed] if needed else matching
    for folder in folders:
        remember_place(folder, dataset)
    return folders


def remember_place(folder: Path, dataset: DataSet) -> None:
    """Write into a data set's folder under results where its images lie now; makes the folder if it is missing.

    A place that lacks a test split which the earlier place still has is not written, because scores need the test
    images.
    """
    root, content = str(dataset.root.resolve()), dataset_file.read(folder)
    if content is None:
        content = _new_content(dataset)
    elif content.root != root and (lost := [split for split in _tests_in(content.root) if not dataset.has(split)]):
        _logger.info("%s has no %s: data set %s is still read from %s.", root, lost[0], folder.name, content.root)
        root = content.root
    elif content.root != root:
        _logger.info("data set %s is now read from %s; before, it was %s.", folder.name, root, content.root)
    training = content.training or training_fingerprint(dataset)
    dataset_file.write(folder, content.model_copy(update={"root": root, "training": training}))


def _tests_in(root: str) -> list[Split]:
    """The test splits of the data set in a folder; none if there is no folder."""
    if not Path(root).is_dir():
        return []
    dataset = open_dataset(Path(root))
    return [split for split in TEST.values() if dataset.has(split)]


def remember_contents(folder: Path, dataset: DataSet) -> None:
    """Write into the dataset.json of a folder under results which test images the data set has now."""
    content = dataset_file.read(folder)
    if content is None:
        remember_place(folder, dataset)
        content = dataset_file.read(folder)
        assert content is not None
    dataset_file.write(folder, content.model_copy(update={"images": contents_of_tests(dataset)}))


def contents_of_tests(dataset: DataSet) -> dict[Split, str]:
    """The content of each test split, see `ugbench.data.known_files.images_hash`."""
    return {split: images_hash(dataset.split(split)) for split in TEST.values() if dataset.has(split)}


def training_fingerprint(dataset: DataSet) -> str | None:
    """The fingerprint of a data set's training images; None if it has none."""
    splits = [split for split in TRAIN.values() if dataset.has(split)]
    return dataset.fingerprint(splits) if splits else None


def locate_run(config: RunConfig, runs: Iterable[Run], folder: Path) -> Run:
    """The run with the id of this config, wherever it lies; else where it is to be made. Makes nothing.

    Args:
        runs: all runs of the results folder. If several have the id, the one that was trained longest is taken.
        folder: the data set's folder under results.
    """
    return _existing_run(config, runs) or Run(folder / config.folder, config)


def _existing_run(config: RunConfig, runs: Iterable[Run]) -> Run | None:
    return max((run for run in runs if run.id == config.id), key=Run.step, default=None)


def open_located_run(config: RunConfig, results: Path, dataset: DataSet) -> Run:
    """The run that `locate_run` names; it is made if it is missing. Remembers where the data set lies now.

    Raises:
        RunError: see `dataset_folder`.
    """
    run = _existing_run(config, list_runs(results))
    if run is None:
        return open_run(dataset_folder(results, dataset), config)
    remember_place(run.dataset_folder, dataset)
    return run


def _known_folders(results: Path) -> dict[Path, list[DatasetRecord]]:
    """Each data set's folder under results, and the records of the images that its runs were trained on."""
    known: dict[Path, list[DatasetRecord]] = {file.parent: [] for file in results.glob(f"*/{DATASET}")}
    for run in list_runs(results):
        if run.config.dataset is not None:
            trained_on = known.setdefault(run.dataset_folder, [])
            trained_on += [run.config.dataset] if run.config.origin is None else []
    return known


def _matching(known: Mapping[Path, list[DatasetRecord]], dataset: DataSet) -> list[Path]:
    """The folders that belong to a data set, sorted."""
    training = training_fingerprint(dataset)
    return sorted(folder for folder, trained_on in known.items() if _belongs(folder, trained_on, dataset, training))


def _differences(folder: Path, dataset: DataSet) -> list[str]:
    """How the images of a data set differ from those of a folder's runs, in words, for each split that differs."""
    runs = [run for run in list_runs(folder.parent) if run.dataset_folder == folder]
    record = next((run.config.dataset for run in runs if run.config.dataset is not None), None)
    texts: list[str] = []
    for split in SPLITS:
        if record is None or split not in record.images:
            continue
        paths = dataset.split(split) if dataset.has(split) else []
        count = len([path for path in paths if f"{split}/{path.name}" not in record.skipped])
        if count != record.images[split]:
            texts.append(f"{split} has {count} images in place of {record.images[split]}")
        elif record.fingerprints.get(split) != dataset.fingerprint((split,), record.skipped):
            texts.append(f"{split} has images of other names or contents")
    return texts or ["the names or contents of images are others"]


def _belongs(folder: Path, trained_on: Sequence[DatasetRecord], dataset: DataSet, training: str | None) -> bool:
    """Whether a folder under results belongs to a data set.

    Args:
        trained_on: records of the images that the folder's runs were trained on.
    """
    content = dataset_file.read(folder)
    if training is not None:
        stated = None if content is None else content.training
        if stated is not None or trained_on:
            return training == stated or any(_was_trained_on(record, dataset, training) for record in trained_on)
    if content is None:
        return False
    if content.root == str(dataset.root.resolve()) or content.fingerprint == dataset.fingerprint(dataset.splits()):
        return True
    return bool(content.images) and content.images == contents_of_tests(dataset)


def _was_trained_on(record: DatasetRecord, dataset: DataSet, training: str) -> bool:
    """Whether a run was trained on a data set's images of A and B, and perhaps on further folders."""
    if set(record.images) <= set(TRAIN.values()):
        return record.fingerprint == training
    return all(
        dataset.has(split) and record.fingerprints.get(split) == dataset.fingerprint((split,))
        for split in TRAIN.values()
    )


def _new_folder(results: Path, dataset: DataSet, known: Mapping[Path, list[DatasetRecord]]) -> Path:
    """A folder for a data set that has none yet.

    Args:
        known: from `_known_folders`.
    """
    training = training_fingerprint(dataset)
    digest = training or dataset.fingerprint(dataset.splits())
    names: Sequence[str] = (dataset.name, f"{dataset.name}-{digest[:6]}")
    for folder in (results / name for name in names):
        has_other_runs = training is not None and known.get(folder)
        if folder not in known or not ((folder / DATASET).exists() or has_other_runs):
            return folder
    raise RunError(
        f"{results / names[1] / DATASET} belongs to other images than its folder's name says; to fix this, remove it."
    )
