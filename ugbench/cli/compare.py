"""`ugbench compare` and `ugbench ablate`: from methods and data sets to a table, training what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import Cache, DataRoot, Device, Json, Precision, Results, Sets, Weights
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.cli.study import Conclusion, Scored
    from ugbench.study.grid import Study

Datasets = Annotated[
    list[str] | None,
    typer.Option("--dataset", metavar="NAME|DIR|dial…", help="In the data root, a folder, or a dial; repeatable."),
]
Seeds = Annotated[str | None, typer.Option("--seeds", metavar="N|K,L…", help="3 means 0,1,2; default: 3.")]
Steps = Annotated[int | None, typer.Option("--steps", metavar="N", min=1, help="Training steps of each run.")]
Preset = Annotated[str | None, typer.Option("--preset", metavar="paper|light|smoke", help="Default: paper.")]
Side = Annotated[int | None, typer.Option("--size", metavar="N", min=8, help="Image size, px.")]
BatchSize = Annotated[
    int | None, typer.Option("--batch-size", metavar="N", min=1, help="Images of each domain a step.")
]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Runs that train at once.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and train nothing; a dial is drawn.")]
Metrics = Annotated[
    list[str] | None, typer.Option("--metric", metavar="NAMES", help="kid, fid, lpips, … ; default: what fits.")
]
Protocol = Annotated[str | None, typer.Option("--protocol", metavar="NAME", help="As `ugbench eval` takes it.")]
ExtractorName = Annotated[
    str, typer.Option("--extractor", metavar="NAME", help="inception, alexnet, squeezenet, random.")
]
LpipsNet = Annotated[Literal["alex", "squeeze", "vgg"], typer.Option("--lpips-net", help="Of LPIPS.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Train without the images that cannot be read.")]


def compare(
    methods: Annotated[
        list[str] | None, typer.Option("--methods", metavar="A,B,…", help="See `ugbench methods`.")
    ] = None,
    dataset: Datasets = None,
    study: Annotated[
        Path | None,
        options.path_option("--study", "any", "FILE", "A study in TOML; options given here take its place."),
    ] = None,
    seeds: Seeds = None,
    steps: Steps = None,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", metavar="N", min=0.01, help="The same training time for each run instead of steps."),
    ] = None,
    preset: Preset = None,
    size: Side = None,
    batch_size: BatchSize = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="METHOD.KEY=VALUE", help="A field of a method's config.")
    ] = None,
    jobs: Jobs = 1,
    dry_run: DryRun = False,
    skip_bad: SkipBad = False,
    metrics: Metrics = None,
    protocol: Protocol = None,
    extractor: ExtractorName = "inception",
    weights: Weights = None,
    lpips_net: LpipsNet = "alex",
    cache: Cache = None,
    results: Results = options.RESULTS,
    data_root: DataRoot = options.DATA_ROOT,
    device: Device = options.DEVICE,
    precision: Precision = options.PRECISION,
    as_json: Json = False,
) -> None:
    """Train methods on data sets under equal terms, score them, and print the table.

    What is trained already is not trained again; the same call after an interruption goes on. A study file has the
    keys methods, variants, datasets, seeds, preset, steps, minutes, size, batch_size, set and
    without.

    \b
    Examples:
      ugbench compare --methods ugatit,cyclegan --dataset dial:size=32 --preset smoke --steps 400 --extractor random
      ugbench compare --study study.toml --dry-run
    """
    from ugbench.study import grid

    fields = {} if study is None else grid.read(study)
    given = {
        "methods": options.split_list(methods, "--methods") or None,
        "datasets": list(dataset) if dataset else None,
        "seeds": None if seeds is None else options.parse_seeds(seeds),
        "steps": steps,
        "minutes": minutes,
        "preset": preset,
        "size": size,
        "batch_size": batch_size,
        "set": _sets_by_method(sets) or None,
    }
    fields |= {key: value for key, value in given.items() if value is not None}
    for key, option in (("methods", "--methods"), ("datasets", "--dataset")):
        if not fields.get(key):
            raise UsageError(f"{option} is missing: say what to compare, or name a --study.")
    declared = grid.declare(fields, f"--study {study}" if study else "the call")
    scoring = (metrics, protocol, extractor, weights, lpips_net, cache)
    _run(declared, jobs, dry_run, skip_bad, scoring, (results, data_root, device, precision), as_json)


def ablate(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="One that has variants.")] = "ugatit",
    dataset: Datasets = None,
    variants: Annotated[
        list[str] | None,
        typer.Option("--variants", metavar="all|A,B,…", help="Beside full; all: the paper's own (default)."),
    ] = None,
    seeds: Seeds = None,
    steps: Steps = None,
    preset: Preset = None,
    size: Side = None,
    batch_size: BatchSize = None,
    sets: Sets = None,
    jobs: Jobs = 1,
    dry_run: DryRun = False,
    skip_bad: SkipBad = False,
    metrics: Metrics = None,
    protocol: Protocol = None,
    extractor: ExtractorName = "inception",
    weights: Weights = None,
    lpips_net: LpipsNet = "alex",
    cache: Cache = None,
    results: Results = options.RESULTS,
    data_root: DataRoot = options.DATA_ROOT,
    device: Device = options.DEVICE,
    precision: Precision = options.PRECISION,
    as_json: Json = False,
) -> None:
    """Train a method and its variants, score them, and say what differs from the full method.

    \b
    Examples:
      ugbench ablate --dataset dial:size=32 --preset smoke --steps 400 --seeds 6 --extractor random
      ugbench ablate ugatit --dataset cat2dog --variants no-cam,in,ln --dry-run
    """
    from functools import partial

    from ugbench.cli import ablation
    from ugbench.study import grid

    given = {
        "seeds": None if seeds is None else options.parse_seeds(seeds),
        "steps": steps,
        "preset": preset,
        "size": size,
        "batch_size": batch_size,
        "set": {method: options.parse_sets(sets)} if sets else None,
    }
    chosen = _variants(method, options.split_list(variants, "--variants"))
    if not dataset:
        raise UsageError("--dataset is missing: say what to train on.")
    fields: dict[str, Any] = {"methods": [method], "variants": {method: chosen}, "datasets": list(dataset)}
    conclude = partial(ablation.against, method=method)
    fields |= {key: value for key, value in given.items() if value is not None}
    scoring = (metrics, protocol, extractor, weights, lpips_net, cache)
    where = (results, data_root, device, precision)
    _run(grid.declare(fields, "the call"), jobs, dry_run, skip_bad, scoring, where, as_json, conclude)


def _variants(method: str, asked: list[str]) -> list[str]:
    """Full, then the variants that were asked for.

    Raises:
        UnknownName: no such method or variant.
        UsageError: the method has none.
    """
    from ugbench import registry

    loaded = registry.load_method(method)
    known = [name for name in loaded.VARIANTS if name != "full"]
    if not known:
        raise UsageError(f"{method} has no variants; ablate a method that has: see `ugbench variants`.")
    if asked in ([], ["all"]):
        asked = list(loaded.ablation) or known
    return ["full", *(name for name in _known(method, asked) if name != "full")]


def _known(method: str, asked: list[str]) -> list[str]:
    """The variants that were asked for.

    Raises:
        UnknownName: no such method or variant.
    """
    from ugbench import registry
    from ugbench.errors import UnknownName

    known = [name for name in registry.load_method(method).VARIANTS if name != "full"]
    for name in asked:
        if name not in (*known, "full"):
            raise UnknownName("variant", name, known)
    return asked


def _sets_by_method(values: Iterable[str] | None) -> dict[str, dict[str, str]]:
    """Config fields by method from `--set METHOD.key=value`.

    Raises:
        UsageError: no method before the key.
    """
    found: dict[str, dict[str, str]] = {}
    for key, value in options.parse_sets(values).items():
        method, dot, name = key.partition(".")
        if not dot or not name:
            raise UsageError(f"--set {key}={value}: say whose it is: --set METHOD.{key}={value}.")
        found.setdefault(method, {})[name] = value
    return found


def _run(
    study: Study,
    jobs: int,
    dry_run: bool,
    skip_bad: bool,
    scoring: tuple[list[str] | None, str | None, str, list[str] | None, str, Path | None],
    where: tuple[Path, Path, str, str],
    as_json: bool,
    conclude: Callable[[Scored], Conclusion] | None = None,
) -> None:
    from ugbench.cli.evaluate import make_wanted
    from ugbench.cli.study import Call, run
    from ugbench.device import pick_device
    from ugbench.study.plan import Where

    metrics, protocol, extractor, weights, lpips_net, cache = scoring
    results, data_root, device, precision = where
    chosen = pick_device(device)
    wanted = make_wanted(metrics, protocol, None, extractor, weights, lpips_net, cache, chosen)
    run(Call(study, Where(results, data_root, chosen, precision, skip_bad), wanted, jobs, dry_run, as_json, conclude))
