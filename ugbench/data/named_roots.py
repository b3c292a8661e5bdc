"""Folders of data sets that this user has named in a command, remembered in <cache folder>/datasets.

Runs that come from somebody else can name any folder of this machine. A folder that the user has named as a data set is
theirs to use, also where its images are links to another disk.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ugbench.data.known_files import cache_folder

FILE = "datasets"  # absolute paths, each with a zero byte at its end

_logger = logging.getLogger(__name__)


def remember_root(root: Path) -> None:
    """Remember that the user has named the folder of a data set; a cache that cannot be written gets a warning."""
    if is_named(root):
        return
    file = cache_folder() / FILE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as stream:
            stream.write(os.fsencode(root.resolve()) + b"\0")
    except OSError as error:
        _logger.warning("%s could not be written (%s); links in data sets may be refused.", file, error.strerror)


def is_named(root: Path) -> bool:
    """Whether the user has named the folder before."""
    file = cache_folder() / FILE
    try:
        return os.fsencode(root.resolve()) in file.read_bytes().split(b"\0")
    except OSError:  # nothing was named yet, or the cache cannot be read
        return False
