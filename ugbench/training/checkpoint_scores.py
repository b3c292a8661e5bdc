"""Scores of checkpoints while a run trains. They change nothing in the training, and an error does not end it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch

from ugbench.arithmetic import exact_float32
from ugbench.errors import Stopped
from ugbench.training.callbacks import Score
from ugbench.training.signals import StopRequest

CUDNN = ("enabled", "benchmark", "deterministic")


def score_checkpoint(
    score: Score, step: int, stop: StopRequest, log: Callable[[str], None], resumed_from: int | None = None
) -> Mapping[str, float]:
    """The scores of a checkpoint by name; none, and a sentence to `log`, if they cannot be computed.

    Raises:
        Stopped: a signal asked to stop; the checkpoint was saved before, and is scored when the training goes on.
    """

    def check() -> None:
        if stop.requested:
            message = f"stopped while step {step} was scored, which is saved; run the same command again to go on."
            raise Stopped(message, resumed_from, stop.signal)

    try:
        with kept_settings():
            return score(step, check)
    except Stopped:
        raise
    except Exception as error:  # of any type: a score can be computed later, and a training takes days
        reason = (str(error).strip() or "no reason was given").splitlines()[0].rstrip(".")
        log(f"step {step} could not be scored ({type(error).__name__}: {reason}); training goes on.")
        return {}


@contextmanager
def kept_settings() -> Iterator[None]:
    """Afterwards torch computes as before: its threads, and its switches for gradients, exactness and cuDNN.

    Its random state is not kept, because each training step sets it.
    """
    threads, gradients = torch.get_num_threads(), torch.is_grad_enabled()
    deterministic = torch.are_deterministic_algorithms_enabled()
    only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
    precision = torch.get_float32_matmul_precision()
    cudnn = {name: getattr(torch.backends.cudnn, name) for name in CUDNN}
    with exact_float32():  # as in training; at the end it restores the formats, which a metric may have changed
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_grad_enabled(gradients)
            torch.use_deterministic_algorithms(deterministic, warn_only=only_warns)
            torch.set_float32_matmul_precision(precision)
            for name, value in cudnn.items():
                setattr(torch.backends.cudnn, name, value)
