"""`ugbench train`: one run, begun or gone on with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import DataRoot, Device, Json, Precision, Results, Sets
from ugbench.cli.output import print_json, progress_callback, say
from ugbench.errors import Stopped, UsageError


def train(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="See `ugbench methods`.")],
    dataset: Annotated[
        str,
        typer.Option("--dataset", metavar="NAME|DIR|dial…", help="A name in the data root, a folder, or a dial."),
    ],
    variant: Annotated[str | None, typer.Option("--variant", metavar="NAME", help="See `ugbench variants`.")] = None,
    preset: Annotated[str, typer.Option("--preset", metavar="paper|light|smoke", help="The config to start from.")] = (
        "paper"
    ),
    steps: Annotated[int | None, typer.Option("--steps", metavar="N", min=1, help="Training steps.")] = None,
    size: Annotated[int | None, typer.Option("--size", metavar="N", min=8, help="Image size, px.")] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", metavar="N", min=1, help="Images of each domain a step.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Decides weights, batches and draws.")] = 0,
    direction: Annotated[
        Literal["A2B", "B2A"] | None,
        typer.Option("--direction", help="For methods that learn one direction."),
    ] = None,
    sets: Sets = None,
    init_from: Annotated[
        str | None, typer.Option("--init-from", metavar="RUN", help="Start from this run's weights.")
    ] = None,
    save_every: Annotated[
        int | None, typer.Option("--save-every", metavar="N", min=1, help="Steps between checkpoints.")
    ] = None,
    keep: Annotated[str, typer.Option("--keep", metavar="all|N", help="How many checkpoints to keep.")] = "2",
    log_every: Annotated[
        int | None, typer.Option("--log-every", metavar="N", min=1, help="Steps between logged lines.")
    ] = None,
    sample_every: Annotated[
        int | None, typer.Option("--sample-every", metavar="N", min=1, help="Steps between sample grids.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Train without the images that cannot be read.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Forget this run's checkpoints and begin again.")] = False,
    results: Results = options.RESULTS,
    data_root: DataRoot = options.DATA_ROOT,
    device: Device = options.DEVICE,
    precision: Precision = options.PRECISION,
    as_json: Json = False,
) -> None:
    """Train a method. The same command again goes on where it stopped, or says that it is done.

    \b
    Examples:
      ugbench train ugatit --dataset dial --preset smoke --steps 200
      ugbench train cyclegan --dataset datasets/horse2zebra --size 128 --set identity_weight=0
    """
    from ugbench.cli.progress import training_progress
    from ugbench.device import pick_device
    from ugbench.training import loop
    from ugbench.training.prepare import Request, prepare

    given = {"steps": steps, "size": size, "batch_size": batch_size}
    overrides: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    for key, value in options.parse_sets(sets).items():
        if key in overrides:
            raise UsageError(f"--set {key}={value}: --{key.replace('_', '-')} says {overrides[key]}; give one of them.")
        overrides[key] = value
    chosen = pick_device(device)
    with progress_callback("reading images") as tick:
        prepared = prepare(
            Request(
                method=method,
                dataset=dataset,
                results=results,
                data_root=data_root,
                device=chosen,
                preset=preset,
                variant=variant,
                overrides=overrides,
                seed=seed,
                direction=direction,
                precision=precision,
                init_from=init_from,
                skip_bad=skip_bad,
                restart=restart,
            ),
            say,
            tick,
        )
    run = prepared.run
    say(f"run {run.id} in {run.path}")
    cadence = loop.Intervals(save_every, log_every, sample_every, parse_keep(keep))
    before = run.step()
    report = {"run": run.path, "id": run.id}
    try:
        with training_progress(run.config.label) as watch:
            outcome = loop.train(run, prepared.images, chosen, cadence, watch, prepared.initial)
    except Stopped:
        if as_json:
            print_json({**report, "step": run.step(), "status": "stopped", "resumed_from": before or None})
        raise
    say(f"done before, at step {outcome.step}." if before == outcome.step else f"done, at step {outcome.step}.")
    if as_json:
        print_json({**report, "step": outcome.step, "status": "done", "resumed_from": outcome.resumed_from})


def parse_keep(text: str) -> int | None:
    """`all` is None; else a count of 1 or more.

    Raises:
        UsageError: neither.
    """
    if text == "all":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--keep {text}: give a count of 1 or more, or all.")
