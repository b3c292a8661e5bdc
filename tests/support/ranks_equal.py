"""What each rank does in the tests that several ranks train as one does; see tests/training/test_ranks.py.

    python ranks_equal.py FOLDER RANK COUNT SITE CASES

The ranks meet by a file in FOLDER. CASES is JSON: a list of [method, variant, fields, ranks of each step], where the
ranks are COUNT or 1. Rank 0 writes FOLDER/found.json: for each case what `compared` returns, or the traceback.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ugbench.contract.small_methods import build
from ugbench.data.batches import method_batches
from ugbench.image_size import width_and_height
from ugbench.method import Method
from ugbench.nn.across_ranks import ALONE, Ranks, span_batch
from ugbench.training.averaging import MovingAverage
from ugbench.training.optimizers import build_optimizers, state_tensors
from ugbench.training.same_state import check_same_state
from ugbench.training.step import Phases, train_step

IMAGES = 4  # of a whole batch
STILL = 1e-18  # the largest mean of squared gradients of a parameter whose exact gradient is 0


@dataclass
class Trained:
    """A method that was trained in float64."""

    method: Method
    phases: Phases
    average: MovingAverage

    def tensors(self) -> dict[str, Tensor]:
        """All that the training holds, by name."""
        return (
            dict(self.method.state_dict())
            | {f"average {name}": tensor for name, tensor in self.average.tensors.items()}
            | {f"loss {name}": value for name, value in self.phases.losses.items()}
            | {f"optimizer {name}": tensor for name, tensor in state_tensors(self.phases.optimizers).items()}
        )

    def still(self) -> set[str]:
        """The parameters whose gradients are rounding errors alone."""
        return {
            name
            for optimizer in self.phases.optimizers.values()
            for name, parameter in zip(optimizer.parameter_names, optimizer.group.parameters, strict=True)
            if (squares := optimizer.optimizer.state[parameter].get("exp_avg_sq")) is not None and squares.max() < STILL
        }


def trained(name: str, variant: str | None, fields: dict[str, Any], ranks_of_steps: Sequence[Ranks]) -> Trained:
    """A method after a step for each entry, which says the ranks that trained it."""
    torch.manual_seed(0)
    steps = len(ranks_of_steps)
    # The pool is full after two steps.
    method = build(name, variant, batch_size=IMAGES, steps=steps, pool_size=5, **fields).double().train()
    average = MovingAverage(method, 0.9)
    phases = Phases(build_optimizers(method), method.period)
    width, height = width_and_height(method.config.training_size)
    random = torch.Generator().manual_seed(1)
    shape = (2 + len(method.splits), 7, 3, height, width)
    a, b, *extra = torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)
    splits = dict(zip(method.splits, extra, strict=True))
    for step, ranks in enumerate(ranks_of_steps):
        span_batch(method, ranks)
        phases.ranks = ranks
        device, part = torch.device("cpu"), ranks.part(IMAGES)
        batches = method_batches(method, a, b, 0, device, splits, part=part, dtype=torch.float64)
        train_step(method, phases, batches.at(step))
        average.update(step + 1)
        check_same_state(ranks, method)
    return Trained(method, phases, average)


def compared(
    name: str, variant: str | None, fields: dict[str, Any], ranks: Ranks, of_steps: list[int]
) -> dict[str, Any]:
    """The largest difference from a training of one rank, and between the ranks, of all tensors that must be equal and
    of those whose gradient is 0; relative to the largest element where that is above 1.
    """
    together = trained(name, variant, fields, [ranks if count == ranks.count else ALONE for count in of_steps])
    alone = trained(name, variant, fields, [ALONE] * len(of_steps)) if ranks.is_first else together
    expected, still = alone.tensors(), alone.still()
    largest: dict[str, Any] = {"moved": ["", 0.0], "still": ["", 0.0]}
    assert together.tensors().keys() == expected.keys()
    for key, tensor in together.tensors().items():
        of_first = tensor.detach().clone().double()
        dist.broadcast(of_first, 0)
        spread = (tensor.detach().double() - of_first).abs().max().reshape(1)
        dist.all_reduce(spread, dist.ReduceOp.MAX)
        difference = max(float((tensor - expected[key]).abs().max()), float(spread))
        difference /= max(1.0, float(expected[key].abs().max()))
        kind = "still" if key.removeprefix("average ") in still else "moved"
        largest[kind] = max(largest[kind], [key, difference], key=lambda found: found[1])
    return {**largest, "tensors": len(expected)}


def bytes_of_a_step(ranks: Ranks, factored: bool) -> int:
    """The bytes that rank 0 gives to others in a step of full U-GAT-IT, with or without gradients in factors."""
    method = build("ugatit", None, batch_size=IMAGES, steps=1, light=False).train()
    optimizers = build_optimizers(method)
    if not factored:
        optimizers = {name: replace(optimizer, factored=()) for name, optimizer in optimizers.items()}
    span_batch(method, ranks)
    phases = Phases(optimizers, ranks=ranks)
    images = torch.zeros(4, 3, *width_and_height(method.config.training_size), dtype=torch.uint8)
    batches = method_batches(method, images, images, 0, torch.device("cpu"), {}, part=ranks.part(IMAGES))
    given: list[int] = []
    with (
        counted("all_reduce", given, lambda tensor, *_: tensor),
        counted("all_gather", given, lambda _, tensor: tensor),
    ):
        train_step(method, phases, batches.at(0))
    return sum(given)


@contextmanager
def counted(name: str, given: list[int], tensor_of: Any) -> Iterator[None]:
    """Add the bytes of the tensor of each call of torch.distributed's function to `given`."""
    function = getattr(dist, name)

    def counting(*arguments: Any, **options: Any) -> Any:
        given.append(tensor_of(*arguments).nbytes)
        return function(*arguments, **options)

    setattr(dist, name, counting)
    try:
        yield
    finally:
        setattr(dist, name, function)


def main() -> None:
    """Compare each case."""
    folder, rank, count, site, cases = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:6]
    sys.path.insert(0, site)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=count)
    ranks, found = Ranks(rank, count), {}
    try:
        for name, variant, fields, of_steps in json.loads(cases):
            found[json.dumps([name, variant, fields, of_steps])] = compared(name, variant, fields, ranks, of_steps)
        found["bytes"] = [bytes_of_a_step(ranks, factored) for factored in (True, False)]
    except Exception:
        found["error"] = traceback.format_exc()
        (folder / "found.json").write_text(json.dumps(found))
        raise
    if rank == 0:
        (folder / "found.json").write_text(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
