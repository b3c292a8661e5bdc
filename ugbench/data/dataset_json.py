"""dataset.json in the folder of a data set: what it states about the images.

The file can hold two keys; others are passed over, since other tools have files of this name, too.

- `{"pairs": "stems"}`: the test images are pairs. The image of equal stem in testB is the true translation of an image
  in testA, and the other way round.
- `{"links": {"trainA/1.jpg": "/photos/1.jpg"}}`: images are links to files elsewhere, and these are all of them, each
  with the path that it leads to. `ugbench.data.links` refuses every other link in the data set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ugbench.errors import DataError, writing
from ugbench.file_names import to_json

DATASET_JSON = "dataset.json"
PAIRS, BY_STEMS, LINKS = "pairs", "stems", "links"
STATEMENT = json.dumps({PAIRS: BY_STEMS})
LARGEST = 16 << 20  # bytes, about 100,000 links; a larger file is that of another tool, and is not read


@dataclass(frozen=True)
class Statements:
    """What a dataset.json states.

    Attributes:
        pairs: True if test images of equal stems are pairs.
        links: the path that each link leads to, by the relative name of the link ("trainA/1.jpg"); None if nothing is
            stated about links.
    """

    pairs: bool = False
    links: Mapping[str, str] | None = None


def read_statements(root: Path) -> Statements:
    """What the dataset.json in a data set's folder states; nothing if there is no such file.

    Raises:
        DataError: the file cannot be read, or a key has a value that is not known.
    """
    file = root / DATASET_JSON
    if not file.is_file() or file.stat().st_size > LARGEST:
        return Statements()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read ({error}); write {STATEMENT} into it, or remove it.") from None
    return parse_statements(text, str(file))


def parse_statements(text: str, where: str) -> Statements:
    """What the text of a dataset.json states.

    Args:
        where: what an error calls the file.
    Raises:
        DataError: the text is no JSON, or a key has a value that is not known.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(f"{where}: is no JSON; write {STATEMENT} into it, or remove it.") from None
    if not isinstance(content, dict):
        return Statements()
    pairs, links = content.get(PAIRS), content.get(LINKS)
    if pairs not in (None, BY_STEMS):
        stated = json.dumps(pairs)
        raise DataError(f'{where}: "{PAIRS}" is {stated}, which is not known; write {STATEMENT}, or remove the key.')
    if links is not None and not (isinstance(links, dict) and all(isinstance(path, str) for path in links.values())):
        raise DataError(
            f'{where}: "{LINKS}" is not an object with a path for each link; remove the data set and import it again.'
        )
    return Statements(pairs is not None, links)


def write_statements(root: Path, statements: Statements) -> None:
    """Write the dataset.json of a data set's folder; none is written if there is nothing to state.

    Raises:
        DataError: the file would be too large to be read again.
        DiskError: the system refuses.
    """
    content: dict[str, Any] = {}
    if statements.pairs:
        content[PAIRS] = BY_STEMS
    if statements.links is not None:
        content[LINKS] = dict(statements.links)
    if not content:
        return
    text = to_json(content) + "\n"
    file = root / DATASET_JSON
    if len(text.encode()) > LARGEST:
        raise DataError(
            f"{file}: {len(statements.links or ())} links are too many to record; copy the images instead of linking "
            "them."
        )
    with writing(file):
        file.write_text(text, encoding="utf-8")
