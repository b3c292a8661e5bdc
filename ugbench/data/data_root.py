"""The folder of data sets that have names, and how a command that is shown to the user names it."""

from __future__ import annotations

import shlex
from pathlib import Path

DATA_ROOT = Path("datasets")  # the default of --data-root


def data_root_option(data_root: Path) -> str:
    """What is added to a command so that it uses this folder: " --data-root 'my data'"; nothing for the default.

    >>> data_root_option(Path("my data"))
    " --data-root 'my data'"
    """
    return "" if data_root == DATA_ROOT else f" --data-root {shlex.quote(str(data_root))}"
