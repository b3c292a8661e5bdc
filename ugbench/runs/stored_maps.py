"""The heat maps that a run keeps for its scores and figures: RUN/outputs/<direction>/maps.safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ugbench.direction import Direction
from ugbench.errors import RunError
from ugbench.runs.run import Run

FILE = "maps.safetensors"


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


def kept_maps(run: Run, direction: Direction) -> Maps | None:
    """The maps that lie beside a run's outputs; None where none were made.

    Raises:
        RunError: the file is damaged.
    """
    found = read(run.path / "outputs" / direction / FILE)
    return None if found is None else found[0]


def made_at(run: Run, direction: Direction) -> int | None:
    """The step of the maps that lie beside a run's outputs; None where none were made.

    Raises:
        RunError: the file is damaged.
    """
    found = kept_maps(run, direction)
    return None if found is None else found.step


def read(file: Path) -> tuple[Maps, str] | None:
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


def write(file: Path, maps: Maps, fingerprint: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # safetensors keeps tensors in an order of its own, so the names' order stands in the note.
    note = {"step": maps.step, "sources": fingerprint, "maps": list(maps.heat), "attended": sorted(maps.attended)}
    aside = file.with_name(f".{uuid4().hex}")
    save_file({name: heat.contiguous() for name, heat in maps.heat.items()}, aside, {"note": json.dumps(note)})
    aside.replace(file)
