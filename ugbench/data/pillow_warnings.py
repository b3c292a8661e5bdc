"""Pillow's warnings while images are read, also in several threads at once.

Python 3.11 to 3.13 have one list of warning filters for all threads, and `warnings.catch_warnings` in two threads would
put back the wrong one. Here the first thread that reads sets the filters and the last one puts the old ones back.
"""

from __future__ import annotations

import threading
import warnings
from contextlib import ExitStack
from types import TracebackType

from PIL import Image


class PillowWarnings:
    """A context in which a warning about an image's size is an error, and those about its metadata are not shown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._filters.enter_context(warnings.catch_warnings())
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                # Pillow only warns about damaged metadata, and only the pixels matter here.
                warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.close()


PILLOW_WARNINGS = PillowWarnings()
"""The one context of the process, as the filters are."""
