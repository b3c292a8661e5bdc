"""Training images with smoothed edges: what CartoonGAN's discriminator learns to tell from images with clear edges.

Chen, Lai and Liu, CartoonGAN, CVPR 2018, section 3.2. `make_edges` writes a folder edgesA or edgesB beside trainA and
trainB. It is made in a hidden folder and renamed at the end, so that training never reads a half-made one. Its file
RECORD says of which images it was made.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ugbench.data.datasets import DataSet
from ugbench.data.fitting import training_image
from ugbench.data.images import check_stems, read_image
from ugbench.data.known_files import hash_files
from ugbench.data.progress import Progress, tracked
from ugbench.data.splits import TRAIN
from ugbench.errors import DataError, UsageError, writing
from ugbench.fit import SQUASH, Fit
from ugbench.image_size import Size, is_size, size_text, stored_size

EDGES: Mapping[str, str] = MappingProxyType({"A": "edgesA", "B": "edgesB"})
"""The folder of smoothed images by domain."""
RECORD = ".edges.json"
"""Its fields: `sources`, the fingerprint of the training images; `size`, px, or [width, height]; `fit`, where it is
not squash; and `files`, the SHA-256 of each image by name."""
SIZE = 286  # px, the default: the side of the images from which a training at 256 px crops
KERNEL = 5  # px, of the dilation and of the Gaussian
THRESHOLDS = (100, 200)  # of Canny's hysteresis


def missing_command(dataset: DataSet, folder: str, size: Size | None, fit: Fit = SQUASH) -> str | None:
    """The command that makes a folder of a data set, such as edgesB, if it has no image yet; None if it has one, or if
    `ugbench data make` cannot make it.

    Args:
        size, fit: px to which a training resizes the images, and how; a size of None is the default.
    """
    domain = _domain_of(folder)
    return None if domain is None or dataset.has(folder) else _command(dataset, domain, stored_size(size or SIZE), fit)


def outdated_command(dataset: DataSet, folder: str, size: Size | None, fit: Fit = SQUASH) -> str | None:
    """The command that makes a folder again, if `make_edges` made it in another size or shape, or of other training
    images than there are now; else None.

    Args:
        size, fit: px to which a training resizes the images, and how; a size of None is any size.
    """
    domain, record = _domain_of(folder), _read_record(dataset.folder(folder))
    if domain is None or record is None:
        return None
    wanted = stored_size(size) if size else record["size"]
    made = (record["size"], record.get("fit", SQUASH), record["sources"])
    if made == (wanted, fit, dataset.fingerprint((TRAIN[domain],))):
        return None
    return _command(dataset, domain, wanted, fit)


def _domain_of(folder: str) -> str | None:
    return next((domain for domain, name in EDGES.items() if name == folder), None)


def _command(dataset: DataSet, domain: str, size: int | list[int], fit: Fit) -> str:
    command = f"ugbench data make edges --dataset {shlex.quote(str(dataset.root))}"
    command += "" if domain == "B" else f" --domain {domain}"
    command += "" if size == SIZE else f" --size {size_text(size)}"
    return command if fit == SQUASH else f"{command} --fit {fit}"


def smooth_edges(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image in which the pixels around its edges are blurred, and all other pixels are as before.

    Edges are those of Canny on the grey image, with thresholds 100 and 200, dilated by 5x5 ones. The blur is a 5x5
    Gaussian as OpenCV defines it for this size (in each direction 1, 4, 6, 4 and 1 sixteenths), on the image continued
    by reflection, rounded to the nearest level.

    Args:
        image: RGB (h, w, 3), at least 3 px high and wide.
    Returns:
        RGB (h, w, 3).
    """
    import cv2

    edges = cv2.Canny(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), *THRESHOLDS)
    near_edge = cv2.dilate(edges, np.ones((KERNEL, KERNEL), np.uint8)) > 0
    gaussian = cv2.getGaussianKernel(KERNEL, 0)
    blurred = cv2.sepFilter2D(image.astype(np.float64), -1, gaussian, gaussian, borderType=cv2.BORDER_REFLECT_101)
    return np.where(near_edge[..., None], blurred.round().astype(np.uint8), image)


