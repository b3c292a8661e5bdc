"""What each rank does in the test that N ranks with b images each equal one rank with N b images; see test_ranks.py.

    python ranks_equal.py FOLDER RANK COUNT SITE CASES

The ranks meet by a file in FOLDER, and rank 0 writes FOLDER/differences.json there: the largest difference of each case
beside the training of one rank, or the error.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ugbench.contract.small_methods import build
from ugbench.data.batches import method_batches, training_size
from ugbench.image_size import width_and_height
from ugbench.method import Method
from ugbench.nn.across_ranks import ALONE, Ranks, span_batch
from ugbench.training.averaging import MovingAverage
from ugbench.training.optimizers import build_optimizers, state_tensors
from ugbench.training.same_state import check_same_state
from ugbench.training.step import Phases, train_step

STEPS = 6
IMAGES = 4  # of a batch


def trained(name: str, variant: str | None, ranks: Ranks, **fields: Any) -> tuple[Method, Phases, dict[str, Tensor]]:
    """A method after some steps in float64, and the moving average of its networks."""
    torch.manual_seed(0)
    small_pool = {"pool_size": 5}  # full after two steps
    method = build(name, variant, batch_size=IMAGES, steps=STEPS, **small_pool, **fields).double().train()
    span_batch(method, ranks)
    average = MovingAverage(method, 0.9)
    phases = Phases(build_optimizers(method), method.period, ranks=ranks)
    width, height = width_and_height(training_size(method.config.size))
    random = torch.Generator().manual_seed(1)
    a, b, *extra = torch.randint(
        0, 256, (2 + len(method.splits), 7, 3, height, width), generator=random, dtype=torch.uint8
    )
    batches = method_batches(
        method,
        a,
        b,
        0,
        torch.device("cpu"),
        dict(zip(method.splits, extra, strict=True)),
        part=ranks.part(IMAGES),
        dtype=torch.float64,
    )
    for step in range(STEPS):
        train_step(method, phases, batches.at(step))
        average.update(step + 1)
    check_same_state(ranks, method)
    return method, phases, average.tensors


def tensors_of(method: Method, phases: Phases, average: dict[str, Tensor]) -> dict[str, Tensor]:
    """All that a training holds, by name."""
    return (
        method.state_dict()
        | {f"average {name}": tensor for name, tensor in average.items()}
        | {f"loss {name}": value for name, value in phases.losses.items()}
        | {f"optimizer {name}": tensor for name, tensor in state_tensors(phases.optimizers).items()}
    )


def differences(name: str, variant: str | None, ranks: Ranks) -> dict[str, float]:
    """The largest difference of each tensor from the training of one rank, and from that of rank 0."""
    together = tensors_of(*trained(name, variant, ranks))
    largest = {}
    alone = tensors_of(*trained(name, variant, ALONE)) if ranks.is_first else {}
    for key, tensor in together.items():
        of_first = tensor.detach().clone().double()
        dist.broadcast(of_first, 0)
        spread = (tensor.detach().double() - of_first).abs().max().reshape(1)
        dist.all_reduce(spread, dist.ReduceOp.MAX)
        if ranks.is_first:
            largest[key] = max(float((tensor - alone[key]).abs().max()), float(spread))
    assert not ranks.is_first or alone.keys() == together.keys()
    return largest


@contextmanager
def meeting(folder: Path, rank: int, count: int) -> Iterator[Ranks]:
    """The ranks, which meet by a file in the folder."""
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=count)
    yield Ranks(rank, count)
    dist.destroy_process_group()


def main() -> None:
    """Compare each case."""
    folder, rank, count, site, cases = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:6]
    sys.path.insert(0, site)
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    with meeting(folder, rank, count) as ranks:
        for name, variant in json.loads(cases):
            try:
                found[f"{name} {variant}"] = differences(name, variant, ranks)
            except Exception:  # told by the test
                found[f"{name} {variant}"] = traceback.format_exc()
                break
    if rank == 0:
        (folder / "differences.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
