"""Which images the scores of a block were computed from. Scores of other images are in another block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ugbench.data.splits import TEST, Split
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.rows import BlockImages

CurrentImages = Mapping[str, Mapping[Split, str]]
"""The content of each test split at the last `ugbench eval`, by the data set's folder under results."""


Key = TypeVar("Key")


class Content(NamedTuple):
    """The content of the images that a score depends on; None where it depends on no such images.

    Attributes:
        sources: test images of the source domain.
        references, training: test and training images of the target domain.
    """

    sources: str | None = None
    references: str | None = None
    training: str | None = None


def content_of(record: ScoreRecord) -> Content:
    """The content that decides a record's block; empty if an older version wrote the record."""
    if record.protocol.get("reference") == "train":
        return Content(record.sources, training=record.references)
    return Content(record.sources, record.references)


def assign_blocks(records: Sequence[ScoreRecord], current: CurrentImages) -> list[tuple[BlockImages, ...]]:
    """The blocks that each record is shown in, among those of its data set and direction.

    A score is shown in each block that has all images which the score depends on. So a score that uses no references
    stands beside the scores of old and of new references. Records of older versions are shown in the first block.

    Args:
        records: oldest first.
    """
    contents: dict[tuple[str, str], list[Content]] = {}
    for record in reversed(records):
        contents.setdefault((record.dataset, record.direction), []).append(content_of(record))
    blocks = {place: _blocks(_merged(of_place), *place, current) for place, of_place in contents.items()}
    assigned: list[tuple[BlockImages, ...]] = []
    for record in records:
        of_place, content = blocks[record.dataset, record.direction], content_of(record)
        if content == Content():
            assigned.append((of_place[0],))
        else:
            assigned.append(tuple(block for block in of_place if _covers(Content(*block[1:4]), content)))
    return assigned


def of_current_images(
    by_run: Mapping[Key, Sequence[ScoreRecord]], current: CurrentImages
) -> dict[Key, list[ScoreRecord]]:
    """The records of runs. Where any run has a score of the current test images, those of earlier images are left out.

    So a mean over runs is over scores of the same images. This is decided for each data set, direction and protocol.
    Records that do not name their images stay.
    """

    def place(record: ScoreRecord) -> tuple[str, str, str]:
        return record.dataset, record.direction, record.protocol_id

    def is_current(record: ScoreRecord) -> bool | None:
        return _is_current(content_of(record), record.direction, current.get(record.dataset))

    renewed = {place(record) for records in by_run.values() for record in records if is_current(record)}
    return {
        run: [record for record in records if is_current(record) is not False or place(record) not in renewed]
        for run, records in by_run.items()
    }


def without_superseded(records: Iterable[tuple[tuple[object, ...], ScoreRecord]]) -> list[ScoreRecord]:
    """The records without those of an older version that have a successor whose images are known.

    Args:
        records: each with what it measures; two records with the same key are alternatives.
    """
    pairs = list(records)
    known = {key for key, record in pairs if content_of(record) != Content()}
    return [record for key, record in pairs if key not in known or content_of(record) != Content()]


def _merged(contents: Iterable[Content]) -> list[Content]:
    """The contents of blocks: contents that do not contradict each other and share images are one, newest first."""
    merged: list[Content] = []
    for content in sorted(dict.fromkeys(contents), key=lambda content: content.count(None)):
        if content == Content() or any(_covers(block, content) for block in merged):
            continue
        joining = [place for place, block in enumerate(merged) if _agree(block, content)]
        for place in joining:
            pairs = zip(merged[place], content, strict=True)
            merged[place] = Content(*(of_block or new for of_block, new in pairs))
        if not joining:
            merged.append(content)
    return merged or [Content()]


def _covers(block: Content, content: Content) -> bool:
    return all(new in (None, of_block) for of_block, new in zip(block, content, strict=True))


def _agree(first: Content, second: Content) -> bool:
    """True if two contents share images and contradict each other in none."""
    pairs = [pair for pair in zip(first, second, strict=True) if None not in pair]
    return bool(pairs) and all(of_first == of_second for of_first, of_second in pairs)


def _blocks(contents: Sequence[Content], dataset: str, direction: str, current: CurrentImages) -> list[BlockImages]:
    """The blocks of these contents, the current one first."""
    known = [_is_current(content, direction, current.get(dataset)) for content in contents]
    blocks = []
    for place, (content, is_current) in enumerate(zip(contents, known, strict=True)):
        label = "current images" if is_current else "images" if is_current is None else "earlier images"
        if len(contents) == 1:
            label = "earlier images" if is_current is False else ""
        elif not is_current and known.count(is_current) > 1:
            label += f" {known[: place + 1].count(is_current)}"
        blocks.append(BlockImages(label, *content, is_current))
    return sorted(blocks, key=lambda block: block.is_current is not True)


def _is_current(content: Content, direction: str, current: Mapping[Split, str] | None) -> bool | None:
    if current is None or content == Content():
        return None
    sources, references = current.get(TEST[direction[0]]), current.get(TEST[direction[2]])
    return content.sources in (None, sources) and content.references in (None, references)
