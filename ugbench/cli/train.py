"""`ugbench train`: start a run, or go on with it."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from ugbench.cli.options import ConfigOptions, Json, MethodArgument, PlaceOptions, SkipBad, Steps
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.parse import parse_number
from ugbench.direction import Direction
from ugbench.errors import Stopped


def train(
    *,
    method: MethodArgument,
    dataset: Annotated[
        str,
        Option(
            "--dataset",
            metavar="NAME|DIR|dial…",
            help="A name in the data root, a folder, or dial: drawn images, as in dial:size=32.",
        ),
    ],
    options: ConfigOptions,
    steps: Steps = None,
    seed: Annotated[
        int, Option("--seed", metavar="N", min=0, help="Seed of the initial weights, batches and random draws.")
    ] = 0,
    direction: Annotated[
        Direction | None,
        Option("--direction", help="Direction to learn, for methods that learn only one; default: A2B."),
    ] = None,
    init_from: Annotated[
        str | None, Option("--init-from", metavar="RUN", help="Start from the weights of this run.")
    ] = None,
    save_every: Annotated[
        int | None, Option("--save-every", metavar="N", min=1, help="Steps between checkpoints.")
    ] = None,
    keep: Annotated[
        str, Option("--keep", metavar="all|N", help="Number of the newest checkpoints that stay stored.")
    ] = "2",
    log_every: Annotated[
        int | None, Option("--log-every", metavar="N", min=1, help="Steps between logged lines.")
    ] = None,
    sample_every: Annotated[
        int | None, Option("--sample-every", metavar="N", min=1, help="Steps between sample grids.")
    ] = None,
    skip_bad: SkipBad = False,
    restart: Annotated[
        bool,
        Option(
            "--restart",
            help="Delete checkpoints, logs, samples, outputs and scores of this run, and train from step 0.",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        Option(
            "--dry-run",
            help="Print the run, and the memory, disk and time that it takes, without training; the images of a dial "
            "are still written.",
        ),
    ] = False,
    place: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Train a method. The same command again continues an interrupted run; a finished run is not trained again.

    \b
    Examples:
      ugbench train ugatit --dataset dial --preset smoke --steps 200
      ugbench train ugatit --dataset cat2dog --dry-run
      ugbench train cyclegan --dataset datasets/horse2zebra --size 128 --set identity_weight=0
    """
    from ugbench.cli.progress import training_progress
    from ugbench.cli.train_plan import print_plan
    from ugbench.device import pick_device
    from ugbench.runs.method_sources import changed_method
    from ugbench.runs.near_misses import near_miss
    from ugbench.runs.run import list_runs
    from ugbench.training import loop, prepare

    stored = parse_number(keep, "--keep", "all", "a count of 1 or more", least=1)
    overrides = options.overrides(steps)
    device = pick_device(place.device)
    request = prepare.Request(
        method=method,
        dataset=dataset,
        results=place.results,
        data_root=place.data_root,
        device=device,
        preset=options.preset,
        variant=options.variant,
        overrides=overrides,
        seed=seed,
        direction=direction,
        precision=place.precision,
        init_from=init_from,
        skip_bad=skip_bad,
        restart=restart,
    )
    if dry_run:
        with progress_callback("reading images") as progress:
            planned = prepare.planned_run(request, progress)
        print_plan(planned, request, stored, save_every, as_json)
        return
    with progress_callback("reading images") as progress:
        run, images, initial = prepare.prepare(request, log, progress)
    log(f"run {run.id} in {run.path}")
    if not restart and not run.step() and (sentence := near_miss(run, list_runs(place.results))) is not None:
        log(sentence)
    if not restart and run.step() and (sentence := changed_method(run)) is not None:
        log(sentence)
    intervals = loop.Intervals(save_every, log_every, sample_every, stored)
    step_before = run.step()
    report = {"run": run.path, "id": run.id}
    try:
        with training_progress(run.config.label) as callbacks:
            resumed_from = loop.train(run, images, device, intervals, callbacks, initial)
    except Stopped:
        if as_json:
            print_json({**report, "step": run.step(), "status": "stopped", "resumed_from": step_before or None})
        raise
    step = run.step()
    log(f"done before, at step {step}." if step_before == step else f"done, at step {step}.")
    if as_json:
        print_json({**report, "step": step, "status": "done", "resumed_from": resumed_from})