def make_edges(
    dataset: DataSet, domain: str, size: Size, progress: Progress | None = None, fit: Fit = SQUASH
) -> tuple[Path, int, bool]:
    """Write the training images of a domain with smoothed edges to a folder edgesA or edgesB of the data set.

    Each image is resized as training does it (`ugbench.data.fitting.training_image`) and becomes <stem>.png. An
    interrupted call leaves what it has made in a hidden folder, and the same call goes on with it. A folder that was
    made of the same images in the same size and shape is left as it is; a folder that an earlier call made of other
    images, or in another size or shape, is replaced.

    Args:
        domain: "A" or "B".
        progress: called after each image.
    Returns:
        The folder, the number of its images, and whether anything was made.
    Raises:
        UsageError: OpenCV is not installed, or two training images have one stem.
        DataError: a training image cannot be read, or the folder holds files that `make_edges` has not written.
        DiskError: the system refuses a file.
    """
    sources = dataset.split(TRAIN[domain])
    check_stems(sources)
    state = {"sources": dataset.fingerprint((TRAIN[domain],)), "size": stored_size(size)}
    state |= {} if fit == SQUASH else {"fit": fit}
    folder = dataset.folder(EDGES[domain])
    record = _check_is_ours(folder)
    targets = {f"{source.stem}.png": source for source in sources}
    if record is not None and _is_complete(folder, record, state, targets):
        return folder, len(targets), False
    if find_spec("cv2") is None:
        raise UsageError(
            "`ugbench data make edges` needs OpenCV; install it with `pip install 'ugbench[edges]'`, or with `pip "
            "install opencv-python-headless`."
        )
    unfinished = folder.with_name(f".ugbench-{EDGES[domain]}-unfinished")
    replaced = folder.with_name(f".ugbench-{EDGES[domain]}-replaced")
    with writing(folder):
        _begin(unfinished, state)
        for name, source in tracked(targets.items(), len(targets), progress):
            if not (unfinished / name).exists():
                _write(source, unfinished / name, size, fit)
        for path in unfinished.iterdir():
            if path.name not in targets:
                path.unlink()
        files = dict(zip(targets, hash_files([unfinished / name for name in targets]), strict=True))
        _write_record(unfinished, {**state, "files": files})
        if replaced.exists():
            shutil.rmtree(replaced)
        if folder.exists():
            folder.rename(replaced)
        unfinished.rename(folder)
        if replaced.exists():
            shutil.rmtree(replaced)
    return folder, len(targets), True


def _check_is_ours(folder: Path) -> dict[str, Any] | None:
    """The record of a folder that `make_edges` has made; None if there is no folder, or an empty one.

    Raises:
        DataError: the folder holds something else.
    """
    if not folder.exists() and not folder.is_symlink():
        return None
    if folder.is_symlink() or not folder.is_dir():
        raise DataError(f"{folder}: a link or a file lies in the place of this folder; move it away.")
    record = _read_record(folder)
    known = {} if record is None else record["files"]
    paths = sorted(path for path in folder.iterdir() if record is None or path.name != RECORD)
    foreign = [path for path in paths if path.name not in known or path.is_symlink() or not path.is_file()]
    if not foreign:
        hashes = zip(paths, hash_files(paths), strict=True)
        foreign = [path for path, sha256 in hashes if sha256 != known[path.name]]
    if foreign:
        raise DataError(
            f"{foreign[0]}: `ugbench data make edges` has not written that, or it was changed since; move the file or "
            "the folder away, and run this again."
        )
    return record


def _is_complete(
    folder: Path, record: Mapping[str, Any], state: Mapping[str, Any], targets: Mapping[str, Path]
) -> bool:
    same = _state_of(record) == state and record["files"].keys() == targets.keys()
    return same and all((folder / name).exists() for name in targets)


def _state_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the images of a folder were made of, and how: its record without their hashes."""
    return {name: value for name, value in record.items() if name != "files"}


def _begin(unfinished: Path, state: dict[str, Any]) -> None:
    """Make the folder of unfinished work, or keep that of an interrupted call with the same images and size."""
    record = _read_record(unfinished)
    if record is None or _state_of(record) != state:
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir()
        _write_record(unfinished, {**state, "files": {}})


def _write(source: Path, target: Path, size: Size, fit: Fit) -> None:
    import torch

    from ugbench.data.tensors import save_png

    pixels = smooth_edges(np.array(training_image(read_image(source), size, fit)))
    save_png(torch.from_numpy(pixels).permute(2, 0, 1), target)


def _read_record(folder: Path) -> dict[str, Any] | None:
    """The content of a folder's RECORD; None if there is none that can be read."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    complete = isinstance(content, dict) and content.keys() - {"fit"} == {"sources", "size", "files"}
    return content if complete and isinstance(content["files"], dict) and is_size(content["size"]) else None


def _write_record(folder: Path, content: Mapping[str, Any]) -> None:
    (folder / RECORD).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
