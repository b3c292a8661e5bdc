"""Two ranks in one process: a thread serves as rank 1 what a test asks for as rank 0."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from torch import Tensor

from ugbench.inference import other_ranks
from ugbench.inference.other_ranks import Handler, OtherRank, asking_others, serve

SECONDS = 20.0  # that a rank waits for a message


@contextmanager
def served(handlers: Mapping[str, Handler], errors: list[BaseException] | None = None) -> Iterator[OtherRank]:
    """Within the block rank 1 answers with these handlers; after it the thread has ended.

    Args:
        errors: receives what ended the rank, if it was an error.
    """
    queues: tuple[SimpleQueue[Tensor], SimpleQueue[Tensor]] = (SimpleQueue(), SimpleQueue())

    def send(tensor: Tensor, to: int) -> None:
        queues[to].put(tensor.clone())

    def recv(tensor: Tensor, sender: int) -> None:
        sent = queues[1 - sender].get(timeout=SECONDS)
        assert (sent.dtype, sent.shape) == (tensor.dtype, tensor.shape)
        tensor.copy_(sent)

    def run() -> None:
        try:
            serve(handlers)
        except BaseException as error:
            if errors is not None:
                errors.append(error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(other_ranks, "dist", SimpleNamespace(send=send, recv=recv))
        thread = threading.Thread(target=run, name="rank 1")
        thread.start()
        try:
            with asking_others(2) as (other,):
                yield other
        finally:
            thread.join(SECONDS)
            assert not thread.is_alive()
