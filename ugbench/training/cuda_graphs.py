"""Records what a step does on an NVIDIA GPU as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

import torch


class CudaRecorder:
    """The `ugbench.training.capture.Recorder` of a GPU: one stream and one memory pool for all graphs of a training.

    The graphs of a pool take turns with the same memory. That is right because they never run at the same time, and
    because what a graph gives is copied before the next one runs.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work on the stream of the recordings, where libraries set up their memory when it is first used."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            work()
        current.wait_stream(self._stream)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record the work without doing it; what is returned does it.

        Raises:
            RuntimeError: the work waits for the GPU, or needs something else that a graph cannot have.
        """
        graph = torch.cuda.CUDAGraph()
        # The outer context restores the stream if the end of a failed recording raises before it has restored it. Only
        # calls of this thread make it fail, because others may draw random numbers into pinned memory meanwhile.
        with (
            torch.cuda.stream(self._stream),
            torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"),
        ):
            work()
        return graph.replay
