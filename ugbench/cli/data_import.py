"""`ugbench data import`: turn a downloaded archive or folder, or two folders of images, into a data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from ugbench.cli.data_import_folders import FolderOptions, import_folders
from ugbench.cli.options import DataRoot, Json
from ugbench.cli.output import log, print_result, progress_callback
from ugbench.data.data_root import DATA_ROOT
from ugbench.errors import UsageError

if TYPE_CHECKING:
    from ugbench.data.acquire.importing import ImportPlan


def import_(
    source: Annotated[
        Path | None, Argument(metavar="FILE|DIR", help="A downloaded zip or tar archive (gz, bz2, xz), or a folder.")
    ] = None,
    *,
    folders: FolderOptions,
    name: Annotated[
        str | None,
        Option(
            "--name",
            metavar="NAME",
            help="Name of the data set for --dataset; default: the name that is recognised in FILE or DIR.",
        ),
    ] = None,
    paired: Annotated[
        bool,
        Option(
            "--paired",
            help="Images of equal stems are pairs: outputs for test images are then compared with the truth, too.",
        ),
    ] = False,
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Copy a downloaded data set, or two folders of your own images, into the data root for --dataset NAME.

    FILE or DIR holds a data set. It is recognised by folders trainA, trainB, testA and testB at any depth, or by text
    files trainA.txt … that name the images of a split, one per line. If a data set x2y is imported as y2x, its domains
    are swapped. Numbers of images that differ from the paper's are reported. An archive is refused if it holds links,
    devices or names that lead outside the archive, or if it unpacks to more than 50 GiB. With --paired, or if a
    dataset.json beside the splits states it, each test image must have a partner of the same stem in the other domain,
    and the new dataset.json states that they are pairs.

    --a and --b name two folders of any images instead. A tenth of each becomes test images, or as many as --test says.
    The same images always give the same choice. Near-duplicates, as the photographs of a burst, are all in train or all
    in test. Images that cannot be read are left out and named. With --paired, each image must have a partner of the
    same stem in the other folder, and partners stay together.

    Existing files are never replaced.

    \b
    Examples:
      ugbench data import ~/Downloads/horse2zebra.zip
      ugbench data import vangogh2photo.zip --name photo2vangogh
      ugbench data import my-photos --name day2night --data-root ~/datasets
      ugbench data import maps.zip --paired
      ugbench data import --a photos/cats --b photos/dogs --name pets --test 100
      ugbench data import --a summer --b winter --name seasons --recursive --link
    """
    if folders.are_given():
        import_folders(source, folders, name, paired, data_root, as_json)
        return
    folders.check_unused()
    if source is None:
        raise UsageError("FILE or DIR is missing; name an archive or a folder, or two folders with --a and --b.")
    _import_download(source.expanduser(), name, paired, data_root, as_json)


def _import_download(source: Path, name: str | None, paired: bool, data_root: Path, as_json: bool) -> None:
    from ugbench.data.acquire.importing import carry_out, plan_import
    from ugbench.data.acquire.placing import check_target

    plan = plan_import(source, name, paired)
    check_target(data_root / plan.name)
    with progress_callback(f"importing {plan.name}") as progress:
        folder = carry_out(plan, data_root, progress)
    report_import(plan, folder, as_json)


def report_import(
    plan: ImportPlan, folder: Path, as_json: bool, origin: Mapping[str, object] = MappingProxyType({})
) -> None:
    """Print what was imported from an archive or a folder.

    Args:
        folder: of the new data set.
        origin: further fields of the JSON object.
    """
    from ugbench.data.acquire import catalog

    for note in plan.notes:
        log(note)
    log(f"{plan.name} is in {folder}; `ugbench data check {plan.name}` looks at its images.")
    published = catalog.find(plan.name)
    paper = published.images if published else None
    counts = plan.counts()
    report = {"name": plan.name, "root": folder, "images": counts, "paper": paper, "shape": plan.layout, **origin}
    header = ("split", "images", "paper") if paper else ("split", "images")
    rows = [(split, n, *([paper[split]] if paper else [])) for split, n in counts.items()]
    print_result(as_json, {**report, "turned": plan.swapped, "paired": plan.paired, "notes": plan.notes}, header, rows)
