"""The outputs of any other tool, from a folder or made by a command, as a run of the method `external`."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ugbench.data.datasets import DataSet
from ugbench.data.images import FORMATS, Size, check_stems, is_image, list_images, read_image
from ugbench.data.splits import TEST
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import DataError, UgbenchError, UsageError
from ugbench.imports.target import checked_name, dataset_record, digests, home, open_import
from ugbench.runs.run import EXTERNAL, Origin, Run, RunConfig
from ugbench.runs.stored_outputs import commonest_size


@dataclass(frozen=True)
class Matched:
    """One direction's outputs held against the data set's test sources.

    Attributes:
        files: outputs that have a source, sorted by name.
        missing: stems of sources without an output.
        extra: outputs without a source, which are left out.
        odd: outputs of another size than most, which scores squash to it.
        size: what most of them have, px.
        images: how many sources there are.
    """

    files: tuple[Path, ...]
    missing: tuple[str, ...]
    extra: tuple[Path, ...]
    odd: tuple[Path, ...]
    size: Size
    images: int


def match(folder: Path, dataset: DataSet, direction: Direction) -> Matched:
    """The images of a folder by the stems of the data set's test sources.

    Raises:
        DataError: no such folder, no image in it, not one with a source's stem, or one that cannot be read.
        UsageError: two outputs have one stem.
    """
    sources = dataset.split(TEST[direction[0]])
    check_stems(sources)
    found = list_images(folder)
    stems = {path.stem for path in sources}
    files = [path for path in found if path.stem in stems]
    check_stems(files)
    if not files:
        raise DataError(
            f"{folder}: none of its {len(found)} images has the stem of a source in {sources[0].parent} "
            f"({found[0].name} against {sources[0].name}); rename them, or give another --direction or --dataset."
        )
    for file in files:
        read_image(file)
    size, own = commonest_size(files), {path.stem for path in files}
    return Matched(
        tuple(files),
        tuple(path.stem for path in sources if path.stem not in own),
        tuple(path for path in found if path.stem not in stems),
        tuple(path for path in files if _size(path) != size),
        size,
        len(sources),
    )


def folders_by_direction(folder: Path, direction: Direction | None) -> dict[Direction, Path]:
    """One direction's folder, or the subfolders A2B and B2A that are there.

    Raises:
        DataError: there is no such folder.
        UsageError: it has both images and such subfolders.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name one of images, or of subfolders A2B and B2A.")
    inside: dict[Direction, Path] = {way: folder / way for way in DIRECTIONS if (folder / way).is_dir()}
    if not inside:
        return {direction or "A2B": folder}
    if any(map(is_image, folder.iterdir())):
        raise UsageError(f"{folder}: has images beside {' and '.join(inside)}; name the folder of one direction.")
    return {way: path for way, path in inside.items() if direction in (None, way)} or {direction or "A2B": folder}


@contextmanager
def made_by_command(template: str, dataset: DataSet, direction: Direction) -> Iterator[dict[Direction, Path]]:
    """The folder that a tool filled: {input} is the folder of test sources, {output} an empty one to write into.

    The template is split into words as a shell would, but no shell reads it.

    Raises:
        UsageError: it lacks {input} or {output}, its quotes do not close, or its program is not there.
        UgbenchError: the program failed.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise UsageError(f"--command {template!r}: {error}; close its quotes.") from None
    if not all(any(mark in word for word in words) for mark in ("{input}", "{output}")):
        raise UsageError(f"--command {template!r}: it needs {{input}} and {{output}}, the folders to read and to fill.")
    sources = dataset.split(TEST[direction[0]])[0].parent.resolve()
    with tempfile.TemporaryDirectory(prefix="ugbench-external-") as output:
        filled = [word.replace("{input}", str(sources)).replace("{output}", output) for word in words]
        try:
            done = subprocess.run(filled, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        except OSError as error:
            raise UsageError(f"--command: {words[0]} could not be run ({error.strerror}); check its path.") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise UgbenchError(f"--command: {words[0]} ended with {done.returncode} ({last}); mend it and try again.")
        if not any(map(is_image, Path(output).iterdir())):
            raise UgbenchError(f"--command: {words[0]} left no image in {{output}}; have it write files there.")
        yield {direction: Path(output)}


def import_outputs(
    matched: Mapping[Direction, Matched],
    name: str,
    dataset: DataSet,
    results: Path,
    command: str | None = None,
) -> Run:
    """Copy matched outputs, as they are, into a run; the same outputs again are the same run.

    Raises:
        UsageError: the name cannot be a method's, or other outputs have it.
    """
    checked_name(name)
    digest = {f"{way}/{key}": sha for way, own in matched.items() for key, sha in _digests(own.files).items()}
    config = RunConfig(
        method=EXTERNAL,
        variant=None,
        preset=None,
        config={},
        dataset=dataset_record(dataset),
        direction=next(iter(matched)) if len(matched) == 1 else None,
        seed=None,
        precision="fp32",
        origin=Origin(name=name, files=digest, command=command),
    )
    run = open_import(home(results, dataset), config)
    for way, own in matched.items():
        target = run.outputs(way)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for file in own.files:
            shutil.copyfile(file, target / file.name)
    return run


def _digests(files: Sequence[Path]) -> dict[str, str]:
    return digests(files, files[0].parent)


def _size(file: Path) -> Size:
    with Image.open(file, formats=FORMATS) as image:
        width, height = image.size
    return width if width == height else (width, height)
