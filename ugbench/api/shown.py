"""What a call of the Python API shows while it works."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ugbench.data.progress import Progress
from ugbench.progress.lines import log, progress_callback

if TYPE_CHECKING:
    from ugbench.training.callbacks import Callbacks

_logger = logging.getLogger("ugbench")


@dataclass(frozen=True)
class Shown:
    """Where messages and progress of one call go.

    Attributes:
        log: takes a sentence for the user.
        visible: whether they are printed; otherwise messages go to the logger `ugbench`, at level INFO.
    """

    log: Callable[[str], None]
    visible: bool

    def bar(self, description: str) -> AbstractContextManager[Progress]:
        """A progress bar; its callback takes how many items are done, and how many there are."""
        return progress_callback(description) if self.visible else nullcontext(lambda _done, _total: None)

    def training(self, title: str) -> AbstractContextManager[Callbacks]:
        """The progress line of a training."""
        from ugbench.progress.training import training_progress
        from ugbench.training.callbacks import Callbacks

        return training_progress(title) if self.visible else nullcontext(Callbacks(log=self.log))


def warn(text: str) -> None:
    """Tell the user something important by Python's logging, whether or not progress is shown."""
    _logger.warning("%s", text)


def shown(progress: bool) -> Shown:
    """What is shown for the argument `progress` of a function."""
    return Shown(log if progress else _logger.info, progress)
