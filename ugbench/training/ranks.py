"""Several processes that train one run together, the ranks: how they meet, agree, and end together.

A launcher such as torchrun starts them. Each has a part of the images of each batch (`ugbench.nn.across_ranks`) and the
whole state of the training. Only rank 0 writes files and messages. Everything that can end a training is checked at
places where all ranks agree on it, so that all of them end there with one exit code, and one of them says why.

Commands that share images among processes meet and end in this way too (`ugbench.cli.sharing`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.rendezvous import rendezvous

from ugbench.device import pick_device
from ugbench.errors import RankError, UgbenchError, UsageError
from ugbench.launched import Launched, launched
from ugbench.nn.across_ranks import ALONE, Ranks

T = TypeVar("T")
LONGEST_WAIT = timedelta(days=1)
"""How long a rank waits for another one that is alive: rank 0 may read all images or score a checkpoint meanwhile. A
rank that has ended is noticed at once, because its connections are closed."""
SECONDS_TO_BE_ENDED = 10.0
"""How long a rank that has lost another one waits before it ends itself, so that the launcher sees first which one
failed first."""
ENDED = "ended"


@contextmanager
def joined(device: str) -> Iterator[tuple[Ranks, torch.device]]:
    """Within the block this process is one of the ranks that the launcher has started; without one it is alone.

    Args:
        device: the name of a device, see `ugbench.device.pick_device`. Of several GPUs each rank of a machine gets the
            one with its local number.
    Raises:
        UsageError: see `device_of_rank`, or a variable of the launcher is no whole number.
        RankError: another rank has ended.
    """
    launch = launched()
    if launch.count == 1:
        yield ALONE, pick_device(device)
        return
    store, _, _ = next(iter(rendezvous("env://", timeout=LONGEST_WAIT)))
    # torchrun keeps the store, with what the ranks before a restart wrote.
    store = dist.distributed_c10d.PrefixStore(f"ugbench/{launch.restarts}", store)
    # The numbers that ranks agree on stay on the CPU, because reading them from a GPU would wait for it.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=launch.rank, world_size=launch.count, timeout=LONGEST_WAIT)
    ranks = Ranks(launch.rank, launch.count)
    try:
        chosen = at_once(ranks, lambda: device_of_rank(launch, device))
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        yield ranks, chosen
    except BaseException as error:
        if not is_lost_connection(error):
            with suppress(RuntimeError):  # the process that keeps the store may have ended
                store.set(ENDED, str(exit_code_of(error)))
            raise
        if (code := _code_of_ended(store)) is not None:
            raise RankError(code) from None
        if launch.is_watched:
            time.sleep(SECONDS_TO_BE_ENDED)
        raise RankError(1, f"rank {ranks.rank}: another rank has ended, so that this one ends too.") from error
    dist.destroy_process_group()


def _code_of_ended(store: dist.distributed_c10d.Store) -> int | None:
    """The exit code that a rank has left in the store because it ended with an error; None if there is none."""
    try:
        return int(store.get(ENDED)) if store.check([ENDED]) else None
    except RuntimeError:  # the process that keeps the store has ended
        return None


def device_of_rank(launch: Launched, name: str) -> torch.device:
    """The device that a rank computes on.

    Raises:
        UsageError: there is no such device, or too few GPUs, or the name is a list, mps, or one GPU such as cuda:0.
    """
    if "," in name:
        raise UsageError(
            f"--device {name}: {launch.count} processes work together, and each takes one device; give --device cuda "
            "or cpu, or start one process, without torchrun."
        )
    device = pick_device(name)
    if device.type == "mps":
        raise UsageError(f"--device {name}: {launch.count} processes cannot share it; start one, without torchrun.")
    if device.type != "cuda":
        return device
    if device.index is not None:
        raise UsageError(
            f"--device {name}: {launch.count} processes work together, and each takes a GPU of its own; give --device "
            "cuda."
        )
    if launch.local_count > torch.cuda.device_count():
        raise UsageError(
            f"{launch.local_count} processes were started on this machine, which has {torch.cuda.device_count()} "
            "GPUs; start no more than that (torchrun --nproc-per-node)."
        )
    return torch.device("cuda", launch.local_rank)


def check_divides(ranks: Ranks, batch_size: int) -> None:
    """Check that the ranks can divide a batch among them.

    Raises:
        UsageError: they cannot.
    """
    if batch_size % ranks.count:
        raise UsageError(
            f"batch_size={batch_size}: it is the size of the whole batch, and {ranks.count} processes cannot divide it "
            f"into equal parts; give a multiple of {ranks.count}, or start another number of processes."
        )


def check_batch_norm(ranks: Ranks, method: nn.Module) -> None:
    """Check that no network that is trained has torch's batch norm, which knows only the images of its own rank.

    Raises:
        UgbenchError: there is one.
    """
    if ranks.count == 1:
        return
    for name, module in method.named_modules():
        is_batch_norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
        if is_batch_norm and module.training and not isinstance(module, nn.SyncBatchNorm):
            raise UgbenchError(
                f"{name} is torch's {type(module).__name__}, whose statistics would be those of each rank's own images;"
                " train this method on one device, or compute the statistics with ugbench.nn.across_ranks.SpansBatch."
            )


def agreed(ranks: Ranks, numbers: Sequence[int]) -> list[int]:
    """The largest of the ranks' numbers at each place; all ranks must call this together."""
    if ranks.count == 1:
        return list(numbers)
    largest = torch.tensor(numbers, dtype=torch.int64)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return list(map(int, largest.tolist()))


