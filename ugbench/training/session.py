"""One training from its request to its last step: what `ugbench train`, `ugbench demo` and the Python API share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch

from ugbench.data.progress import Progress
from ugbench.runs.method_sources import changed_method
from ugbench.runs.near_misses import near_miss
from ugbench.runs.run import Run, list_runs
from ugbench.tracker import Tracker
from ugbench.training import loop
from ugbench.training.callbacks import Callbacks
from ugbench.training.completing import complete
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals
from ugbench.training.prepare import prepare
from ugbench.training.ranks import on_first
from ugbench.training.request import Request
from ugbench.training.signals import stop_at_once_on_signals
from ugbench.training.start import Start


@dataclass(frozen=True)
class Session:
    """A run that is ready for its next step.

    Attributes:
        images: None if there is nothing left to train.
    """

    request: Request
    run: Run
    images: Images | None
    start: Start

    def train(
        self,
        intervals: Intervals | None = None,
        callbacks: Callbacks | None = None,
        trackers: Mapping[str, Tracker] | None = None,
    ) -> int | None:
        """Train to the last step; see `ugbench.training.loop.train` for the arguments and errors.

        Afterwards torch has as many threads as before: a run that goes on takes as many as it began with.

        Returns:
            The step that training resumed from, None if it began at step 0. It is the run's step if there was nothing
            to train.
        """
        ranks = self.request.ranks
        if self.images is None:
            on_first(
                ranks, partial(complete, self.run, intervals or Intervals(), callbacks or Callbacks(), trackers or {})
            )
            return self.run.step()
        threads = torch.get_num_threads()
        try:
            return loop.train(
                self.run,
                self.images,
                self.request.device,
                intervals,
                callbacks,
                self.start,
                self.request.restart,
                self.request.execution,
                trackers,
                ranks,
            )
        finally:
            torch.set_num_threads(threads)


def open_session(
    request: Request, log: Callable[[str], None] = lambda _text: None, progress: Progress | None = None
) -> Session:
    """Everything that happens before the first step, see `ugbench.training.prepare.prepare`.

    Of several ranks the first one must have done this before the others, which then find the files that it has written.

    Args:
        log: called with sentences for the user: about the images, which run this is, whether it differs in little from
            another one, and whether its method has changed since it began.
        progress: called after each image.
    Raises:
        Stopped: a signal arrived; nothing was trained.
        UgbenchError: see `prepare`.
    """
    with stop_at_once_on_signals():
        run, images, start = prepare(request, log, progress)
    log(f"run {run.id} in {run.path}")
    if run.config.precision == "fp16" and request.device.type == "cpu" and images is not None:
        log("fp16 is for GPUs without bfloat16; on a CPU it is slower than fp32.")
    if not request.restart:
        began_from = None if start.continued is None else start.continued.run.id
        others = [other for other in list_runs(request.results) if other.id != began_from]
        sentence = changed_method(run) if run.step() else near_miss(run, others)
        if sentence is not None:
            log(sentence)
    return Session(request, run, images, start)
