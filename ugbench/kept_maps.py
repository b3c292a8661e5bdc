"""The heat maps that a run keeps for its scores and figures: RUN/outputs/<direction>/maps.safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ugbench import translate
from ugbench.data.datasets import TEST, DataSet
from ugbench.data.images import load_images
from ugbench.errors import RunError
from ugbench.method import Direction, Method
from ugbench.train.run import Run

FILE = "maps.safetensors"
BATCH = 8


@dataclass(frozen=True)
class Maps:
    """Heat maps of a data set's test sources, one way.

    Attributes:
        heat: unscaled, float32 (n, 1, h, w) in the order of the sources, by name, the main one first.
        attended: the names of those that are attention; the others are of plain features (`Method.feature_maps`).
        step: of the weights that made them.
    """

    heat: Mapping[str, Tensor]
    attended: frozenset[str]
    step: int


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
    file = run.path / "outputs" / direction / FILE
    with run.making_outputs():
        found = _read(file)
        if found is not None and (found[0].step, found[1]) == (at, fingerprint):
            return found[0]
        method, _ = translate.load(run, device, step, whole=True)
        maps = _maps_of(method, sources, direction, at)
        _write(file, maps, fingerprint)
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


def kept_maps(run: Run, direction: Direction) -> Maps | None:
    """The maps that lie beside a run's outputs; None where none were made.

    Raises:
        RunError: the file is damaged.
    """
    found = _read(run.path / "outputs" / direction / FILE)
    return None if found is None else found[0]


def made_at(run: Run, direction: Direction) -> int | None:
    """The step of the maps that lie beside a run's outputs; None where none were made.

    Raises:
        RunError: the file is damaged.
    """
    found = kept_maps(run, direction)
    return None if found is None else found.step


def _read(file: Path) -> tuple[Maps, str] | None:
    """The maps and the fingerprint of their sources; None where there is no such file."""
    try:
        with safe_open(file, "pt") as opened:
            note = json.loads(opened.metadata()["note"])
            heat = {name: opened.get_tensor(name) for name in note["maps"]}
        return Maps(heat, frozenset(note["attended"]), note["step"]), note["sources"]
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        raise RunError(f"{file} is damaged; remove it, and `ugbench eval --metric cam_mass` makes it again.") from None


def _write(file: Path, maps: Maps, fingerprint: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # safetensors keeps tensors in an order of its own, so the names' order stands in the note.
    note = {"step": maps.step, "sources": fingerprint, "maps": list(maps.heat), "attended": sorted(maps.attended)}
    aside = file.with_name(f".{uuid4().hex}")
    save_file({name: heat.contiguous() for name, heat in maps.heat.items()}, aside, {"note": json.dumps(note)})
    aside.replace(file)
