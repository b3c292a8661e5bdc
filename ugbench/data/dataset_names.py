"""What --dataset may say: a name in the data root, a path, or a dial, which is made when it is first asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ugbench.data.acquire import catalog
from ugbench.data.datasets import DataSet, has_splits, open_dataset
from ugbench.data.dial.dataset import write
from ugbench.data.dial.spec import DialSpec, parse
from ugbench.data.images import Progress
from ugbench.data.splits import SPLITS
from ugbench.errors import DataError, UnknownName


def list_datasets(data_root: Path) -> list[str]:
    """Names of the data sets in the data root, sorted; none where there is no such folder."""
    if not data_root.is_dir():
        return []
    return sorted(
        folder.name for folder in data_root.iterdir() if not folder.name.startswith(".") and has_splits(folder)
    )


def resolve(text: str, data_root: Path, progress: Progress | None = None) -> DataSet:
    """The data set that `text` names.

    Args:
        text: a name in the data root, a path, or `dial[:shape=S,texture=T,size=N,train=N,test=N,seed=K]`,
            which the first call renders into the data root: from then on it is a folder like any other.
        progress: called while a dial is rendered.
    Raises:
        UnknownName: none of these; or no such field of a dial.
        DataError: a published data set that is not there yet, a folder without splits, a bad value of a dial, or
            no way to write it.
    """
    if text.partition(":")[0] == "dial":
        return _dial(parse(text), data_root, progress)
    folders = [path for path in (data_root / text, Path(text)) if text and path.is_dir()]
    if folders:
        return open_dataset(next(filter(has_splits, folders), folders[0]))
    beside = Path(text).parent
    neighbours = [str(beside / name) for name in list_datasets(beside)] if beside != Path() else []
    known = catalog.find(Path(text).name)
    if known is not None:
        where = data_root if beside == Path() else beside
        raise DataError(f"data set {text}: not in {where} yet; {known.way}.")
    if beside != Path() and not neighbours:
        raise DataError(f"{text}: no such folder; name one with subfolders {', '.join(SPLITS)}, or a data set's name.")
    published = [one.name for one in catalog.KNOWN]
    raise UnknownName("data set", text, neighbours or {"dial", *published, *list_datasets(data_root)})


def _dial(spec: DialSpec, data_root: Path, progress: Progress | None) -> DataSet:
    target = data_root / spec.name
    if not target.exists():
        try:
            _render(spec, target, progress)
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataError(
                f"{target}: cannot be written ({reason}); make room, or give another --data-root."
            ) from error
    found = open_dataset(target)
    if found.dial != spec:
        raise DataError(f"{target}: not the dial that its name says; remove the folder and run this again.")
    return found


def _render(spec: DialSpec, target: Path, progress: Progress | None) -> None:
    """Write a dial whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{spec.name}-", dir=target.parent) as work:
        made = Path(work) / spec.name  # one level down: the temporary folder itself is private to the user
        write(spec, made, progress)
        try:
            made.rename(target)
        except OSError:
            if not target.exists():
                raise
