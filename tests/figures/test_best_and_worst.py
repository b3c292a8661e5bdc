"""The figure of the best and the worst outputs: an image's place comes from what eval has stored of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ugbench.data.known_files import images_hash
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.figures import best_and_worst
from ugbench.figures._context import FigureContext
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import stored_step
from ugbench.scoring import per_image
from ugbench.scoring.per_image import ImageScores

Make = Callable[..., Run]
SCORES = {"00": 0.3, "01": 0.1, "02": 0.5, "03": 0.2, "04": 0.4}


def store(run: Run, values: Mapping[str, float] = SCORES, metric: str = "kid", direction: Direction = "A2B") -> Run:
    scores = ImageScores(metric=metric, protocol_id=f"{metric}-1", values=dict(values))
    per_image.store(run, direction, stored_step(run, direction), scores)
    return run


def shown(figure: Any) -> list[int]:
    return [int(np.asarray(axes.images[0].get_array())[0, 0, 0]) for axes in figure.axes]


def texts(figure: Any) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in figure.texts]


def test_the_best_output_of_each_rank_stands_beside_the_worst_of_that_rank(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = store(translate(make_run("ugatit"), 50))
    figure = best_and_worst.draw(FigureContext(context.results, [run], limit=2, names=True))
    best_first, best_second, worst_first, worst_second = [1, 51], [3, 53], [2, 52], [4, 54]
    assert shown(figure) == [*best_first, *worst_first, *best_second, *worst_second]
    headings = ["input (A)", "best outputs by kid", "input (A)", "worst outputs by kid"]
    assert texts(figure) == [*headings, "1", "2"]


def test_no_output_is_among_the_best_and_the_worst(make_run: Make, translate: Make, context: FigureContext) -> None:
    run = store(translate(make_run("ugatit"), 50))
    outputs = shown(best_and_worst.draw(FigureContext(context.results, [run], limit=6)))[1::2]
    assert outputs == [51, 52, 53, 54]


def test_the_highest_value_is_the_best_where_the_metric_says_so(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = store(translate(make_run("ugatit"), 50), metric="ssim")
    assert shown(best_and_worst.draw(FigureContext(context.results, [run], limit=1))) == [2, 52, 1, 51]


def test_each_run_and_direction_has_rows_of_its_own(make_run: Make, translate: Make, context: FigureContext) -> None:
    both = store(store(translate(translate(make_run("ugatit"), 50), 70, "B2A")), SCORES, direction="B2A")
    other = store(translate(make_run("cut"), 150), {"00": 1.0, "04": 2.0})
    figure = best_and_worst.draw(FigureContext(context.results, [both, other], limit=1))
    assert shown(figure) == [1, 51, 2, 52, 101, 71, 102, 72, 0, 150, 4, 154]
    assert texts(figure)[1] == "best outputs of ugatit by kid" and texts(figure)[-1] == "worst outputs of cut by kid"


def test_metric_chooses_among_several_stored_scores(make_run: Make, translate: Make, context: FigureContext) -> None:
    run = store(store(translate(make_run("ugatit"), 50)), metric="ssim")
    with pytest.raises(UsageError, match=f"no --metric: run {run.id} has stored kid, ssim of single outputs; give one"):
        best_and_worst.draw(FigureContext(context.results, [run]))
    figure = best_and_worst.draw(FigureContext(context.results, [run], limit=1, metrics=["ssim"]))
    assert shown(figure) == [2, 52, 1, 51]
    with pytest.raises(UsageError, match=r"--metric fid: run .* has stored kid, ssim of single outputs"):
        best_and_worst.draw(FigureContext(context.results, [run], metrics=["fid"]))


def test_a_score_without_a_best_value_ranks_nothing(make_run: Make, translate: Make, context: FigureContext) -> None:
    run = store(translate(make_run("ugatit"), 50), metric="lpips")
    with pytest.raises(UsageError, match="stored no score that has a best value"):
        best_and_worst.draw(FigureContext(context.results, [run]))


def test_without_scores_of_single_outputs_the_command_that_stores_them_is_named(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = translate(make_run("ugatit"), 50)
    with pytest.raises(UsageError, match=f"run `ugbench eval {run.id}` with kid"):
        best_and_worst.draw(FigureContext(context.results, [run]))


def test_a_run_with_one_ranked_output_has_no_rows(make_run: Make, translate: Make, context: FigureContext) -> None:
    one = store(translate(make_run("ugatit"), 50), {"00": 0.3})
    other = store(translate(make_run("cut"), 150), {"00": 1.0, "04": 2.0})
    figure = best_and_worst.draw(FigureContext(context.results, [one, other]))
    assert shown(figure) == [0, 150, 4, 154]
    with pytest.raises(UsageError, match=f"{one.id} have fewer than two outputs with a stored score, .* on two test"):
        best_and_worst.draw(FigureContext(context.results, [one]))


def test_every_nth_image_is_refused_since_rows_are_ranks(
    make_run: Make, translate: Make, context: FigureContext
) -> None:
    run = store(translate(make_run("ugatit"), 50))
    with pytest.raises(UsageError, match=r"--every 2: best_and_worst shows ranks, not every n-th image; give --rows N"):
        best_and_worst.draw(FigureContext(context.results, [run], every=2))


def test_more_ranks_than_fit_on_a_page_name_rows_alone(
    make_run: Make, translate: Make, tmp_path: Path, make_photos: Callable[[Path, list[str]], Path]
) -> None:
    stems = [f"{k:02d}" for k in range(80)]
    root = make_photos(tmp_path / "data" / "many", stems)
    run = store(translate(make_run("ugatit", root=root), 50), {stem: int(stem) for stem in stems})
    with pytest.raises(UsageError, match=r"^40 rows of images do not fit on a page; draw fewer: --rows N\.$"):
        best_and_worst.draw(FigureContext(tmp_path, [run], limit=40))


@pytest.mark.parametrize("replaced", ["testB/00.png", "outputs"])
def test_scores_of_other_images_than_those_there_now_rank_nothing(
    make_run: Make, translate: Make, context: FigureContext, dataset: Path, shade: Callable[..., None], replaced: str
) -> None:
    """As after the truth was replaced under equal names and eval scored KID alone again."""
    run = translate(make_run("ugatit"), 50)
    of_now = images_now(run, dataset)
    for metric in ("kid", "psnr"):
        scores = ImageScores(metric=metric, protocol_id=metric, values=SCORES, **of_now)
        per_image.store(run, "A2B", stored_step(run, "A2B"), scores)
    assert shown(best_and_worst.draw(FigureContext(context.results, [run], limit=1, metrics=["psnr"])))[1] == 52
    shade(run.outputs("A2B") / "00.png" if replaced == "outputs" else dataset / replaced, 200)
    with pytest.raises(UsageError, match=f"of the images there now, are stored with {run.id}; run `ugbench eval"):
        best_and_worst.draw(FigureContext(context.results, [run], metrics=["psnr"]))
    again = ImageScores(metric="kid", protocol_id="kid", values=SCORES, **images_now(run, dataset))
    per_image.store(run, "A2B", stored_step(run, "A2B"), again)
    with pytest.raises(UsageError, match=f"--metric psnr: run {run.id} has stored kid of single outputs"):
        best_and_worst.draw(FigureContext(context.results, [run], metrics=["psnr"]))
    assert shown(best_and_worst.draw(FigureContext(context.results, [run], limit=1, metrics=["kid"])))[0] == 1


def images_now(run: Run, dataset: Path) -> dict[str, str]:
    folders = {"sources": dataset / "testA", "references": dataset / "testB", "outputs": run.outputs("A2B")}
    return {name: images_hash(sorted(folder.glob("*.png"))) for name, folder in folders.items()}
