"""What a reader must know about the images behind the scores: how many, which are missing, which are copies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ugbench.data.copies import LEVELS, SIDE
from ugbench.scoring.copies import IN_WORDS
from ugbench.tables.cells import Column
from ugbench.tables.contest import Contest, ContestInColumn, Numbers
from ugbench.tables.model import Block, Table
from ugbench.tables.rows import Row

ALONE = "Nothing is bold in a column in which one row alone competes."
LEFT_OUT = "are left out, as near-duplicates of others"
COPIES = (
    f"A copy differs from its original by at most {LEVELS} of 255 levels in the mean, both at {SIDE} px, as it is or "
    "mirrored. Copies of references or training images improve KID and FID without any translation."
)


def few_images_notes(contests: Sequence[ContestInColumn]) -> Iterator[str]:
    """Why no row with few images is called the best. Metrics that need equally many images share a sentence."""
    few: dict[tuple[int, bool], dict[str, None]] = {}
    for _, column, contest in contests:
        if contest.too_few:
            few.setdefault((column.least_images, column.biased), {})[column.metric] = None
    for (least, biased), names in few.items():
        reason = "mostly bias, which differs between rows" if biased else "too uncertain for that"
        yield f"{' and '.join(names)}: no row with under {least:,} images per set is called the best; it is {reason}."


def contest_notes(contests: Sequence[ContestInColumn]) -> Iterator[str]:
    """Which rows do not compete because of their numbers of images, and why a column has no best row.

    Metrics with the same sentence share it.
    """
    metrics: dict[tuple[str, str], list[str]] = {}
    for block, column, contest in contests:
        for sentence in (*_on_numbers(block, column, contest), *_on_objections(block, contest)):
            metrics.setdefault((block.title, sentence), []).append(column.words)
    for (title, sentence), names in metrics.items():
        yield f"{' and '.join(dict.fromkeys(names))} on {title}: {sentence}"
    if any(len(contest.cells) == 1 for _, _, contest in contests):
        yield ALONE


def _on_numbers(block: Block, column: Column, contest: Contest) -> Iterator[str]:
    groups: dict[Numbers, list[str]] = {}
    for place, numbers in contest.numbers.items():
        groups.setdefault(numbers if numbers.are_known else Numbers(None, None), []).append(block.rows[place].label)
    ordered = dict(sorted(groups.items(), key=lambda group: (-len(group[1]), -(group[0].outputs or 0))))
    if contest.is_open:
        yield (
            "nothing is bold, because these scores compare at equal numbers of images only, and no numbers are the "
            f"most common: {_list_groups(ordered)}."
        )
        return
    if not contest.cells or not contest.numbers:
        return
    common = contest.numbers[next(iter(contest.cells))]
    others = {numbers: labels for numbers, labels in ordered.items() if numbers != common}
    if others:
        yield (
            f"only rows with {_in_words(common)} compete, the most common numbers of images; left out: "
            f"{_list_groups(others)}."
        )
    for row in block.rows:
        cell = None if row.competes else row.cells.get(column.key)
        if cell is not None and (numbers := Numbers(cell.n_fake, cell.n_real)) != common:
            yield f"{row.label} has {_in_words(numbers)}, so its score does not compare with rows of other numbers."


def _list_groups(groups: Mapping[Numbers, Iterable[str]]) -> str:
    return ", ".join(f"{_in_words(numbers)} ({', '.join(labels)})" for numbers, labels in groups.items())


def _in_words(numbers: Numbers) -> str:
    if not numbers.are_known:
        return "numbers that are not known or differ between seeds"
    return f"{numbers.outputs} outputs against {numbers.references} references"


def _on_objections(block: Block, contest: Contest) -> Iterator[str]:
    for place, n in contest.objections:
        best, other = block.rows[contest.best[0]].label, block.rows[place].label
        yield (
            f"nothing is bold, because {best} has the best score over all its own outputs, but {other} has a better "
            f"one on the {n} sources that both have translated."
        )


def missing_notes(table: Table) -> Iterator[str]:
    """The rows that were scored with missing outputs, and how many are missing."""
    for block, row in _rows(table):
        cells = [cell for cell in row.cells.values() if cell.n_missing]
        if cells:
            cell = max(cells, key=lambda cell: cell.n_missing or 0)
            missing = cell.n_missing or 0
            if cell.n_seeds > 1 or cell.n_fake is None:
                count = f"over {cell.n_seeds} seeds, {missing} sources"
            else:
                count = f"{missing} of {cell.n_fake + missing} sources"
            verb, them = ("has", "it") if missing == 1 else ("have", "them")
            yield f"{row.label} on {block.title}: {count} {verb} no output; its scores leave {them} out."


def near_duplicate_notes(table: Table) -> Iterator[str]:
    """How many images of each data set and direction were left out as near-duplicates of others."""
    for block in table.blocks:
        most: dict[str, int] = {}
        for cell in (cell for row in block.rows for cell in row.cells.values()):
            for images, count in cell.near_duplicates.items():
                most[images] = max(count, most.get(images, 0))
        if most:
            counts = [f"{count} {images if count > 1 else images.removesuffix('s')}" for images, count in most.items()]
            why = "is left out, as a near-duplicate of another" if sum(most.values()) == 1 else LEFT_OUT
            yield f"{block.title}: {' and '.join(counts)} {why}."


def copy_notes(table: Table) -> Iterator[str]:
    """The rows with outputs that are copies, and what they are copies of."""
    has_copies = False
    for block, row in _rows(table):
        counted = [(cell, cell.copies) for cell in row.cells.values() if cell.copies and any(cell.copies.values())]
        if not counted:
            continue
        has_copies = True
        cell, copies = max(counted, key=lambda pair: sum(pair[1].values()))
        of_each = [f"{copies[kind]} of {text}" for kind, text in IN_WORDS.items() if copies.get(kind)]
        outputs = f"the {cell.n_fake} outputs" if cell.n_seeds == 1 else f"the outputs of {cell.n_seeds} seeds"
        yield f"{row.label} on {block.title}: among {outputs} there are copies: {', '.join(of_each)}."
    if has_copies:
        yield COPIES


def _rows(table: Table) -> Iterator[tuple[Block, Row]]:
    return ((block, row) for block in table.blocks for row in block.rows)
