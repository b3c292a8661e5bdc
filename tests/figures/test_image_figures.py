"""Figures of test images: comparison, attention and discriminators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from text_boxes import check

from ugbench.data.dataset_names import resolve
from ugbench.data.images import read_image
from ugbench.errors import RunError, UsageError
from ugbench.figures import _style, attention, best_and_worst, comparison, discriminators
from ugbench.figures._context import FigureContext
from ugbench.runs.origin import Origin
from ugbench.runs.run import Run
from ugbench.scoring import per_image
from ugbench.scoring.per_image import ImageScores

SIZE = 16
Make = Callable[..., Run]


def shown(figure: Any) -> list[int | None]:
    """The grey level of each image in reading order, None for a place without one."""
    return [int(np.asarray(axes.images[0].get_array())[0, 0, 0]) if axes.images else None for axes in figure.axes]


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_comparison_shows_input_and_outputs_of_images_spread_over_the_test_set(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    runs = [translate(make_run("ugatit"), 50), translate(make_run("cut"), 150)]
    figure = comparison.draw(FigureContext(context.results, runs, limit=3))
    assert shown(figure) == [0, 50, 150, 2, 52, 152, 4, 54, 154]
    assert texts(figure) == ["input (A)", "ugatit", "cut"]
    assert shown(comparison.draw(FigureContext(context.results, runs[:1], limit=4)))[::2] == [0, 1, 3, 4]


def test_comparison_shows_every_nth_image_where_that_is_asked_for(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = translate(make_run("ugatit"), 50)
    assert shown(comparison.draw(FigureContext(context.results, [run], every=2)))[::2] == [0, 2, 4]
    assert shown(comparison.draw(FigureContext(context.results, [run], every=3)))[::2] == [0, 3]
    assert shown(comparison.draw(FigureContext(context.results, [run], every=9)))[::2] == [0]


def test_names_of_images_stand_beside_their_rows_where_they_are_asked_for(
    make_run: Make,
    translate: Make,
    make_photos: Callable[[Path, list[str]], Path],
    tmp_path: Path,
) -> None:
    long = "20240131_holiday_in_the_mountains_0001"
    root = make_photos(tmp_path / "data" / "named", ["a_$1$", long])
    runs = [translate(make_run("ugatit", root=root), 50)]
    without, named = (comparison.draw(FigureContext(tmp_path, runs, names=names)) for names in (False, True))
    assert texts(without) == ["input (A)", "ugatit"]
    first, second, name, short = texts(named)
    assert [first, second] == texts(without) and sorted([name, short]) == ["20240131_ho…ntains_0001", "a_$1$"]
    check(named)
    assert named.get_figwidth() > without.get_figwidth()


@pytest.mark.parametrize("draw", [comparison.draw, best_and_worst.draw])
def test_outputs_of_another_tool_are_shown_at_their_commonest_size(
    make_run: Make, translate: Make, context: FigureContext, draw: Callable[[FigureContext], Figure]
) -> None:
    external = translate(make_run("external", origin=Origin(name="acme", files={})), 50)
    for place, file in enumerate(sorted(external.outputs("A2B").iterdir())):
        Image.new("RGB", (8, 8) if place == 0 else (24, 12)).save(file)
    scores = ImageScores(metric="kid", protocol_id="kid", values={f"{k:02d}": k for k in range(5)})
    per_image.store(external, "A2B", None, scores)
    native = translate(make_run("cut", size=[24, 12]), 150)
    for runs in ([external], [native, external]):
        images = [axes.images[0] for axes in draw(FigureContext(context.results, runs)).axes]
        assert {np.asarray(image.get_array()).shape for image in images} == {(12, 24, 3)}


@pytest.mark.parametrize("count", [2, 5, 11])
def test_headings_break_at_spaces_and_joints_and_stay_over_their_images(
    make_run: Make, translate: Make, context: FigureContext, count: int
) -> None:
    runs = [translate(make_run("ugatit", "no-cam", seed=seed), 50) for seed in range(count)]
    figure = comparison.draw(FigureContext(context.results, runs, limit=1))
    check(figure)
    for text in texts(figure)[1:]:
        assert text.replace("-\n", "-").replace("\n", " ").startswith("ugatit-no-cam")
    sizes = {text.get_fontsize() for text in figure.texts}
    assert sizes == {7.0 if count < 11 else 5.0}
    headings = [text.get_window_extent() for text in figure.texts]
    images = [axes.get_window_extent() for axes in figure.axes]
    for heading, image in zip(headings, images, strict=True):
        assert image.x0 - 2 <= heading.x0 and heading.x1 <= image.x1 + 2


def test_comparison_shows_truth_on_a_dial(
    make_run: Make, translate: Make, tmp_path: Path, context: FigureContext
) -> None:
    dial = resolve(f"dial:size={SIZE},train=2,test=2", tmp_path / "data")
    run = make_run("ugatit", name=dial.name, root=dial.root)
    for direction in ("A2B", "B2A"):
        translate(run, 50, direction)
    figure = comparison.draw(FigureContext(context.results, [run], limit=1))
    assert texts(figure) == ["input (A)", "ugatit", "truth (B)", "input (B)", "ugatit", "truth (A)"]
    a, b = (np.asarray(read_image(dial.split(split)[0])) for split in ("testA", "testB"))
    assert (a != b).any()
    images = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    for place, image in ((0, a), (2, b), (3, b), (5, a)):
        np.testing.assert_array_equal(images[place], image)


def test_comparison_shows_attention_where_there_are_overlays(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    other = translate(make_run("cut"), 150)
    figure = comparison.draw(FigureContext(context.results, [other, run], limit=1))
    assert shown(figure) == [0, 200, 150, 50]
    assert texts(figure)[:2] == ["input (A)", "attention ugatit"]


def test_comparison_leaves_the_place_of_a_run_without_outputs_empty(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    both = translate(translate(make_run("ugatit"), 50), 70, "B2A")
    half = translate(make_run("cyclegan"), 150)
    assert shown(comparison.draw(FigureContext(context.results, [both, half], limit=1))) == [0, 50, 150, 100, 70, None]


def test_comparison_gives_a_run_that_learnt_one_direction_no_column_in_the_other(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    both = translate(translate(make_run("ugatit"), 50), 70, "B2A")
    one_direction = translate(make_run("cut"), 150)
    assert shown(comparison.draw(FigureContext(context.results, [both, one_direction], limit=1))) == [
        0,
        50,
        150,
        100,
        70,
    ]


def test_comparison_keeps_to_one_direction(make_run: Make, translate: Make, context: FigureContext) -> None:
    run = translate(translate(make_run("ugatit"), 50), 70, "B2A")
    figure = comparison.draw(FigureContext(context.results, [run], direction="B2A", limit=1))
    assert shown(figure) == [100, 70]


def test_comparison_skips_images_that_a_run_has_not_translated(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = translate(make_run("ugatit"), 50)
    (run.path / "outputs" / "A2B" / "00.png").unlink()
    assert shown(comparison.draw(FigureContext(context.results, [run], limit=1))) == [1, 51]


def test_comparison_without_outputs_says_how_to_make_them(make_run: Make, context: FigureContext) -> None:
    make_run("ugatit")
    with pytest.raises(UsageError, match="run `ugbench eval`"):
        comparison.draw(context)


def test_comparison_with_the_data_gone_names_where_it_was(
    make_run: Make, translate: Make, dataset: Path, context: FigureContext
) -> None:
    translate(make_run("ugatit"), 50)
    dataset.rename(dataset.with_name("elsewhere"))
    with pytest.raises(RunError, match="photos, which is gone"):
        comparison.draw(context)


def test_comparison_refuses_outputs_of_other_images_than_are_there_now(
    make_run: Make, translate: Make, note: Callable[[Run], None], shade: Callable[..., None], context: FigureContext
) -> None:
    runs = [translate(make_run(name), 50) for name in ("ugatit", "cut")]
    for run in runs:
        note(run)
    shade(Path(runs[0].config.dataset.root) / "testA" / "00.png", 77)
    note(runs[0])
    with pytest.raises(RunError, match=rf"outputs A2B of run {runs[1].id} \(cut\) were made of other images than"):
        comparison.draw(context)
    note(runs[1])
    assert 77 in shown(comparison.draw(context))


def test_attention_shows_input_map_and_result_then_results_without_attention(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    without = translate(make_run("ugatit", "no-cam"), 150)
    seeing = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    figure = attention.draw(FigureContext(context.results, [without, seeing], limit=2))
    assert shown(figure) == [0, 200, 50, 150, 4, 204, 54, 154]
    headings = ["input (A)", "attention of ugatit", "ugatit, with attention", "ugatit-no-cam, without"]
    assert [text.replace("\n", " ") for text in texts(figure)[:4]] == headings


def test_a_run_with_maps_of_the_translation_alone_is_without_attention_to_the_input(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    judged = translate(translate(make_run("ugatit", "no-gcam"), 150), 220, folder="attention/global")
    seeing = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    figure = attention.draw(FigureContext(context.results, [judged, seeing], limit=1))
    assert shown(figure) == [0, 200, 50, 150]


def test_attention_leaves_out_a_direction_in_which_no_run_has_a_map(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    seeing = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    translate(seeing, 70, "B2A")
    assert shown(attention.draw(FigureContext(context.results, [seeing], limit=1))) == [0, 200, 50]


def test_discriminators_show_the_translation_and_each_map_beyond_the_main_one(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = translate(translate(make_run("ugatit"), 50), 200, folder="attention")
    for name, level in (("local", 240), ("global", 220)):
        translate(run, level, folder=f"attention/{name}")
    other = translate(make_run("cut"), 150)
    figure = discriminators.draw(FigureContext(context.results, [other, run], limit=2))
    assert shown(figure) == [0, 50, 220, 240, 4, 54, 224, 244]
    assert texts(figure)[:4] == ["input (A)", "ugatit", "global, ugatit", "local, ugatit"]


@pytest.mark.parametrize(
    ("figure", "missing"),
    [(attention, "no attention map of an input among"), (discriminators, "no attention map beyond the main one among")],
)
def test_without_attention_maps_a_figure_of_them_says_how_to_make_them(
    make_run: Make, translate: Make, context: FigureContext, figure: Any, missing: str
) -> None:
    run = make_run("cut")
    with pytest.raises(
        UsageError, match=rf"{missing} these runs' outputs, for example in {run.path}.*run `ugbench eval`"
    ):
        figure.draw(context)
    translate(run, 50)  # again would make no map either
    with pytest.raises(
        UsageError, match=rf"{missing} these runs' outputs: the methods of these runs make none; choose other runs"
    ):
        figure.draw(context)


def test_images_shrink_until_columns_and_rows_fit_on_a_page(
    make_run: Make, translate: Make, make_photos: Callable[[Path, list[str]], Path], tmp_path: Path
) -> None:
    root = make_photos(tmp_path / "many", [f"{k:02d}" for k in range(30)])
    runs = [make_run("ugatit", seed=seed, root=root) for seed in range(20)]
    for run in runs:
        translate(translate(run, 50), 60, "B2A")

    def page(count: int, limit: int) -> Figure:
        return comparison.draw(FigureContext(tmp_path, runs[:count], limit=limit))

    for figure in (page(4, 6), page(12, 2), page(4, 9)):
        assert figure.get_figwidth() <= _style.WIDTH + 1e-9 and figure.get_figheight() <= _style.HEIGHT + 1e-9
        width, height = (figure.axes[0].get_position().bounds[2:]) * figure.get_size_inches()
        assert width == pytest.approx(height) and width >= 0.4
    with pytest.raises(UsageError, match=r"60 rows .*: --rows N, or a larger N of --every, or --direction A2B\."):
        page(1, 30)
    with pytest.raises(UsageError, match=r"21 columns of images do not fit on a page; draw fewer runs: --run RUN"):
        page(20, 2)
