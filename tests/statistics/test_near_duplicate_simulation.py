"""Near-duplicates among scored images; benchmarks/simulations/near_duplicates.py makes the figures of the docs."""

import json

import pytest
import torch
from simulations import ROOT, loaded

FIGURES = ROOT / "docs" / "reference" / "simulations" / "near_duplicates.json"


def test_one_image_of_each_cluster_keeps_the_promise_where_all_images_break_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulation = loaded("near_duplicates")
    monkeypatch.setattr(simulation, "CLUSTERS", {"pairs": (2,) * 50})
    monkeypatch.setattr(simulation, "SHARES", (0.0,))
    generator = torch.Generator().manual_seed(0)

    def versions(centre: float) -> torch.Tensor:
        photographs = torch.randn(120, 1, 8, generator=generator)
        return (centre + photographs + 0.1 * torch.randn(120, 4, 8, generator=generator)).flatten(0, 1)

    (row,) = simulation.simulate({"dogs": versions(0.0), "cats": versions(1.0)}, draws=200)
    assert row["size all"] > 0.3
    assert row["coverage all"] < 0.8
    assert row["size one"] <= 0.05 + 0.04
    assert min(row["coverage one"], row["coverage left_out"]) >= 0.93 - 0.03


def test_the_committed_figures_keep_the_promise_and_the_page_shows_them() -> None:
    simulation = loaded("near_duplicates")
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    assert figures["draws"] >= 1000
    assert {(row["clusters"], row["cats"]) for row in figures["rows"]} == {
        (name, f"{share:.0%}") for name in simulation.CLUSTERS for share in simulation.SHARES
    }
    for row in figures["rows"]:
        assert row["coverage one"] >= 0.95, row
        assert row["size one"] is None or row["size one"] <= 0.06, row
    assert min(row["coverage all"] for row in figures["rows"]) < 0.1
    for kind in ("dogs", "cats"):
        photographs = figures["found"][f"{kind}: photographs"]
        assert figures["found"][f"{kind}: with all versions in one cluster"] == photographs == 180
        assert figures["found"][f"{kind}: clusters of several photographs"] == 0
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert simulation.markdown_table(figures["rows"]) in page
