"""`ugbench.train`: start a run, or go on with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ugbench import registry
from ugbench.api.arguments import (
    PathLike,
    WeightFiles,
    check_at_least,
    check_direction_name,
    check_place,
    check_size,
    data_root_folder,
    mapping,
    names,
    results_folder,
    weight_files,
)
from ugbench.api.run import Run
from ugbench.api.shown import shown
from ugbench.api.wording import interrupts_of_python, with_argument_names
from ugbench.data.places import PlaceOption
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.fit import Fit
from ugbench.training.execution import Execution, Mode
from ugbench.training.overrides import merge_overrides


@with_argument_names
def train(
    method: str,
    dataset: PathLike,
    *,
    preset: str = "paper",
    variant: str | None = None,
    steps: int | None = None,
    size: int | str | tuple[int, int] | None = None,
    fit: Fit | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    direction: Direction | None = None,
    device: str = "auto",
    precision: str = "auto",
    results: PathLike | None = None,
    data_root: PathLike | None = None,
    set: Mapping[str, Any] | None = None,
    weights: WeightFiles | None = None,
    init_from: str | Run | None = None,
    init_only: Literal["generators"] | None = None,
    continue_from: str | Run | None = None,
    save_every: int | None = None,
    keep: int | None = 2,
    log_every: int | None = None,
    sample_every: int | None = None,
    eval_every: int | None = None,
    extractor: str = "inception",
    track: str | Iterable[str] | None = None,
    skip_bad: bool = False,
    images: PlaceOption = "auto",
    restart: bool = False,
    deterministic: bool = False,
    compile: Mode = "auto",
    capture: Mode = "auto",
    progress: bool = True,
) -> Run:
    """Train a method, as `ugbench train` does.

    The same call again goes on where the training stopped, and a finished run is returned at once. A changed argument
    is another run. Only `device`, `results`, `data_root`, `weights`, `save_every`, `keep`, `log_every`, `sample_every`,
    `eval_every`, `extractor`, `track`, `skip_bad`, `images`, `deterministic`, `compile`, `capture` and `progress`
    may change, and in `set` the field `checkpoint_activations`.

    An interrupt (Ctrl-C, or the button of a notebook) saves the run before this raises KeyboardInterrupt. This works
    in the main thread, where Python delivers signals; in another thread nothing stops a training.

    Args:
        method: a method's name, see `ugbench methods`.
        dataset: a name in the data root, a folder with trainA, trainB, testA and testB, or drawn images, as in
            "dial:shape=1,size=32".
        preset: paper, light, small or smoke.
        variant: a variant of the method, see `ugbench variants METHOD`.
        steps: number of training steps.
        size: image size, px, at least 8: a number for squares, or width and height, as (128, 256) or "128x256".
        fit: how images of other proportions get the size: squash (the default), crop or pad.
        batch_size: images of each domain per step.
        seed: of the initial weights, batches and random draws; 0 or more.
        direction: "A2B" or "B2A", for methods that learn only one.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, fp32, bf16 or fp16; auto is bf16 where the hardware has it, else fp32.
        results: folder of runs; default: UGBENCH_RESULTS, else `results`.
        data_root: folder of data sets; default: UGBENCH_DATA, else `datasets`.
        set: values of further config fields by name.
        weights: files of networks that the method uses and does not train, and of the extractor, by their names.
        init_from: a run, or "RUN@STEP", whose weights a new training starts from.
        init_only: "generators" takes only the networks that translate from `init_from`.
        continue_from: a run, or "RUN@STEP", whose checkpoint this training goes on from, to `steps` in all.
        save_every: steps between checkpoints; None: a hundredth of the steps (100 or more), and at least every 15
            minutes.
        keep: number of the newest checkpoints that stay stored; None for all.
        log_every: steps between logged lines.
        sample_every: steps between sample grids.
        eval_every: save and score the run each time so many steps are done, and at the end: KID, under the protocol
            that `ugbench eval` has by default. The scores are stored with those of `Run.evaluate`.
        extractor: network for image features of `eval_every`, see `ugbench.evaluate`.
        track: trackers that show the training too, such as "wandb" or "mlflow".
        skip_bad: train without images that cannot be read, or lack a partner that a method needs.
        images: where training images are stored: "memory", or "disk", from where each step reads its own; "auto" is
            the disk if they would take more than half of the free memory.
        restart: delete what an earlier training and scoring of this run wrote, and train from step 0.
        deterministic: use only algorithms that repeat their bits, so that a resumed run is bit-exact on a GPU too.
        compile: compile the networks with torch.compile: auto, on or off; auto is off for now.
        capture: replay whole steps as CUDA graphs: auto, on or off; experimental, and auto is off for now.
        progress: print messages and progress.
    Returns:
        The run, trained to its last step.
    Raises:
        KeyboardInterrupt: the training was interrupted; if it had begun, it is saved.
        Stopped: another signal, such as SIGTERM, stopped the training; it is saved.
        NonFiniteLoss: a loss or a gradient became NaN or Inf; the last finite state is saved.
        UsageError: an unknown name, a wrong value, or an image that cannot be read.
        WeightsError: a network has no file of weights; `eval_every` needs that of the extractor.
        UgbenchError: a method that cannot be trained, a tracker that cannot be started, or a file that cannot be
            written.
    """
    from ugbench.api.checkpoint_scoring import with_scoring
    from ugbench.device import pick_device
    from ugbench.scoring.cache import Cache, default_folder
    from ugbench.scoring.networks.search import with_found
    from ugbench.scoring.while_training import checkpoint_scorer
    from ugbench.training.intervals import Intervals
    from ugbench.training.request import Request, needed_weights
    from ugbench.training.session import open_session
    from ugbench.training.start import StartOptions

    check_at_least(0, {"seed": seed})
    check_at_least(1, {"steps": steps, "batch_size": batch_size, "eval_every": eval_every})
    check_at_least(1, {"save_every": save_every, "keep": keep, "log_every": log_every, "sample_every": sample_every})
    check_size(size)
    if extractor != "inception" and eval_every is None:
        raise UsageError(f"extractor {extractor!r} goes with eval_every; give that argument too.")
    trackers = registry.usable_trackers(names(track))
    intervals = Intervals(save_every, log_every, sample_every, keep, eval_every=eval_every)
    output = shown(progress)
    request = Request(
        method=method,
        dataset=str(dataset),
        results=results_folder(results),
        data_root=data_root_folder(data_root),
        device=pick_device(device),
        preset=preset,
        variant=variant,
        overrides=merge_overrides(
            {"steps": steps, "size": size, "fit": fit, "batch_size": batch_size},
            mapping("set", set, '{"lr": 1e-3}'),
        ),
        seed=seed,
        direction=check_direction_name(direction),
        precision=precision,
        weights=weight_files(weights),
        start=StartOptions(_named(init_from), init_only, _named(continue_from)),
        skip_bad=skip_bad,
        images=check_place(images),
        restart=restart,
        execution=Execution(deterministic, compile, capture),
    )
    scoring = None
    if eval_every is None:
        request = replace(request, weights=with_found(request.weights, needed_weights(request), output.log))
    else:
        find = partial(with_found, log=output.log)
        cache = Cache(default_folder(), output.log)
        request, scoring = with_scoring(request, extractor, cache, find, output.bar)
    with interrupts_of_python():
        with output.bar("reading images") as reading:
            session = open_session(request, output.log, reading)
        with output.training(session.run.config.label) as callbacks:
            score = None if scoring is None else checkpoint_scorer(scoring, session.run, output.log)
            session.train(intervals, replace(callbacks, score=score), trackers)
    run = Run(session.run)
    output.log(f"done, at step {run.step}.")
    return run


def _named(run: str | Run | None) -> str | None:
    """A run as the command line names it."""
    return str(Path(run.path)) if isinstance(run, Run) else run
