"""`ugbench neighbours`: has a run copied its training images?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from ugbench.cli.options import AUTO, RESULTS, Devices, Json, Results, RunArgument, path_option
from ugbench.cli.output import log, print_json, print_rows
from ugbench.cli.output_file import check_output_file
from ugbench.cli.scoring_options import FeatureOptions
from ugbench.direction import Direction

if TYPE_CHECKING:
    from ugbench.analysis.neighbours import Neighbours

SHARES = (0.0, 0.01, 0.1, 0.5, 0.9, 1.0)


def neighbours(
    *,
    run: RunArgument,
    features: FeatureOptions,
    direction: Annotated[
        Direction | None, Option("--direction", help="Direction to check; default: each that the run has.")
    ] = None,
    output: Annotated[
        Path | None, path_option("--output", "file", "FILE", "PNG or PDF file to draw the 8 closest pairs to.")
    ] = None,
    results: Results = RESULTS,
    device: Devices = AUTO,
    as_json: Json = False,
) -> None:
    """Show the training image nearest to each output, and how near real test images come.

    Distances are Euclidean distances between features. A small distance is a reason to look at a pair, not a proof
    of copying.

    \b
    Examples:
      ugbench neighbours 3f2a --extractor alexnet --weights alexnet=alexnet.pth
      ugbench neighbours 3f2a --direction A2B --output closest.png
    """
    from ugbench.analysis.neighbours import neighbours_of
    from ugbench.figures import _context, _neighbours
    from ugbench.inference.translate import check_direction
    from ugbench.runs.run import find_run
    from ugbench.scoring.evaluate import Evaluation
    from ugbench.scoring.request import EvalRequest

    if output is not None:
        _context.check_suffix(output)
    check_output_file(output)
    chosen_run = find_run(run, results)
    if direction is not None:
        check_direction(chosen_run, direction)
    first, further = device.pick()
    networks = features.complete_extractor(features.networks(first, further=further), as_json)
    request = EvalRequest((), networks, cache=features.feature_cache())
    evaluation = Evaluation(request, results, log)
    directions = chosen_run.directions() if direction is None else (direction,)
    neighbours_by_direction = [neighbours_of(evaluation, chosen_run, way) for way in directions]
    if output is not None:
        _context.save(_neighbours.draw(neighbours_by_direction), output)
        log(f"written to {output}")
    if as_json:
        print_json(records(chosen_run.id, features.extractor, neighbours_by_direction))
        return
    header = ("direction", "images", "number", *(f"{share:.0%}" for share in SHARES))
    print_rows(header, [row for pairs in neighbours_by_direction for row in rows(pairs)])
    for pairs in neighbours_by_direction:
        count = f"{len(pairs.near)} of {len(pairs.outputs)} outputs are"
        print(f"\n{pairs.direction}: {count} nearer to a training image than all but 1% of the real test images.")
        if pairs.near:
            listed = [(f"{pair.distance:.4g}", pair.file, pair.nearest) for pair in pairs.near]
            print_rows(("distance", "output", "nearest training image"), listed)
    log("Near in feature space is a reason to look at a pair, not a proof of copying.")


def rows(neighbours: Neighbours) -> list[tuple[object, ...]]:
    """The quantiles of the distances of outputs, and of real test images."""
    from ugbench.analysis.neighbours import quantiles

    return [
        (neighbours.direction, name, len(pairs), *(f"{value:.4g}" for value in quantiles(pairs, SHARES)))
        for name, pairs in (("outputs", neighbours.outputs), ("real test", neighbours.real))
    ]


def records(run: str, extractor: str, neighbours_by_direction: Sequence[Neighbours]) -> list[dict[str, Any]]:
    """One record for each output, nearest first; 1 % of the real test images are nearer than `limit`."""
    return [
        {
            "run": run,
            "direction": neighbours.direction,
            "step": neighbours.step,
            "extractor": extractor,
            "output": pair.file,
            "nearest": pair.nearest,
            "distance": pair.distance,
            "limit": neighbours.limit,
            "near": pair.distance < neighbours.limit,
        }
        for neighbours in neighbours_by_direction
        for pair in neighbours.outputs
    ]