def at_once(ranks: Ranks, work: Callable[[], T]) -> T:
    """What `work` returns on this rank, while all ranks do it at once; if one of them fails, all do.

    Raises:
        Exception: that of `work`, on the first rank that failed.
        RankError: another rank has failed, and says why.
    """
    if ranks.count == 1:
        return work()
    results, error = _tried(work)
    _end_together(ranks, error)
    return results[0]


def on_first(ranks: Ranks, work: Callable[[], T]) -> T | None:
    """What `work` returns on rank 0; None on the others, which wait until it is done. Raises as `at_once`."""
    if ranks.is_first:
        return at_once(ranks, work)
    _end_together(ranks, None)
    return None


def in_turn(ranks: Ranks, work: Callable[[], T]) -> T:
    """What `work` returns on this rank: rank 0 does it first, then the others, which find what rank 0 has written.

    Raises as `at_once`.
    """
    result = on_first(ranks, work)
    if ranks.count == 1:
        return result  # type: ignore[return-value]
    return at_once(ranks, (lambda: result) if ranks.is_first else work)  # type: ignore[return-value]


def said_once(ranks: Ranks, error: UgbenchError) -> UgbenchError:
    """The error to raise for what has happened to all ranks: the error itself on rank 0, which says it."""
    return error if ranks.is_first else RankError(error.exit_code)


def exit_code_of(error: BaseException) -> int:
    """The exit code of a process that this error ends."""
    return error.exit_code if isinstance(error, UgbenchError) else 1


def is_lost_connection(error: BaseException) -> bool:
    """Whether an error says that another rank does not answer any more."""
    is_of_gloo = isinstance(error, RuntimeError) and ("gloo/" in str(error) or "by peer" in str(error))
    return is_of_gloo or isinstance(error, dist.DistError)


def _tried(work: Callable[[], T]) -> tuple[list[T], BaseException | None]:
    try:
        return [work()], None
    except BaseException as error:  # of any type: the other ranks wait to be told
        return [], error


def _end_together(ranks: Ranks, error: BaseException | None) -> None:
    """Raise on all ranks if one of them has an error."""
    if error is not None and is_lost_connection(error):
        raise error
    # The smallest number of a failed rank, as the largest of the negative ones.
    code, last = agreed(ranks, (0, -ranks.count) if error is None else (exit_code_of(error), -ranks.rank))
    if not code:
        return
    if error is None or -last != ranks.rank:
        raise RankError(code)
    if isinstance(error, UgbenchError) and not ranks.is_first:
        raise RankError(error.exit_code, f"rank {ranks.rank}: {error}") from error
    raise error
