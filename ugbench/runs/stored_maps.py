"""The attention maps that are stored for a run's scores and figures, in RUN/outputs/<direction>/maps.safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.runs.checkpoint import write_tensors
from ugbench.runs.files import has_tensor_header, is_file
from ugbench.runs.folder import RunFolder
from ugbench.runs.json_file import make_folder, parse_object


@dataclass(frozen=True)
class AttentionMaps:
    """The attention maps of a data set's test images in one direction.

    Attributes:
        maps: unscaled, float32 (n, 1, h, w) in the order of the sources, by the name of the map; the main map first.
        attended: the names of the maps that come from attention; the others come from plain features
            (`Method.feature_maps`).
        step: the step of the weights that made the maps.
        sources: the fingerprint of the sources, see `DataSet.fingerprint`.
    """

    maps: Mapping[str, Tensor]
    attended: frozenset[str]
    step: int
    sources: str


def read_maps(run: RunFolder, direction: Direction) -> AttentionMaps | None:
    """The stored maps of a run; None if none are stored.

    Raises:
        RunError: the file is damaged.
    """
    file = run.maps_file(direction)
    if not is_file(file):
        return None
    try:
        if not has_tensor_header(file):
            raise ValueError
        with safe_open(file, "pt") as stream:
            note = parse_object(stream.metadata()["note"])
            maps = {name: stream.get_tensor(name) for name in note["maps"]}
        return AttentionMaps(maps, frozenset(note["attended"]), int(note["step"]), str(note["sources"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        raise RunError(f"{file} is damaged; remove it, and `ugbench eval --metric cam_mass` makes it again.") from None


def maps_step(run: RunFolder, direction: Direction) -> int | None:
    """The step of the stored maps of a run, None if none are stored; raises the errors of `read_maps`."""
    maps = read_maps(run, direction)
    return None if maps is None else maps.step


def write_maps(run: RunFolder, direction: Direction, maps: AttentionMaps) -> None:
    """Store the maps of a run."""
    file = run.maps_file(direction)
    make_folder(file.parent)
    # safetensors does not keep the order of the tensors, so the note lists their names in order.
    note = {"step": maps.step, "sources": maps.sources, "maps": list(maps.maps), "attended": sorted(maps.attended)}
    write_tensors(file, maps.maps, {"note": json.dumps(note)})
