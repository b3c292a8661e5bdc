"""dataset.json in the folder of a data set: it states that the test images are pairs.

The file holds `{"pairs": "stems"}`: the image of equal stem in testB is the true translation of an image in testA, and
the other way round. Other keys are passed over, since other tools have files of this name, too.
"""

from __future__ import annotations

import json
from pathlib import Path

from ugbench.errors import DataError, writing

PAIRS_FILE = "dataset.json"
KEY, BY_STEMS = "pairs", "stems"
STATEMENT = json.dumps({KEY: BY_STEMS})
LARGEST = 1 << 20  # bytes; a larger file is that of another tool, and is not read


def states_pairs(root: Path) -> bool:
    """True if the dataset.json in a data set's folder states pairs; False if there is no such file or statement.

    Raises:
        DataError: the file cannot be read, or states pairs in a way that is not known.
    """
    file = root / PAIRS_FILE
    if not file.is_file() or file.stat().st_size > LARGEST:
        return False
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: cannot be read ({error}); write {STATEMENT} into it, or remove it.") from None
    return stated_in(text, str(file))


def stated_in(text: str, where: str) -> bool:
    """True if the text of a dataset.json states pairs.

    Args:
        where: what an error calls the file.
    Raises:
        DataError: the text is no JSON, or states pairs in a way that is not known.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(f"{where}: is no JSON; write {STATEMENT} into it, or remove it.") from None
    if not isinstance(content, dict) or content.get(KEY) is None:
        return False
    if content[KEY] != BY_STEMS:
        stated = json.dumps(content[KEY])
        raise DataError(f'{where}: "{KEY}" is {stated}, which is not known; write {STATEMENT}, or remove the key.')
    return True


def write_pairs_file(root: Path) -> None:
    """Write a dataset.json that states pairs into the folder of a data set.

    Raises:
        DiskError: the system refuses.
    """
    file = root / PAIRS_FILE
    with writing(file):
        file.write_text(STATEMENT + "\n", encoding="utf-8")
