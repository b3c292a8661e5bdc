"""`ugbench neighbours`: has a run copied its training images?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ugbench.cli import options
from ugbench.cli.options import Device, Json, Results, Weights
from ugbench.cli.output import print_json, print_rows, say

if TYPE_CHECKING:
    from ugbench.analysis.neighbours import Neighbours

SHARES = (0.0, 0.01, 0.1, 0.5, 0.9, 1.0)


def neighbours(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or the start of its id.")],
    extractor: Annotated[
        str, typer.Option("--extractor", metavar="NAME", help="inception, alexnet, squeezenet, random.")
    ] = "inception",
    weights: Weights = None,
    direction: Annotated[
        Literal["A2B", "B2A"] | None, typer.Option("--direction", help="Which way; default: each that the run has.")
    ] = None,
    output: Annotated[
        Path | None,
        options.path_option("--output", "file", "FILE", "Draw the 8 closest pairs: PNG or PDF."),
    ] = None,
    cache: options.Cache = None,
    results: Results = options.RESULTS,
    device: Device = options.DEVICE,
    as_json: Json = False,
) -> None:
    """Show the training image nearest to each output, beside how near real test images come.

    Distances are euclidean, between features. Near in feature space is a reason to look, not a proof of copying.

    \b
    Examples:
      ugbench neighbours 3f2a --extractor alexnet --weights alexnet=alexnet.pth
      ugbench neighbours 3f2a --direction A2B --output closest.png
    """
    from ugbench.analysis.neighbours import neighbours_of
    from ugbench.device import pick_device
    from ugbench.figures import _neighbours
    from ugbench.figures._context import check_suffix, save
    from ugbench.inference.translate import check_direction
    from ugbench.runs.run import find_run
    from ugbench.scoring.cache import Cache, default_folder
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.networks.network_set import Networks
    from ugbench.scoring.request import EvalRequest

    if output is not None:
        check_suffix(output)
    found = find_run(run, results)
    if direction is not None:
        check_direction(found, direction)
    networks = Networks(extractor, "alex", options.parse_weights(weights), pick_device(device))
    evaluation = Evaluation(EvalRequest((), networks, cache=Cache(cache or default_folder(), say)), results, say)
    ways = found.directions() if direction is None else (direction,)
    each = [neighbours_of(evaluation, found, way) for way in ways]
    if output is not None:
        save(_neighbours.draw(each), output)
        say(f"written to {output}")
    if as_json:
        print_json([record for one in each for record in records(found.id, extractor, one)])
        return
    shares = [f"{share:.0%}" for share in SHARES]
    print_rows(("direction", "images", "number", *shares), [row for one in each for row in rows(one)])
    for one in each:
        count = f"{len(one.near)} of {len(one.outputs)} outputs are"
        print(f"\n{one.direction}: {count} nearer to a training image than all but 1% of the real test images.")
        if one.near:
            listed = [(f"{pair.distance:.4g}", pair.file, pair.nearest) for pair in one.near]
            print_rows(("distance", "output", "nearest training image"), listed)
    say("Near in feature space is a reason to look at a pair, not a proof of copying.")


def rows(one: Neighbours) -> list[tuple[object, ...]]:
    """The quantiles of the distances of outputs and of real test images."""
    from ugbench.analysis.neighbours import quantiles

    return [
        (one.direction, name, len(pairs), *(f"{value:.4g}" for value in quantiles(pairs, SHARES)))
        for name, pairs in (("outputs", one.outputs), ("real test", one.real))
    ]


def records(run: str, extractor: str, one: Neighbours) -> list[dict[str, Any]]:
    """A record an output, nearest first; `limit` is the distance under which 1 % of the real test images are."""
    whose = {"run": run, "direction": one.direction, "step": one.step, "extractor": extractor}
    limit = one.limit
    return [
        {
            **whose,
            "output": pair.file,
            "nearest": pair.nearest,
            "distance": pair.distance,
            "limit": limit,
            "near": pair.distance < limit,
        }
        for pair in one.outputs
    ]
