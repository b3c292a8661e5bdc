"""What --dataset accepts: the name of a data set in the data root, a path, or a dial, which is drawn on first use."""

from __future__ import annotations

from pathlib import Path

from ugbench.data.acquire import catalog
from ugbench.data.datasets import DataSet, has_splits, open_dataset
from ugbench.data.dial.spec import DialSpec, parse_spec
from ugbench.data.named_roots import remember_root
from ugbench.data.progress import Progress
from ugbench.data.splits import SPLITS
from ugbench.errors import DataError, DiskError, UnknownName
from ugbench.file_names import readable


def list_datasets(data_root: Path) -> list[str]:
    """Names of the data sets in the data root, sorted; empty if there is no such folder."""
    if not data_root.is_dir():
        return []
    return sorted(
        folder.name for folder in data_root.iterdir() if not folder.name.startswith(".") and has_splits(folder)
    )


def resolve(text: str, data_root: Path, progress: Progress | None = None) -> DataSet:
    """The data set that `text` names; its folder is remembered as one that the user has named.

    Args:
        text: a name in the data root, a path, or `dial[:shape=S,texture=T,size=N,train=N,test=N,seed=K]`.
            The first call for a dial writes it into the data root; from then on it is a folder like any other.
        progress: called after each image of a dial that is drawn.
    Raises:
        UnknownName: none of these has this name, or a dial has no such field.
        DataError: a published data set is not in the data root yet, a folder has no splits, or a field of a dial has a
            value that is not allowed.
        UgbenchError: the dial cannot be written.
    """
    dataset = _resolve(text, data_root, progress)
    remember_root(dataset.root)
    return dataset


def check_name(text: str, data_root: Path) -> None:
    """Check that `resolve` would find a data set of this name, without opening or drawing it.

    Raises:
        UnknownName, DataError: as of `resolve`, where they are about the name.
    """
    if _is_dial(text):
        parse_spec(text)
    else:
        _find(text, data_root)


def _is_dial(text: str) -> bool:
    return text.partition(":")[0] == "dial"


def _resolve(text: str, data_root: Path, progress: Progress | None) -> DataSet:
    if _is_dial(text):
        return _open_dial(parse_spec(text), data_root, progress)
    return open_dataset(_find(text, data_root), data_root)


def absent_published(text: str, data_root: Path) -> catalog.KnownDataSet | None:
    """The published data set that `text` names, if it is not there yet and `ugbench data get` can download it.

    A path names none, so that a mistyped path downloads nothing.
    """
    entry = None if _is_dial(text) else catalog.find(text)
    return entry if entry is not None and entry.address and not _folders(text, data_root) else None


def _folders(text: str, data_root: Path) -> list[Path]:
    """The folders that `text` may mean, as a name in the data root or as a path."""
    folders = [path for path in (data_root / text, Path(text)) if text and path.is_dir()]
    if not folders and "%" in text:  # a name that is not UTF-8 may be given as tables show it
        folders = [data_root / name for name in list_datasets(data_root) if readable(name) == text]
    return folders


def _find(text: str, data_root: Path) -> Path:
    """The folder of a data set that is no dial."""
    folders = _folders(text, data_root)
    if folders:
        return next(filter(has_splits, folders), folders[0])
    parent = Path(text).parent
    neighbours = [str(parent / name) for name in list_datasets(parent)] if parent != Path() else []
    published = catalog.find(Path(text).name)
    if published is not None:
        folder = data_root if parent == Path() else parent
        raise DataError(f"data set {text}: not in {folder} yet; {published.how_to_get(folder)}.")
    if parent != Path() and not neighbours:
        raise DataError(f"{text}: no such folder; name one with subfolders {', '.join(SPLITS)}, or a data set's name.")
    known = {"dial", *(entry.name for entry in catalog.KNOWN), *list_datasets(data_root)}
    raise UnknownName("data set", text, neighbours or known)


def _open_dial(spec: DialSpec, data_root: Path, progress: Progress | None) -> DataSet:
    folder = data_root / spec.name
    if not folder.exists():
        from ugbench.data.dial.dataset import write_dial  # loads torch, which a name alone does not need

        try:
            write_dial(spec, folder, progress)
        except DiskError:
            # If the folder is there now, another process has written the same dial meanwhile.
            if not folder.exists():
                raise
    dataset = open_dataset(folder)
    if dataset.dial != spec:
        raise DataError(f"{folder}: not the dial that its name says; remove the folder and run this again.")
    return dataset
