"""`ugbench eval`: scores of runs, or of any folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import Device, Json, Results, Weights
from ugbench.cli.output import print_json, print_rows, progress_callback, say
from ugbench.errors import UsageError


def evaluate(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]…", help="Runs to score; none: every finished run.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAMES", help="kid, fid, lpips, … ; default: what fits."),
    ] = None,
    protocol: Annotated[
        str | None, typer.Option("--protocol", metavar="NAME", help="target, or train-reference.")
    ] = None,
    extractor: Annotated[
        str, typer.Option("--extractor", metavar="NAME", help="inception, alexnet, squeezenet, random.")
    ] = "inception",
    weights: Weights = None,
    lpips_net: Annotated[Literal["alex", "squeeze", "vgg"], typer.Option("--lpips-net", help="Of LPIPS.")] = "alex",
    kid_subset_size: Annotated[
        int | None,
        typer.Option("--kid-subset-size", min=2, help="With --kid-subsets: a mean over random subsets."),
    ] = None,
    kid_subsets: Annotated[int | None, typer.Option("--kid-subsets", min=1, help="How many subsets.")] = None,
    reference: Annotated[
        Literal["test", "train"] | None, typer.Option("--reference", help="Which images of the target.")
    ] = None,
    real: Annotated[Path | None, typer.Option("--real", metavar="DIR", help="Any folder of real images.")] = None,
    fake: Annotated[Path | None, typer.Option("--fake", metavar="DIR", help="Any folder of outputs.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="DIR", help="Their sources, for LPIPS; matched by stem."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Add the records of --real and --fake here."),
    ] = None,
    results: Results = options.RESULTS,
    device: Device = options.DEVICE,
    as_json: Json = False,
) -> None:
    """Score runs on their data sets' test images, both ways; or score any two folders.

    \b
    Examples:
      ugbench eval --metric changed,unchanged,iou
      ugbench eval 3f2a --metric kid,lpips --extractor alexnet --weights alexnet=alexnet.pth
      ugbench eval --real datasets/cat2dog/testB --fake out --metric kid --extractor random
    """
    from ugbench.scoring import record
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.folders import score_folders
    from ugbench.scoring.wanted import Networks, Wanted, metric
    from ugbench.train.precision import pick_device
    from ugbench.train.run import find_run, list_runs

    names = tuple(options.split_list(metrics))
    for name in names:
        metric(name)
    networks = Networks(extractor, lpips_net, options.parse_weights(weights), pick_device(device))
    wanted = Wanted(names, networks, pick_reference(protocol, reference), kid_settings(kid_subset_size, kid_subsets))
    if (real is None) != (fake is None):
        raise UsageError("--real and --fake go together; give both folders.")
    if real is not None and fake is not None:
        if runs:
            raise UsageError(f"RUN {runs[0]} and --real/--fake exclude each other; give one of them.")
        records = list(score_folders(wanted, real, fake, source))
        if output is not None:
            record.append(output, records)
    else:
        chosen = [find_run(run, results) for run in runs] if runs else [r for r in list_runs(results) if r.is_done()]
        if not chosen:
            raise UsageError(f"no finished run under {results}; train one, or name a RUN.")
        records = []
        with progress_callback("scoring") as tick:
            evaluation = Evaluation(wanted, results, say, lambda _title: tick)
            for run in chosen:
                records += evaluation.run(run)
    if as_json:
        print_json([one.to_json() for one in records])
        return
    header = ("run", "method", "direction", "metric", "value", "se", "fake", "real", "protocol")
    print_rows(header, [_row(one) for one in records])


def _row(one: Any) -> list[object]:
    label = one.method + (f"-{one.variant}" if one.variant else "")
    se = None if one.se is None else f"{one.se:.4g}"
    values = [one.run, label, one.direction, one.metric, f"{one.value:.5g}", se, one.n_fake, one.n_real]
    return [*values, one.protocol_id]


def pick_reference(protocol: str | None, reference: str | None) -> Literal["test", "train"]:
    """The reference split that --protocol and --reference mean together.

    Raises:
        UsageError: an unknown protocol, or two that disagree.
    """
    from ugbench.errors import UnknownName

    splits: dict[str, Literal["test", "train"]] = {"target": "test", "train-reference": "train"}
    if protocol is None:
        return "train" if reference == "train" else "test"
    if protocol not in splits:
        raise UnknownName("protocol", protocol, splits)
    if reference is not None and reference != splits[protocol]:
        other = next(name for name, split in splits.items() if split == reference)
        raise UsageError(f"--protocol {protocol} with --reference {reference}: that protocol's name is {other}.")
    return splits[protocol]


def kid_settings(subset_size: int | None, subsets: int | None) -> dict[str, dict[str, Any]]:
    """KID's settings: the full estimator, or a mean over random subsets.

    Raises:
        UsageError: only one of the two was given.
    """
    if subset_size is None and subsets is None:
        return {}
    if subset_size is None or subsets is None:
        raise UsageError("--kid-subset-size and --kid-subsets go together; give both, or neither for the full KID.")
    return {"kid": {"subset_size": subset_size, "subsets": subsets}}
