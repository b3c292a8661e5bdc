"""`ugbench data import`: an archive or a folder that a user downloaded becomes a data set of the data root."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ugbench.cli.options import DATA_ROOT, DataRoot, Json
from ugbench.cli.output import print_json, print_rows, progress_callback, say


def import_(
    source: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="A zip or tar (gz, bz2, xz), or a folder, as downloaded.")
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="What --dataset will call it; default: its recognised name."),
    ] = None,
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Lay out a downloaded data set under the data root, so that --dataset NAME finds it.

    It is recognised by folders trainA, trainB, testA and testB at any depth, or by text files trainA.txt … that
    name a split's images, one a line. Imported as y2x, what came as x2y is turned round. Counts that differ from
    the paper's are said. An archive with links, devices, names that lead outside, or one that unpacks to more
    than 50 GiB is refused whole. Nothing that is there is written over.

    \b
    Examples:
      ugbench data import ~/Downloads/horse2zebra.zip
      ugbench data import vangogh2photo.zip --name photo2vangogh
      ugbench data import my-photos --name day2night --data-root ~/datasets
    """
    from ugbench.data.acquire import catalog
    from ugbench.data.acquire.importing import carry_out, check_target, plan_import

    source = source.expanduser()
    plan = plan_import(source, name)
    check_target(data_root / plan.name)
    with progress_callback(f"importing {plan.name}") as tick:
        folder = carry_out(plan, data_root, tick)
    for note in plan.notes:
        say(note)
    say(f"{plan.name} is in {folder}; `ugbench data check {plan.name}` looks at its images.")
    known = catalog.find(plan.name)
    paper = known.images if known else None
    counts = plan.counts()
    if as_json:
        report = {"name": plan.name, "root": folder, "images": counts, "paper": paper, "shape": plan.layout}
        print_json({**report, "turned": plan.swapped, "notes": plan.notes})
        return
    header = ("split", "images", "paper") if paper else ("split", "images")
    print_rows(header, [(split, n, *([paper[split]] if paper else [])) for split, n in counts.items()])
