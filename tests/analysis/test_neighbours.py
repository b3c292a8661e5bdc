"""Nearest training images: distances and limits worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ugbench.analysis import neighbours as module
from ugbench.analysis.neighbours import Neighbour, Neighbours, nearest, quantiles
from ugbench.data.fitting import Transform


def pairs(*distances: float) -> tuple[Neighbour, ...]:
    return tuple(Neighbour(Path(f"{place}.png"), Path("train.png"), far) for place, far in enumerate(distances))


def test_the_nearest_is_found_with_its_euclidean_distance() -> None:
    rows = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    columns = torch.tensor([[3.0, 4.0], [10.0, 2.0], [-6.0, 0.0]])
    distances, places = nearest(rows, columns)
    assert (distances.tolist(), places.tolist()) == ([5.0, 2.0], [0, 1])


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.randn(23, 6, generator=generator), torch.randn(17, 6, generator=generator)
    whole = nearest(rows, columns)
    monkeypatch.setattr(module, "ROWS", 5)
    assert all(torch.equal(one, other) for one, other in zip(nearest(rows, columns), whole, strict=True))
    assert len(set(whole[1].tolist())) > 3


def test_a_copy_is_at_distance_zero_even_among_large_features() -> None:
    columns = 1e3 + torch.randn(400, 64, generator=torch.Generator().manual_seed(0))
    distances, places = nearest(columns[7:9] + torch.tensor([[0.0], [1e-2]]), columns)
    assert places.tolist() == [7, 8]
    assert distances[0] == 0 and float(distances[1]) == pytest.approx(0.08, rel=0.01)


def test_near_outputs_are_those_under_the_first_percent_of_real_distances() -> None:
    real = pairs(*(float(n) for n in range(1, 102)))
    assert quantiles(real, (0.0, 0.01, 0.5, 1.0)) == (1.0, 2.0, 51.0, 101.0)
    found = Neighbours("A2B", pairs(0.5, 1.9, 2.0, 40.0), real, Transform(32), 1)
    assert found.limit == 2.0
    assert [one.distance for one in found.near] == [0.5, 1.9]
