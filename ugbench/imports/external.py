"""Imports the outputs of another tool as a run of the method `external`.

The outputs come from a folder, or a command makes them.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ugbench.data.datasets import DataSet
from ugbench.data.images import check_stems, is_image, list_images, read_image
from ugbench.data.splits import TEST
from ugbench.direction import DIRECTIONS, Direction
from ugbench.errors import DataError, UgbenchError, UsageError, writing
from ugbench.image_size import Size
from ugbench.imports.imported_run import digests, open_import, runs_folder
from ugbench.imports.tool_suffixes import suffixed_files
from ugbench.runs.json_file import write_json
from ugbench.runs.names import checked_name
from ugbench.runs.origin import Origin
from ugbench.runs.run import EXTERNAL, Run, RunConfig, record_dataset
from ugbench.runs.secrets import redact
from ugbench.runs.stored_outputs import commonest_size


@dataclass(frozen=True)
class MatchedOutputs:
    """The outputs of one direction, matched to the test sources of a data set by their stems.

    Attributes:
        files: outputs that have a source, sorted by name.
        missing: stems of sources without an output.
        extra: outputs without a source; they are not imported.
        odd_sized: outputs of another size than most; scores resize them to `size`.
        size: the commonest size of the outputs, px.
        n_sources: number of sources.
        suffix: what the tool added to the stem of each source, such as `_fake_B`; empty if the stems are equal.
        beside: other files of the tool, such as its copies of the sources; they are not imported.
    """

    files: tuple[Path, ...]
    missing: tuple[str, ...]
    extra: tuple[Path, ...]
    odd_sized: tuple[Path, ...]
    size: Size
    n_sources: int
    suffix: str = ""
    beside: tuple[Path, ...] = ()

    def stored_name(self, file: Path) -> str:
        """The name of an output in the run: the stem of its source with the suffix of the file."""
        return file.stem.removesuffix(self.suffix) + file.suffix


def match_outputs(folder: Path, dataset: DataSet, direction: Direction) -> MatchedOutputs:
    """Match the images of a folder to the test sources of a data set by their stems.

    If each stem is that of a source followed by a suffix that a tool adds, the suffix is ignored; see
    `ugbench.imports.tool_suffixes`.

    Raises:
        DataError: there is no such folder, it holds no image, no image has the stem of a source, or one cannot be read.
        UsageError: two outputs have the same stem.
    """
    sources = dataset.split(TEST[direction[0]])
    check_stems(sources)
    images = list_images(folder)
    stems = {path.stem for path in sources}
    suffixed = suffixed_files(images, stems, direction)
    suffix, beside = ("", ()) if suffixed is None else (suffixed.suffix, suffixed.others)
    files = [path for path in images if path.stem in stems] if suffixed is None else list(suffixed.outputs)
    check_stems(files)
    if not files:
        raise DataError(
            f"{folder}: none of its {len(images)} images has the stem of a source in {sources[0].parent} "
            f"({images[0].name} against {sources[0].name}); rename them, or give another --direction or --dataset."
        )
    for file in files:
        read_image(file)
    size, matched_stems = commonest_size(files), {path.stem.removesuffix(suffix) for path in files}
    return MatchedOutputs(
        tuple(files),
        tuple(path.stem for path in sources if path.stem not in matched_stems),
        () if suffix else tuple(path for path in images if path.stem not in stems),
        tuple(path for path in files if commonest_size([path]) != size),
        size,
        len(sources),
        suffix,
        beside,
    )


def folders_by_direction(folder: Path, direction: Direction | None) -> dict[Direction, Path]:
    """The folder of each direction: the subfolders A2B and B2A if there are any, else the folder itself.

    Args:
        direction: the only direction to import; None imports all subfolders, and takes a folder of images for A2B.
    Raises:
        DataError: there is no such folder.
        UsageError: it has both images and such subfolders.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name a folder of images, or one with subfolders A2B and B2A.")
    subfolders: dict[Direction, Path] = {name: folder / name for name in DIRECTIONS if (folder / name).is_dir()}
    if not subfolders:
        return {direction or "A2B": folder}
    if any(map(is_image, folder.iterdir())):
        raise UsageError(f"{folder}: has images beside {' and '.join(subfolders)}; name the folder of one direction.")
    return {name: path for name, path in subfolders.items() if direction in (None, name)} or {
        direction or "A2B": folder
    }


@contextmanager
def run_tool(template: str, dataset: DataSet, direction: Direction) -> Iterator[dict[Direction, Path]]:
    """Run a tool on the test sources of a direction. The folder that it wrote exists during the `with` block.

    Args:
        template: the command. {input} stands for the folder of test sources, {output} for an empty folder to write to.
            It is split into words as a shell does, but it does not run in a shell.
    Raises:
        UsageError: {input} or {output} is missing, a quote is not closed, or there is no such program.
        UgbenchError: the program failed, or wrote no image.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise UsageError(f"--command {template!r}: {error}; close its quotes.") from None
    if not all(any(mark in word for word in words) for mark in ("{input}", "{output}")):
        raise UsageError(
            f"--command {template!r}: it needs {{input}} and {{output}}, the folders to read and to write."
        )
    sources = dataset.split(TEST[direction[0]])[0].parent.resolve()
    with tempfile.TemporaryDirectory(prefix="ugbench-external-") as output:
        command = [word.replace("{input}", str(sources)).replace("{output}", output) for word in words]
        try:
            done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        except OSError as error:
            raise UsageError(
                f"--command: {redact(words[0])} could not be run ({error.strerror}); check its path."
            ) from None
        if done.returncode:
            reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["it printed no error"])[-1]
            raise UgbenchError(
                f"--command: {words[0]} ended with exit code {done.returncode} ({reason}); fix that and try again."
            )
        if not any(map(is_image, Path(output).iterdir())):
            raise UgbenchError(f"--command: {words[0]} wrote no image to {{output}}; let it write its files there.")
        yield {direction: Path(output)}


def import_outputs(
    matched: Mapping[Direction, MatchedOutputs],
    name: str,
    dataset: DataSet,
    results: Path,
    command: str | None = None,
) -> Run:
    """Copy matched outputs unchanged into a run. Importing the same outputs again gives the same run.

    Args:
        matched: the outputs of each direction.
        name: name of the run in tables.
        command: the command that made the outputs, for the record; what looks like a secret in it is not stored.
    Raises:
        UsageError: the name cannot be used, or a run with other outputs has it.
    """
    checked_name(name)
    digest_by_name = {
        f"{direction}/{outputs.stored_name(Path(file))}": digest
        for direction, outputs in matched.items()
        for file, digest in digests(outputs.files).items()
    }
    config = RunConfig(
        method=EXTERNAL,
        variant=None,
        preset=None,
        config={},
        dataset=record_dataset(dataset),
        direction=next(iter(matched)) if len(matched) == 1 else None,
        seed=None,
        precision="fp32",
        origin=Origin(name=name, files=digest_by_name, command=None if command is None else redact(command)),
    )
    run = open_import(runs_folder(results, dataset), config)
    for direction, outputs in matched.items():
        target = run.outputs(direction)
        with writing(target):
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for file in outputs.files:
                shutil.copyfile(file, target / outputs.stored_name(file))
        # If the outputs were imported again, config.json describes an earlier state of the data set.
        write_json(run.outputs_note(direction), {"step": 0, "sources": dataset.fingerprint((TEST[direction[0]],))})
    return run
