"""`ugbench demo`: the whole pipeline on data whose true translation is known, in minutes on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ugbench.cli import options
from ugbench.cli.options import DataRoot, Device, Json, Precision, Results
from ugbench.cli.output import print_json, progress_callback, say

DIAL = "dial:shape=0,texture=1,size=32"
METRICS = ("changed", "unchanged", "iou", "kid")


def demo(
    method: Annotated[str, typer.Option("--method", metavar="METHOD", help="See `ugbench methods`.")] = "ugatit",
    steps: Annotated[int, typer.Option("--steps", metavar="N", min=1, help="Training steps.")] = 500,
    results: Results = options.RESULTS,
    data_root: DataRoot = options.DATA_ROOT,
    device: Device = options.DEVICE,
    precision: Precision = options.PRECISION,
    as_json: Json = False,
) -> None:
    """Make a dial, train a small U-GAT-IT on it, translate, score, and show a table and a figure.

    Nothing is downloaded. KID uses a random network here, so it is no number to compare with others.

    \b
    Examples:
      ugbench demo
      ugbench demo --method cyclegan --steps 300
    """
    from ugbench.cli.progress import training_progress
    from ugbench.device import pick_device
    from ugbench.figures import comparison
    from ugbench.figures._context import FigureContext, save
    from ugbench.runs.run import dataset_of
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.networks.network_set import Networks
    from ugbench.scoring.record import read_all
    from ugbench.scoring.request import EvalRequest
    from ugbench.tables.build import build_table
    from ugbench.tables.formats import render
    from ugbench.training import loop
    from ugbench.training.prepare import Request, prepare

    chosen = pick_device(device)
    overrides: dict[str, Any] = {"size": 32, "steps": steps}
    request = Request(
        method, DIAL, results, data_root, chosen, preset="smoke", overrides=overrides, precision=precision
    )
    say(f"1. data: {DIAL}, A to B: smooth becomes striped, and plain ground hatched")
    with progress_callback("drawing") as tick:
        prepared = prepare(request, say, tick)
    run = prepared.run
    say(f"2. train: {run.config.label}, {steps} steps, in {run.path}")
    with training_progress(run.config.label) as watch:
        loop.train(run, prepared.images, chosen, callbacks=watch)

    say(f"3. translate and score: {', '.join(METRICS)}")
    networks = Networks("random", "alex", {}, chosen)
    records = Evaluation(EvalRequest(METRICS, networks), results, say).run(run)

    home = run.dataset_folder
    table_file, figure_file = home / "table.md", home / "comparison.png"
    table = build_table([one for one in read_all(results) if one.dataset == home.name], METRICS)
    table_file.write_text(render(table, "md"), encoding="utf-8")
    save(comparison.draw(FigureContext(results, [run], direction="A2B", limit=4)), figure_file)
    if as_json:
        print_json({"run": run.path, "scores": [one.to_json() for one in records], "figure": figure_file})
    else:
        print(render(table, "terminal"))
    say(f"4. the table is in {table_file}, the picture (input, attention, output, truth) in {figure_file}")
    say(f"Next: ugbench translate {run.id[:6]} --input {_first(dataset_of(run).root)} --output out")


def _first(root: Path) -> Path:
    """The data set's first source image, as seen from here where it can be."""
    first = min((root / "testA").iterdir())
    return first.relative_to(Path.cwd()) if first.is_relative_to(Path.cwd()) else first
