"""What all figures share: their choice of runs, labels, size, and how they are saved."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pytest
from PIL import Image

from ugbench import registry
from ugbench.errors import UsageError
from ugbench.figures import _style, comparison, losses
from ugbench.figures._context import FigureContext, label_runs, save
from ugbench.runs.run import Run

Make = Callable[..., Run]


def test_every_figure_has_a_title_and_draws() -> None:
    for name in registry.modules("figures"):
        module = registry.load("figures", name)
        assert isinstance(module.TITLE, str) and callable(module.draw)


def test_labels_say_no_more_than_tells_runs_apart(make_run: Make) -> None:
    runs = [make_run("cut"), make_run("ugatit", seed=0), make_run("ugatit", seed=1)]
    assert label_runs(runs) == ["cut", "ugatit seed 0", "ugatit seed 1"]
    twins = [make_run("cut", lr=0.5), make_run("cut", lr=1), make_run("cut", seed=1, lr=1)]
    assert label_runs(twins) == ["cut (lr 0.5)", "cut (lr 1) seed 0", "cut (lr 1) seed 1"]
    assert label_runs([make_run("cut"), make_run("cut", name="dial")]) == ["cut photos", "cut dial"]
    assert label_runs([make_run("cut"), make_run("ugatit", name="dial")]) == ["cut photos", "ugatit dial"]


def test_runs_of_several_data_sets_are_not_drawn_together(make_run: Make, log: Make, context: FigureContext) -> None:
    log(make_run("cut"), g__nce=[1, 2])
    log(make_run("cut", name="dial"), g__nce=[1, 2])
    with pytest.raises(UsageError, match=r"several data sets \(dial, photos\)"):
        losses.draw(context)
    assert losses.draw(FigureContext(context.results, dataset="dial")).axes


def test_no_runs_say_how_to_make_one(context: FigureContext) -> None:
    with pytest.raises(UsageError, match=r"--results .*results: there is no such folder"):
        losses.draw(context)


def test_png_and_pdf_are_saved_by_suffix_with_embedded_fonts_and_the_same_bytes(
    make_run: Make, log: Make, context: FigureContext, tmp_path: Path
) -> None:
    log(make_run("ugatit"), g__cycle=[2.0, 1.0])
    figure = losses.draw(context)
    for suffix in ("png", "pdf"):
        for name in ("first", "second"):
            save(figure, tmp_path / "new" / f"{name}.{suffix}")
        first, second = (tmp_path / "new" / f"{name}.{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()
    with Image.open(tmp_path / "new" / "first.png") as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    pdf = (tmp_path / "new" / "first.pdf").read_bytes()
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf and b"CreationDate" not in pdf


def test_another_suffix_is_refused(context: FigureContext, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"figure\.gif: a figure is written as \.png or \.pdf"):
        save(_style.blank(1, 1), tmp_path / "figure.gif")


def test_drawing_leaves_no_trace_in_matplotlibs_state(make_run: Make, log: Make, context: FigureContext) -> None:
    log(make_run("ugatit"), g__cycle=[2.0, 1.0])
    before = dict(matplotlib.rcParams)
    losses.draw(context)
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_no_figure_is_higher_than_a_page() -> None:
    assert _style.blank(1, 9).get_figheight() == _style.HEIGHT == 9
    with pytest.raises(UsageError, match=r"12\.0 inches high, but a page is 9 inches high; draw fewer runs \(--run\)"):
        _style.blank(7, 12)


def test_figures_are_no_wider_than_a_page(make_run: Make, log: Make, translate: Make, context: FigureContext) -> None:
    run = log(translate(make_run("ugatit"), 50), g__cycle=[2.0, 1.0])
    others = [translate(make_run("cut", seed=seed), 50) for seed in range(9)]
    assert losses.draw(FigureContext(context.results, [run])).get_figwidth() <= _style.WIDTH
    assert comparison.draw(FigureContext(context.results, [run, *others])).get_figwidth() <= _style.WIDTH + 1e-9
