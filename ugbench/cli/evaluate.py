"""`ugbench eval`: scores of runs, or of any folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import Device, Json, Results, Weights
from ugbench.cli.output import print_json, print_rows, progress_callback, say
from ugbench.errors import UsageError

if TYPE_CHECKING:
    import torch

    from ugbench.runs.run import Run
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.protocols import NamedProtocol
    from ugbench.scoring.request import EvalRequest


def evaluate(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="RUN", help="Runs to score; none: every finished run.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAMES", help="kid, fid, lpips, … ; default: what fits."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol", metavar="NAME", help="target, train-reference, authors2019, torch-fidelity or clean."
        ),
    ] = None,
    extractor: Annotated[
        str, typer.Option("--extractor", metavar="NAME", help="inception, alexnet, squeezenet, random.")
    ] = "inception",
    weights: Weights = None,
    lpips_net: Annotated[Literal["alex", "squeeze", "vgg"], typer.Option("--lpips-net", help="Of LPIPS.")] = "alex",
    kid_subset_size: Annotated[
        int | None,
        typer.Option("--kid-subset-size", metavar="N", min=2, help="With --kid-subsets: a mean over random subsets."),
    ] = None,
    kid_subsets: Annotated[
        int | None, typer.Option("--kid-subsets", metavar="N", min=1, help="How many subsets.")
    ] = None,
    reference: Annotated[
        Literal["test", "train"] | None, typer.Option("--reference", help="Which images of the target.")
    ] = None,
    checkpoints: Annotated[
        Literal["last", "all"], typer.Option("--checkpoints", help="Score the last one, or every one that was kept.")
    ] = "last",
    select: Annotated[
        Literal["last", "validation"],
        typer.Option("--select", help="Or the kept one with the lowest KID on a tenth of the training images."),
    ] = "last",
    real: Annotated[
        Path | None,
        options.path_option("--real", "any", "DIR", "Any folder of real images."),
    ] = None,
    fake: Annotated[Path | None, options.path_option("--fake", "any", "DIR", "Any folder of outputs.")] = None,
    source: Annotated[
        Path | None,
        options.path_option("--source", "any", "DIR", "Their sources, for LPIPS; matched by stem."),
    ] = None,
    output: Annotated[
        Path | None,
        options.path_option("--output", "file", "FILE", "Add the records of --real and --fake here."),
    ] = None,
    cache: options.Cache = None,
    results: Results = options.RESULTS,
    device: Device = options.DEVICE,
    as_json: Json = False,
) -> None:
    """Score runs on their data sets' test images, both ways; or score any two folders.

    \b
    Examples:
      ugbench eval --metric changed,unchanged,iou
      ugbench eval 3f2a --metric kid,lpips --extractor alexnet --weights alexnet=alexnet.pth
      ugbench eval 3f2a --metric kid --select validation
      ugbench eval --real datasets/cat2dog/testB --fake out --metric kid --extractor random
    """
    from ugbench.analysis.differences import are_due
    from ugbench.analysis.paired_runs import store_differences
    from ugbench.analysis.selection import rule
    from ugbench.device import pick_device
    from ugbench.runs.filters import nothing_found
    from ugbench.runs.run import find_run, list_runs
    from ugbench.scoring import record
    from ugbench.scoring.evaluate import Evaluation, score_folders

    own = kid_settings(kid_subset_size, kid_subsets)
    wanted = make_wanted(metrics, protocol, reference, extractor, weights, lpips_net, cache, pick_device(device), own)
    if select == "validation" and checkpoints == "all":
        raise UsageError("--select validation and --checkpoints all exclude each other; give one of them.")
    if (real is None) != (fake is None):
        raise UsageError("--real and --fake go together; give both folders.")
    if real is not None and fake is not None:
        if runs:
            raise UsageError(f"RUN {runs[0]} and --real/--fake exclude each other; give one of them.")
        if select == "validation":
            raise UsageError("--select validation chooses a checkpoint of a run; leave it out with --real and --fake.")
        records = list(score_folders(wanted, real, fake, source))
        if output is not None:
            record.append(output, records)
    else:
        chosen = [find_run(run, results) for run in runs] if runs else finished(results, say)
        if not chosen:
            raise nothing_found(results, "finished run", "train one, or name a RUN")
        if select == "validation":
            wanted = replace(wanted, checkpoint=rule(wanted.networks.extractor))
        with progress_callback("scoring") as tick:
            evaluation = Evaluation(wanted, results, say, lambda _title: tick)
            # In rising order, so that the outputs that stay are the last checkpoint's.
            records = evaluation.runs((run, steps_of(evaluation, run, checkpoints, select)) for run in chosen)
        # Kept differences are of last checkpoints.
        if select == "last" and are_due(records):
            for folder in dict.fromkeys(run.dataset_folder for run in chosen):
                store_differences(evaluation, [run for run in list_runs(results) if run.path.is_relative_to(folder)])
    if as_json:
        print_json([one.to_json() for one in records])
        return
    header = ("run", "method", "step", "direction", "metric", "value", "se", "fake", "real", "protocol")
    print_rows(header, [_row(one) for one in records])


def _row(one: Any) -> list[object]:
    se = None if one.se is None else f"{one.se:.4g}"
    values = [one.run, one.label, one.step, one.direction, one.metric]
    values += [f"{one.value:.5g}", se, one.n_fake, one.n_real]
    return [*values, one.protocol_id]


def make_wanted(
    metrics: list[str] | None,
    protocol: str | None,
    reference: str | None,
    extractor: str,
    weights: list[str] | None,
    lpips_net: str,
    cache: Path | None,
    device: torch.device,
    settings: dict[str, dict[str, Any]] | None = None,
) -> EvalRequest:
    """What the options of scoring ask for.

    Raises:
        UnknownName: no such metric, protocol or extractor.
        UsageError: options that do not go together, or a weights file that is not there.
    """
    from ugbench import registry
    from ugbench.errors import UnknownName
    from ugbench.scoring.cache import Cache, default_folder
    from ugbench.scoring.networks.extractors import EXTRACTORS
    from ugbench.scoring.networks.network_set import Networks
    from ugbench.scoring.networks.weights import SOURCES
    from ugbench.scoring.request import EvalRequest

    files = options.parse_weights(weights)
    for name in files:
        if name not in SOURCES:
            raise UnknownName("network (--weights)", name, SOURCES)
    if extractor not in EXTRACTORS:
        raise UnknownName("extractor", extractor, EXTRACTORS)
    names = tuple(options.split_list(metrics, "--metric"))
    for name in names:
        registry.load_metric(name)
    networks = Networks(extractor, lpips_net, files, device)
    kept = Cache(cache or default_folder(), say)
    return EvalRequest(names, networks, pick_protocol(protocol, reference), settings or {}, cache=kept)


def finished(results: Path, say: Callable[[str], None]) -> list[Run]:
    """The runs that are trained to their last step, and the imported ones that have a data set."""
    from ugbench.runs.run import list_runs

    done = [run for run in list_runs(results) if run.is_done()]
    for run in done:
        if run.config.dataset is None:
            say(f"run {run.id} ({run.config.label}) was imported without a data set and is left out.")
    return [run for run in done if run.config.dataset is not None]


def steps_of(evaluation: Evaluation, run: Run, checkpoints: str, select: str) -> tuple[int | None, ...]:
    """The steps of a run to score, rising; None is the last. Says which one was selected, and among which."""
    from ugbench.analysis.selection import select as choose

    if select == "validation":
        chosen = choose(evaluation, run)
        kids = ", ".join(f"{step}: {100 * kid:.4g}" for step, kid in chosen.kids.items())
        say(f"run {run.id} ({run.config.label}): step {chosen.step} is scored; validation KID x100 by step: {kids}.")
        return (chosen.step,)
    return (None,) if checkpoints == "last" else kept_steps(run)


def kept_steps(run: Run) -> tuple[int | None, ...]:
    """The steps of a run's checkpoints, rising; None where there is only what was imported."""
    return (None,) if run.config.origin is not None else tuple(run.checkpoint_steps()) or (None,)


def pick_protocol(name: str | None, reference: str | None) -> NamedProtocol:
    """The protocol that --protocol and --reference mean together.

    Raises:
        UnknownName: there is no such protocol.
        UsageError: the two disagree.
    """
    from ugbench.scoring.protocols import TARGET, TRAIN_REFERENCE, find_protocol

    if name is None:
        return TRAIN_REFERENCE if reference == "train" else TARGET
    found = find_protocol(name)
    if reference is not None and reference != found.reference:
        other = {"test": TARGET, "train": TRAIN_REFERENCE}[reference].name
        raise UsageError(f"--protocol {name} with --reference {reference}: that protocol's name is {other}.")
    return found


def kid_settings(subset_size: int | None, subsets: int | None) -> dict[str, dict[str, Any]]:
    """KID's settings: the full estimator, or a mean over random subsets; one alone leaves the other to the protocol."""
    given = {"subset_size": subset_size, "subsets": subsets}
    given = {name: value for name, value in given.items() if value is not None}
    return {"kid": given} if given else {}
