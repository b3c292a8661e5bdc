"""Translates the test images of a data set for a run, and stores the outputs and attention maps in the run's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.datasets import DataSet
from ugbench.data.splits import TEST
from ugbench.data.tensors import load_images
from ugbench.direction import Direction
from ugbench.inference import translate
from ugbench.inference.image_files import How, has_attention, write_outputs
from ugbench.method import Method
from ugbench.runs import stored_maps
from ugbench.runs.checkpoint import write_json
from ugbench.runs.run import Run
from ugbench.runs.stored_maps import Maps
from ugbench.runs.stored_outputs import NOTE

BATCH = 8


def make_outputs(
    run: Run,
    dataset: DataSet,
    direction: Direction,
    device: torch.device,
    step: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Translate the data set's test sources into RUN/outputs/<direction>/, where that is not done already.

    Outputs of another step or of other sources are replaced, and made again where some are gone; another tool's are
    left as they were imported. Where another process is at it, this waits for it.
    Overlays of heat maps lie beside them, in attention/, where the method has any.

    Raises:
        RunError: nothing was saved yet, or no such checkpoint.
    """
    if run.config.is_external:
        return
    folder = run.path / "outputs" / direction
    at = run.step() if step is None else step
    note = {"step": at, "sources": dataset.fingerprint((TEST[direction[0]],))}
    with run.making_outputs():
        sources = dataset.split(TEST[direction[0]])
        same = (folder / NOTE).exists() and json.loads((folder / NOTE).read_text(encoding="utf-8")) == note
        if same and all((folder / f"{path.stem}.png").exists() for path in sources):
            return
        method, _ = translate.load(run, device, step, whole=True)
        if not same:
            shutil.rmtree(folder, ignore_errors=True)
        how = How(mode=run.config.precision, attention=has_attention(method, direction))
        write_outputs(method, sources, folder, direction, how, progress)
        # Written last: a folder without it was cut short and is made again.
        write_json(folder / NOTE, note)


def make_maps(run: Run, dataset: DataSet, direction: Direction, device: torch.device, step: int | None = None) -> Maps:
    """The maps of the data set's test sources: the kept ones, or new ones from the run's weights, which are kept.

    A method without any, and another tool's outputs, have no maps.

    Args:
        step: of a kept checkpoint; None is the last.
    Raises:
        RunError: nothing was saved yet, no such checkpoint, or a damaged file.
        DataError: a source cannot be read.
    """
    at = run.step() if step is None else step
    if run.config.is_external:
        return Maps({}, frozenset(), at)
    sources = dataset.split(TEST[direction[0]])
    fingerprint = dataset.fingerprint((TEST[direction[0]],))
    file = run.path / "outputs" / direction / stored_maps.FILE
    with run.making_outputs():
        found = stored_maps.read(file)
        if found is not None and (found[0].step, found[1]) == (at, fingerprint):
            return found[0]
        method, _ = translate.load(run, device, step, whole=True)
        maps = _maps_of(method, sources, direction, at)
        stored_maps.write(file, maps, fingerprint)
    return maps


def _maps_of(method: Method, sources: Sequence[Path], direction: Direction, step: int) -> Maps:
    parts: list[dict[str, Tensor]] = []
    attended: frozenset[str] = frozenset()
    for start in range(0, len(sources), BATCH):
        images = load_images(sources[start : start + BATCH], method.config.size)
        parts += translate.attention(method, images, direction, batch_size=BATCH, plain=True)
        if start == 0:
            attended = frozenset(next(translate.attention(method, images[:1], direction)))
    return Maps({name: torch.cat([part[name] for part in parts]) for name in parts[0]}, attended, step)
