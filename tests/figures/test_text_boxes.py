"""No text of a figure leaves the page or lies on another, however long labels are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from text_boxes import check

from ugbench.data.dataset_names import resolve
from ugbench.errors import UsageError
from ugbench.figures import cam_mass, losses, rho, rho_layers, scores
from ugbench.figures._context import FigureContext
from ugbench.runs.run import Run
from ugbench.scoring import record

Make = Callable[..., Run]
NAMES = ("dial-s0-t0.5-32", "dial-s1-t0.25-32")
VARIANTS = (None, "no-gcam", "no-global", "rho05")


@pytest.fixture
def runs(make_run: Make, log: Make) -> list[Run]:
    """Two data sets, four variants, two seeds, so that labels say all three."""
    layers = {f"rho/generator_{direction}.decoder.{k}": [0.0, 0.5] for direction in ("a2b", "b2a") for k in range(4)}
    losses = {f"generators/cycle_{direction}": [2.0, 1.0] for direction in "ab"}
    made = [
        make_run("ugatit", variant, seed=seed, name=name) for name in NAMES for variant in VARIANTS for seed in (0, 1)
    ]
    return [log(run, {**layers, **losses}) for run in made]


@pytest.mark.parametrize("count", [1, 3, 10, 14])
def test_labels_of_rho_stay_on_the_page(runs: list[Run], context: FigureContext, count: int) -> None:
    chosen = FigureContext(context.results, runs[:: len(runs) // count][:count])
    check(rho_layers.draw(chosen))
    check(rho.draw(chosen))


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_labels_of_losses_stay_on_the_page(runs: list[Run], context: FigureContext, count: int) -> None:
    check(losses.draw(FigureContext(context.results, runs[:count])))


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("direction", ["A2B", None])
def test_labels_of_scores_stay_on_the_page(
    runs: list[Run], context: FigureContext, make_record: Any, count: int, direction: Any
) -> None:
    for run in runs[:count]:
        fields = {"run": run.id, "dataset": NAMES[0], "seed": run.config.seed, "variant": run.config.variant}
        for scored_direction in ("A2B", "B2A"):
            fields["direction"] = scored_direction
            made = [make_record("kid", "ugatit", 0.1, step=step, extractor="random", **fields) for step in (50, 100)]
            record.append(run.scores_file, made)
    check(scores.draw(FigureContext(context.results, runs[:count], direction=direction)))


@pytest.mark.parametrize(("seeds", "directions"), [(1, ("A2B",)), (12, ("A2B",)), (2, ("A2B", "B2A"))])
def test_labels_of_cam_mass_stay_on_the_page(
    make_run: Make, store_maps: Any, context: FigureContext, tmp_path: Path, seeds: int, directions: tuple[str, ...]
) -> None:
    dial = resolve("dial:size=16,train=2,test=3,texture=0,shape=1", tmp_path / "data")
    for variant in (None, "no-global"):
        for seed in range(seeds):
            run = make_run("ugatit", variant, seed=seed, name=dial.name, root=dial.root)
            for direction in directions:
                store_maps(
                    run, {"generator"}, direction, names=("generator", "discriminator-global", "discriminator-local")
                )
    check(cam_mass.draw(context))


def test_more_runs_than_a_page_has_lines_for_are_refused(
    make_run: Make, store_maps: Any, context: FigureContext, tmp_path: Path
) -> None:
    dial = resolve("dial:size=16,train=2,test=3,texture=0,shape=1", tmp_path / "data")
    for seed in range(45):
        store_maps(make_run("ugatit", seed=seed, name=dial.name, root=dial.root), {"generator"})
    with pytest.raises(
        UsageError, match="attention maps of 45 runs do not fit on a page 9 inches high; draw fewer: --run"
    ):
        cam_mass.draw(context)
