"""`ugbench data import`: turn a downloaded archive or folder into a data set of the data root."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ugbench.cli.options import DATA_ROOT, DataRoot, Json
from ugbench.cli.output import log, print_result, progress_callback


def import_(
    source: Annotated[
        Path, Argument(metavar="FILE|DIR", help="A downloaded zip or tar archive (gz, bz2, xz), or a folder.")
    ],
    name: Annotated[
        str | None,
        Option(
            "--name", metavar="NAME", help="Name of the data set for --dataset; default: the name that is recognised."
        ),
    ] = None,
    paired: Annotated[
        bool,
        Option(
            "--paired",
            help="Test images of equal stems are pairs: outputs are then compared with the true translation, too.",
        ),
    ] = False,
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Copy a downloaded data set into the data root, so that --dataset NAME finds it.

    A data set is recognised by folders trainA, trainB, testA and testB at any depth, or by text files trainA.txt … that
    name the images of a split, one per line. If a data set x2y is imported as y2x, its domains are swapped. Numbers
    of images that differ from the paper's are reported. An archive is refused if it holds links, devices or names that
    lead outside the archive, or if it unpacks to more than 50 GiB. Existing files are never replaced. With --paired, or
    if a dataset.json beside the splits states it, each test image must have a partner of the same stem in the other
    domain, and the new dataset.json states that they are pairs.

    \b
    Examples:
      ugbench data import ~/Downloads/horse2zebra.zip
      ugbench data import vangogh2photo.zip --name photo2vangogh
      ugbench data import my-photos --name day2night --data-root ~/datasets
      ugbench data import maps.zip --paired
    """
    from ugbench.data.acquire import catalog
    from ugbench.data.acquire.importing import carry_out, plan_import
    from ugbench.data.acquire.placing import check_target

    source = source.expanduser()
    plan = plan_import(source, name, paired)
    check_target(data_root / plan.name)
    with progress_callback(f"importing {plan.name}") as progress:
        folder = carry_out(plan, data_root, progress)
    for note in plan.notes:
        log(note)
    log(f"{plan.name} is in {folder}; `ugbench data check {plan.name}` looks at its images.")
    published = catalog.find(plan.name)
    paper = published.images if published else None
    counts = plan.counts()
    report = {"name": plan.name, "root": folder, "images": counts, "paper": paper, "shape": plan.layout}
    header = ("split", "images", "paper") if paper else ("split", "images")
    rows = [(split, n, *([paper[split]] if paper else [])) for split, n in counts.items()]
    print_result(as_json, {**report, "turned": plan.swapped, "paired": plan.paired, "notes": plan.notes}, header, rows)
