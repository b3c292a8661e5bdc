"""`ugbench train`: start a run, or go on with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option

from ugbench.cli.meeting import Meeting, meeting
from ugbench.cli.names import check_names
from ugbench.cli.options import ConfigOptions, Json, MethodArgument, PlaceOptions, SkipBad, Steps
from ugbench.cli.output import log, print_json, progress_callback
from ugbench.cli.parse import parse_number, parse_save_every, parse_weights
from ugbench.cli.published_datasets import get_or_check_datasets
from ugbench.cli.scoring_options import FeatureOptions
from ugbench.cli.training_options import ExecutionOptions
from ugbench.cli.watch_options import WatchOptions
from ugbench.data.places import PlaceOption
from ugbench.direction import Direction
from ugbench.errors import Stopped, UsageError
from ugbench.launched import launched
from ugbench.limits import LARGEST_SEED

if TYPE_CHECKING:
    from ugbench.scoring.request import EvalRequest
    from ugbench.tracker import Tracker
    from ugbench.training.session import Session
    from ugbench.training.start import StartOptions


@dataclass(frozen=True, kw_only=True)
class StartFromOptions:
    """Which other run a run starts from."""

    init_from: Annotated[
        str | None,
        Option(
            "--init-from",
            metavar="RUN[@STEP]",
            help="Start a new training from the weights of this run, which may be imported.",
        ),
    ] = None
    init_only: Annotated[
        Literal["generators"] | None,
        Option(
            "--init-only",
            metavar="generators",
            help="Take only the networks that translate from --init-from; the others are new.",
        ),
    ] = None
    continue_from: Annotated[
        str | None,
        Option(
            "--continue-from",
            metavar="RUN[@STEP]",
            help="Train on from the last checkpoint of this run, or from that of STEP, to --steps in all.",
        ),
    ] = None

    def start_options(self) -> StartOptions:
        """The options as training takes them."""
        from ugbench.training.start import StartOptions

        return StartOptions(self.init_from, self.init_only, self.continue_from)


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
        int,
        Option(
            "--seed",
            metavar="N",
            min=0,
            max=LARGEST_SEED,
            help="Seed of the initial weights, batches and random draws.",
        ),
    ] = 0,
    direction: Annotated[
        Direction | None,
        Option("--direction", help="Direction to learn, for methods that learn only one; default: A2B."),
    ] = None,
    start: StartFromOptions,
    save_every: Annotated[
        str | None,
        Option(
            "--save-every",
            metavar="N|TIME",
            help="Steps between checkpoints, or a time: 90s, 30min, 2h. Default: a hundredth of the steps (100 or "
            "more), and at least every 15 minutes.",
        ),
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
    watch: WatchOptions,
    features: FeatureOptions,
    skip_bad: SkipBad = False,
    execution: ExecutionOptions,
    images: Annotated[
        PlaceOption,
        Option(
            "--images",
            help="Where training images are stored: in memory, or on the disk, from where each step reads its own. "
            "auto is the disk if they would take more than half of the free memory.",
        ),
    ] = "auto",
    jobs: Annotated[
        int,
        # Given by `ugbench compare` and `ugbench ablate`, which train several runs at once.
        Option("--jobs", metavar="N", min=1, hidden=True, help="Trainings that share this machine, this one included."),
    ] = 1,
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
      ugbench train cut --dataset photos --fit crop
      ugbench train cut --dataset photos --size 384x256
      ugbench train ugatit --dataset dial --preset smoke --steps 400 --continue-from 3f2a@100
      ugbench train cut --dataset photos --eval-every 5000 --track wandb
    """
    check_names([method], trackers=watch.names)
    if features.extractor != FeatureOptions.extractor and watch.eval_every is None:
        raise UsageError(f"--extractor {features.extractor} goes with --eval-every N; give that option too.")
    trackers: dict[str, Tracker] = {}
    steps_between, seconds_between = parse_save_every(save_every)
    stored = parse_number(keep, "--keep", "all", "a count of 1 or more", least=1)

    def prepared(met: Meeting) -> tuple[Session, EvalRequest | None] | None:
        """The session, and how its checkpoints are scored; None where only the plan was asked for."""
        get_or_check_datasets([dataset], place.data_root, allowed=features.download, as_json=as_json, dry_run=dry_run)
        trackers.update(watch.trackers())

        from ugbench.api.checkpoint_scoring import with_scoring
        from ugbench.cli.network_files import complete
        from ugbench.cli.train_plan import print_plan
        from ugbench.device import pick_device
        from ugbench.nn.across_ranks import ALONE
        from ugbench.scoring.networks.search import with_found
        from ugbench.training import prepare
        from ugbench.training.request import Request, needed_weights
        from ugbench.training.session import open_session

        request = Request(
            method=method,
            dataset=dataset,
            results=place.results,
            data_root=place.data_root,
            device=met.device or pick_device(place.device),
            preset=options.preset,
            variant=options.variant,
            overrides=options.overrides(steps),
            seed=seed,
            direction=direction,
            precision=place.precision,
            weights=parse_weights(features.weights),
            start=start.start_options(),
            skip_bad=skip_bad,
            images=images,
            jobs=jobs * launched().local_count,
            ranks=met.ranks or ALONE,
            # torchrun starts the same command again after a failure, which then goes on from the last checkpoint.
            restart=restart and not launched().restarts,
            execution=execution.execution(),
        )

        def find(given: Mapping[str, Path], needed: Sequence[str]) -> Mapping[str, Path]:
            files = with_found(given, needed, log)
            return files if dry_run else complete(files, given, needed, allowed=features.download, as_json=as_json)

        scoring = None
        if watch.eval_every is None:
            request = replace(request, weights=find(request.weights, needed_weights(request)))
        else:
            cache = features.feature_cache()
            request, scoring = with_scoring(request, features.extractor, cache, find, progress_callback)
        if dry_run:
            with progress_callback("reading images") as progress:
                planned = prepare.planned_run(request, log, progress)
            print_plan(planned, request, stored, steps_between, watch.eval_every, as_json)
            return None
        with progress_callback("reading images") as progress:
            return open_session(request, log, progress), scoring

    with meeting(place.device) as met:
        ready = met.in_turn(partial(prepared, met))
        if ready is None:
            return
        session, scoring = ready

        from ugbench.progress.training import training_progress
        from ugbench.scoring.while_training import checkpoint_scorer
        from ugbench.training.intervals import Intervals

        run = session.run
        intervals = Intervals(steps_between, log_every, sample_every, stored, seconds_between, watch.eval_every)
        report = {"run": run.path, "id": run.id}
        try:
            with training_progress(run.config.label) as callbacks:
                score = None if scoring is None else checkpoint_scorer(scoring, run, log)
                resumed_from = session.train(intervals, replace(callbacks, score=score), trackers)
        except Stopped as stopped:
            if as_json:
                print_json({**report, "step": run.step(), "status": "stopped", "resumed_from": stopped.resumed_from})
            raise
    step = run.step()
    log(f"done before, at step {step}." if resumed_from == step else f"done, at step {step}.")
    if as_json:
        print_json({**report, "step": step, "status": "done", "resumed_from": resumed_from})
