"""Ways to break the promise that a resumed run ends with the same bits. The campaign of kills must notice each of them.

Each function changes the loaded program, and is called in a fork before the program starts.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any


def forget_the_image_pool() -> None:
    """The images in the pool are not restored from a checkpoint."""
    from ugbench.nn.image_pool import ImagePool

    ImagePool._load_from_state_dict = lambda *_args, **_options: None  # type: ignore[method-assign]


def batches_by_count() -> None:
    """A batch depends on how many batches the process has made, and not on the number of the step."""
    from ugbench.training.read_ahead import ReadAhead

    at = ReadAhead.at
    numbers = count()

    def next_batch(self: ReadAhead, _step: int) -> Any:
        return at(self, next(numbers))

    ReadAhead.at = next_batch  # type: ignore[method-assign]


def leave_the_log() -> None:
    """The lines of steps that are trained again stay in the logs."""
    from ugbench.runs import jsonl

    jsonl.cut_back = lambda _file, _step: None


def forget_the_optimizers() -> None:
    """The moments of Adam are not restored from a checkpoint."""
    from ugbench.training import state

    state.load_state_tensors = lambda _optimizers, _tensors: None  # type: ignore[attr-defined]


def applies(name: str, method: str) -> bool:
    """Whether a method has what is sabotaged: some have no image pool."""
    from ugbench import registry

    return name != "pool" or "pool_size" in registry.load_method(method).Config.model_fields


SABOTAGES: dict[str, Callable[[], None]] = {
    "pool": forget_the_image_pool,
    "reseeding": batches_by_count,
    "log": leave_the_log,
    "optimizers": forget_the_optimizers,
}
"""By the name of what is sabotaged."""
