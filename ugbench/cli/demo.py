"""`ugbench demo`: the whole pipeline on a dial, where the true translation is known, in minutes on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from ugbench.cli.command import complete_methods
from ugbench.cli.options import Json, PlaceOptions
from ugbench.cli.output import log, print_json, progress_callback

DIAL = "dial:shape=0,texture=1,size=32"
METRICS = ("changed", "unchanged", "iou", "kid")


def demo(
    *,
    method: Annotated[
        str,
        Option(
            "--method",
            metavar="METHOD",
            help="A method; `ugbench methods` lists them.",
            autocompletion=complete_methods,
        ),
    ] = "ugatit",
    steps: Annotated[int, Option("--steps", metavar="N", min=1, help="Training steps.")] = 500,
    place: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Make a dial, train a small U-GAT-IT on it, translate, score, and show a table and a figure.

    Nothing is downloaded. KID uses a random network here, so its value must not be compared with others.

    \b
    Examples:
      ugbench demo
      ugbench demo --method cyclegan --steps 300
    """
    from ugbench.device import pick_device, pick_precision
    from ugbench.figures import _context, comparison
    from ugbench.progress.training import training_progress
    from ugbench.runs.dataset_file import current_images
    from ugbench.runs.output_file import write_output
    from ugbench.runs.run import dataset_of
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.networks.network_set import Networks
    from ugbench.scoring.record import read_all
    from ugbench.scoring.request import EvalRequest
    from ugbench.tables.build import build_table
    from ugbench.tables.display import DisplayNames
    from ugbench.tables.formats import render
    from ugbench.training.request import Request
    from ugbench.training.session import open_session

    device, results = pick_device(place.device), place.results
    request = Request(
        method=method,
        dataset=DIAL,
        results=results,
        data_root=place.data_root,
        device=device,
        preset="smoke",
        overrides={"size": 32, "steps": steps},
        # At this size bfloat16 saves no time, and float32 gives each machine a demo that has learnt as much.
        precision=pick_precision(place.precision, device, auto="fp32"),
    )
    log(f"1. data: {DIAL}, A to B: smooth becomes striped, and plain ground hatched")
    with progress_callback("drawing") as progress:
        session = open_session(request, log, progress)
    run = session.run
    log(f"2. train: {run.config.label}, {steps} steps")
    with training_progress(run.config.label) as callbacks:
        session.train(callbacks=callbacks)

    log(f"3. translate and score: {', '.join(METRICS)}")
    networks = Networks("random", "alex", {}, device)
    evaluation = Evaluation(EvalRequest(METRICS, networks), results, log)
    records = evaluation.run(run)
    evaluation.unwritten.raise_first(log)

    folder = run.dataset_folder
    table_file, figure_file = folder / "table.md", folder / "comparison.png"
    scores = [score for score in read_all(results) if score.dataset == folder.name]
    table = build_table(scores, METRICS, current=current_images(results), names=DisplayNames())
    write_output(table_file, render(table, "md"))
    _context.save(comparison.draw(_context.FigureContext(results, [run], direction="A2B", limit=4)), figure_file)
    if as_json:
        print_json({"run": run.path, "scores": [score.to_json() for score in records], "figure": figure_file})
    else:
        print(render(table, "terminal"))
    log(f"4. the table is in {table_file}, the picture (input, attention, output, truth) in {figure_file}")
    log(f"Next: ugbench translate {run.id[:6]} --input {_first_source(dataset_of(run).root)} --output out")


def _first_source(root: Path) -> Path:
    """The data set's first source image, relative to the working directory where that is possible."""
    first = min((root / "testA").iterdir())
    return first.relative_to(Path.cwd()) if first.is_relative_to(Path.cwd()) else first
