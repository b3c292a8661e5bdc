"""`ugbench.compare` and `ugbench.ablate`: train what is missing, score it, and return the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ugbench.api.arguments import (
    PathLike,
    WeightFiles,
    check_at_least,
    check_size,
    data_root_folder,
    mapping,
    names,
    paths,
    results_folder,
)
from ugbench.api.shown import shown
from ugbench.api.wording import interrupts_of_python, with_argument_names
from ugbench.errors import UsageError
from ugbench.fit import Fit
from ugbench.training.execution import Execution, Mode

if TYPE_CHECKING:
    import pandas

    from ugbench.study.grid import Study


@dataclass(frozen=True)
class _Scores:
    """What is scored, and with which networks."""

    metrics: str | Iterable[str] | None
    extractor: str
    weights: WeightFiles | None
    lpips_net: str
    protocol: str | None


@dataclass(frozen=True)
class _Place:
    """On what a study trains, and where its runs and data sets are stored."""

    device: str
    precision: str
    results: PathLike | None
    data_root: PathLike | None


@with_argument_names
def compare(
    methods: str | Iterable[str] | None = None,
    dataset: PathLike | Sequence[PathLike] | None = None,
    *,
    study: PathLike | None = None,
    seeds: int | Sequence[int] | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    preset: str | None = None,
    size: int | str | tuple[int, int] | None = None,
    fit: Fit | None = None,
    batch_size: int | None = None,
    set: Mapping[str, Mapping[str, Any]] | None = None,
    jobs: int = 1,
    skip_bad: bool = False,
    deterministic: bool = False,
    compile: Mode = "auto",
    capture: Mode = "auto",
    metrics: str | Iterable[str] | None = None,
    extractor: str = "inception",
    weights: WeightFiles | None = None,
    lpips_net: str = "alex",
    protocol: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    results: PathLike | None = None,
    data_root: PathLike | None = None,
    dry_run: bool = False,
    progress: bool = True,
) -> pandas.DataFrame:
    """Train methods on data sets under equal terms and score them, as `ugbench compare` does.

    What is trained already is not trained again, and the same call after an interruption goes on. Each run trains in a
    process of its own.

    Args:
        methods: names of methods, as ["ugatit", "cyclegan"].
        dataset: one data set or several, as `ugbench.train` takes them.
        study: a TOML file with a study, or the name of one that comes with this package ("table3", "emoji"); arguments
            of the call replace its fields.
        seeds: a number of seeds (3, the default, means 0, 1 and 2), or a list of them.
        steps: number of training steps of each run.
        minutes: training time of each run, instead of `steps`.
        preset: paper (the default), light, small or smoke.
        size: image size, px, at least 8: a number for squares, or width and height, as (128, 256) or "128x256".
        fit: how images of other proportions get the size: squash, crop or pad.
        batch_size: images of each domain per step.
        set: values of further config fields by method, as {"cyclegan": {"init": "normal"}}.
        jobs: number of runs that train at once.
        skip_bad: train without images that cannot be read, or lack a partner that a method needs.
        deterministic, compile, capture: how steps are computed, see `ugbench.train`.
        metrics, extractor, weights, lpips_net, protocol: of the scores, as in `Run.evaluate`.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, fp32, bf16 or fp16; auto is bf16 where the hardware has it, else fp32.
        results: folder of runs; default: UGBENCH_RESULTS, else `results`.
        data_root: folder of data sets; default: UGBENCH_DATA, else `datasets`.
        dry_run: train nothing and return the plan, with a row for each run: its id, method, data set, seed and status,
            the steps done and in all, and the seconds per step and left, as far as they are known.
        progress: print messages and progress.
    Returns:
        The table of the runs, as `ugbench.table` returns it; or the plan.
    Raises:
        KeyboardInterrupt: the trainings were interrupted; each is saved, and the same call goes on.
        Stopped: another signal, such as SIGTERM, stopped them; each is saved.
        WeightsError: a metric needs weights, and no file of them was given or is found.
        NoSuchScore: no data set can have any of the metrics.
        UsageError: an unknown name, a wrong value, or an image that cannot be read.
        UgbenchError: a run failed; the others are trained and scored, and `ugbench.table` has them.
    """
    from ugbench.published.studies import named_study
    from ugbench.study import grid

    fields = {} if study is None else grid.read(named_study(Path(study).expanduser()))
    fields |= _fields(dataset, seeds, steps, preset, size, fit, batch_size)
    fields |= {"methods": list(names(methods))} if names(methods) else {}
    fields |= {} if minutes is None else {"minutes": minutes}
    by_method = mapping("set", set, '{"cut": {"lr": 1e-3}}')
    if by_method:
        fields["set"] = {name: mapping("set", values, '{"cut": {"lr": 1e-3}}') for name, values in by_method.items()}
    for field, argument in (("methods", "methods"), ("datasets", "dataset")):
        if not fields.get(field):
            raise UsageError(f"{argument} is missing: give it, or name a study.")
    declared = grid.declare(fields, "the call" if study is None else f"--study {study}")
    scores = _Scores(metrics, extractor, weights, lpips_net, protocol)
    place = _Place(device, precision, results, data_root)
    execution = Execution(deterministic, compile, capture)
    return _carry_out(declared, scores, place, jobs, skip_bad, execution, dry_run, progress)


@with_argument_names
def ablate(
    method: str = "ugatit",
    dataset: PathLike | Sequence[PathLike] | None = None,
    *,
    variants: str | Iterable[str] = "all",
    seeds: int | Sequence[int] | None = None,
    steps: int | None = None,
    preset: str | None = None,
    size: int | str | tuple[int, int] | None = None,
    fit: Fit | None = None,
    batch_size: int | None = None,
    set: Mapping[str, Any] | None = None,
    jobs: int = 1,
    skip_bad: bool = False,
    deterministic: bool = False,
    compile: Mode = "auto",
    capture: Mode = "auto",
    metrics: str | Iterable[str] | None = None,
    extractor: str = "inception",
    weights: WeightFiles | None = None,
    lpips_net: str = "alex",
    protocol: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    results: PathLike | None = None,
    data_root: PathLike | None = None,
    dry_run: bool = False,
    progress: bool = True,
) -> pandas.DataFrame:
    """Train a method and its variants and score them, as `ugbench ablate` does.

    Args:
        method: a method that has variants.
        dataset: one data set or several, as `ugbench.train` takes them.
        variants: names of variants, as ["no-cam", "in"], which are trained besides the method itself; "all" means
            those of the paper's ablations. `ugbench variants METHOD` lists every variant.
        set: values of further config fields, for the method and all variants.
        seeds, steps, preset, size, fit, batch_size, jobs, skip_bad, deterministic, compile, capture, metrics,
            extractor, weights, lpips_net, protocol, device, precision, results, data_root, dry_run, progress: as in
            `compare`.
    Returns:
        The table, as `compare` returns it. If KID was scored, `attrs["differences"]` of the table says for each variant
        how it differs from the method itself: a dictionary for each data set and direction, as
        `ugbench ablate --json` prints them.
    Raises:
        As `compare`; and UsageError if the method has no variants.
    """
    from ugbench.study import grid

    if not paths(dataset):
        raise UsageError("dataset is missing: say what to train on.")
    fields = {
        "methods": [method],
        "variants": {method: grid.ablation_variants(method, names(variants))},
        **_fields(dataset, seeds, steps, preset, size, fit, batch_size),
    }
    if set is not None:
        fields["set"] = {method: mapping("set", set, '{"lr": 1e-3}')}
    declared = grid.declare(fields, "the call")
    scores = _Scores(metrics, extractor, weights, lpips_net, protocol)
    place = _Place(device, precision, results, data_root)
    execution = Execution(deterministic, compile, capture)
    return _carry_out(declared, scores, place, jobs, skip_bad, execution, dry_run, progress, base=method)


def _fields(
    dataset: PathLike | Sequence[PathLike] | None,
    seeds: int | Sequence[int] | None,
    steps: int | None,
    preset: str | None,
    size: int | str | tuple[int, int] | None,
    fit: Fit | None,
    batch_size: int | None,
) -> dict[str, Any]:
    """The fields of a study (`ugbench.study.grid.Study`) that were given."""
    check_at_least(1, {"steps": steps, "batch_size": batch_size})
    check_size(size)
    if isinstance(seeds, int):
        check_at_least(1, {"seeds": seeds})
        seeds = range(seeds)
    fields = {
        "datasets": paths(dataset) or None,
        "seeds": None if seeds is None else list(seeds),
        "steps": steps,
        "preset": preset,
        "size": size,
        "fit": fit,
        "batch_size": batch_size,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _carry_out(
    study: Study,
    scores: _Scores,
    place: _Place,
    jobs: int,
    skip_bad: bool,
    execution: Execution,
    dry_run: bool,
    progress: bool,
    base: str | None = None,
) -> pandas.DataFrame:
    """Plan a study, and unless `dry_run` train and score it; `base` is the method whose variants it compares."""
    import pandas

    from ugbench.api.requests import make_request, warn_of_unwritten
    from ugbench.device import pick_device
    from ugbench.progress.studies import plan_sentences
    from ugbench.runs.folder import study_file
    from ugbench.study import grid, plan, stages
    from ugbench.study.outcomes import raise_unfinished
    from ugbench.tables.frame import to_frame

    check_at_least(1, {"jobs": jobs})
    output = shown(progress)
    report = stages.Report(output.log, output.bar)
    device, folder = pick_device(place.device), results_folder(place.results)
    precision = stages.study_precision(place.precision, device, study_file(folder, study.id), output.log)
    request = make_request(
        scores.metrics,
        scores.extractor,
        scores.weights,
        scores.lpips_net,
        scores.protocol,
        place.device,
        output.log,
        frozen_names=grid.frozen_names(study),
    )
    root, weights = data_root_folder(place.data_root), request.networks.weights
    setup = plan.StudySetup(folder, root, device, precision, skip_bad, weights, execution)
    planned = stages.plan_runs(study, setup, report)
    if not dry_run and (problem := stages.unmet_requirement([request], planned, report)) is not None:
        raise problem
    for sentence in plan_sentences(planned, jobs):
        output.log(sentence)
    if dry_run:
        return pandas.DataFrame([plan.describe(run) for run in planned])
    if place.precision == "auto":
        planned = stages.fix_precision(study, setup, planned, report)
    with interrupts_of_python():
        outcomes, scored = stages.train_and_score(study, setup, planned, request, report, jobs=jobs)
    raise_unfinished(outcomes)
    assert scored is not None  # a study has runs, and each of them is done
    warn_of_unwritten(scored.evaluation.unwritten)
    frame = to_frame(scored.table)
    if base is not None:
        claims = stages.differences_to_base(scored, base)
        for claim in claims:
            for sentence in claim.sentences():
                output.log(sentence)
        frame.attrs["differences"] = [claim.to_json() for claim in claims]
    return frame
