"""Counts the operations that a training step launches, computed and replayed (`--capture on`), for each method in bf16.

The layers are those of the paper's preset, with few channels and small images, which change no count as long as the
networks have the same layers. On a GPU each operation is launched by Python, once or several times. Besides its graph a
replay launches what copies the batch, fills the learning rates and copies the losses.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ugbench import registry
from ugbench.contract.small_methods import random_batch
from ugbench.training.capture import CapturedSteps
from ugbench.training.ready import made_ready
from ugbench.training.step import train_step


class Launches(TorchDispatchMode):
    """Counts the operations that compute: all but those whose results are views of their arguments."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returns = func._schema.returns
        is_view = bool(returns) and all(r.alias_info is not None and not r.alias_info.is_write for r in returns)
        self.count += not is_view and func._schema.name != "aten::empty_like"
        return func(*args, **(kwargs or {}))


class Uncounted:
    """A recorder that computes at each replay, outside of the count, as a GPU does without Python."""

    def __init__(self, launches: Launches) -> None:
        self._launches = launches

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work."""
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record nothing; a replay does the work, which counts as one launch."""
        work()

        def replay() -> None:
            before = self._launches.count
            work()
            self._launches.count = before + 1

        return replay


def count(name: str, size: int) -> tuple[int, int]:
    """The operations of the second step of a method, computed and replayed."""
    fields = {"size": size, "batch_size": 1, "steps": 10, "channels": 4, "discriminator_channels": 4}
    method_class = registry.load_method(name)
    known = {key: value for key, value in fields.items() if key in method_class.Config.model_fields}
    torch.manual_seed(0)
    method = method_class(method_class.make_config("paper", None, {**known, **LIGHT.get(name, {})})).train()
    phases, launches = made_ready(method, torch.device("cpu"), "bf16"), Launches()
    train_step(method, phases, random_batch(method, 1))
    with launches:
        train_step(method, phases, random_batch(method, 1, step=method.period))
    computed, launches.count = launches.count, 0
    captured = CapturedSteps(method, phases, Uncounted(launches), warm_up=0)
    captured(random_batch(method, 1))
    batch = random_batch(method, 1, step=method.period)
    launches.count = 0
    with launches:
        captured(batch)
    return computed, launches.count


LIGHT = {"ugatit": {"light": True}}
"""The full model has layers of the same kinds, with more weights."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=96, help="side of the images, px; smaller ones change the networks")
    parser.add_argument("--methods", default=",".join(registry.modules("methods")), help="names, with commas")
    options = parser.parse_args()
    print("| method | computed | replayed |\n|---|---|---|")
    for name in options.methods.split(","):
        computed, replayed = count(name, options.size)
        print(f"| {name} | {computed:,} | {replayed:,} |", flush=True)


if __name__ == "__main__":
    main()
