"""`ugbench data check`: what is wrong with a data set, and what ugbench does about it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ugbench.cli.options import DataRoot, Json
from ugbench.cli.output import log, print_json, print_rows, progress_callback
from ugbench.data.data_root import DATA_ROOT
from ugbench.visible import visible

if TYPE_CHECKING:
    from ugbench.data.check import Finding

SHOWN = 3
WIDTH = 100


def check(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A name in the data root, a folder, or a dial.")],
    data_root: DataRoot = DATA_ROOT,
    as_json: Json = False,
) -> None:
    """Decode every image of a data set, and say what is odd and what ugbench does about it.

    It names missing and empty folders, unreadable files, sizes and modes, duplicates within a split, and images that
    are both in train and test, equal or nearly equal. The exit code is 0 if `ugbench train` takes the data set as it
    is, and 1 if it does not. Pairs of training images and further folders, which some methods need, are checked by
    `ugbench train` alone. Pairs of test images are checked here if the data set states them.

    \b
    Examples:
      ugbench data check horse2zebra
      ugbench data check ~/datasets/cats2dogs --json
    """
    from ugbench.data import duplicates
    from ugbench.data.check import check as check_dataset
    from ugbench.data.dataset_names import resolve
    from ugbench.data.folders import describe_splits

    with progress_callback("checking images") as progress:
        checked = resolve(dataset, data_root, progress)
        for sentence in describe_splits(checked):
            log(sentence)
        report = check_dataset(checked, progress)
    if as_json:
        likeness = {
            "hash": "phash",
            "bits": duplicates.BITS,
            "most": duplicates.MAX_DISTANCE,
            "least_correlation": duplicates.MIN_CORRELATION,
        }
        print_json({"name": checked.name, "root": checked.root, **asdict(report), "likeness": likeness})
    else:
        header = ("split", "images", "readable", "sizes", "modes", "formats")
        rows = [
            (split, seen.images, seen.readable, *map(shortened, (seen.sizes, seen.modes, seen.formats)))
            for split, seen in report.splits.items()
        ]
        print_rows(header, rows)
        print()
        if report.findings:
            print(visible("\n".join(lines_of(report.findings)), keep="\n"))
        else:
            print("Nothing is odd.")
        print()
        if report.trains:
            others = "training pairs and further folders, which some methods need, are not checked here"
            print(f"Training takes this data set as it is; {others}.")
        else:
            fix = " as it is, and takes it with --skip-bad" if report.trains_with_skip_bad else ""
            print(f"Training refuses this data set{fix}.")
    if not report.trains:
        raise typer.Exit(1)


def shortened(counts: Mapping[str, int]) -> str:
    """The most common values with the count of each: "256x256 (120), 300x200 (3), …"."""
    texts = [f"{value} ({count})" for value, count in counts.items()]
    return ", ".join(texts[:SHOWN] + ["…"] * (len(texts) > SHOWN)) or "-"


def lines_of(findings: tuple[Finding, ...]) -> Iterator[str]:
    """The findings as lines of at most WIDTH characters; only a longer file name makes a longer line.

    Findings of the same kind, splits and action share a paragraph that names the first few files.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        # Each pair of near duplicates has its own distance; the nearest pair, which comes first, stands for all.
        text = "" if finding.kind.startswith("near") else finding.found
        groups.setdefault((finding.kind, finding.splits, text, finding.action), []).append(finding)
    for members in groups.values():
        first = members[0]
        texts = [" = ".join(finding.files) for finding in members if finding.files]
        if first.kind in ("stray", "mode", "shape", "unreadable", "range", "missing", "empty", "pair"):
            texts = [file for finding in members for file in finding.files]
        count = f" ({len(texts)})" if texts else ""
        files = ", ".join(texts[:SHOWN] + ["…"] * (len(texts) > SHOWN))
        head = f"{first.kind} in {', '.join(first.splits)}{count}" + (f": {files}" if files else "")
        for text, indent in ((head, ""), (f"found: {first.found}", "  "), (f"ugbench: {first.action}", "  ")):
            yield from textwrap.wrap(
                text,
                WIDTH,
                initial_indent=indent,
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
