"""Batches that cannot be read: on which rank, and which rank reports it."""

from __future__ import annotations

from ugbench.errors import RankError, UgbenchError
from ugbench.method import Batch
from ugbench.nn.across_ranks import Ranks
from ugbench.training.ranks import agreed
from ugbench.training.read_ahead import ReadAhead


def batch_of(batches: ReadAhead, step: int) -> tuple[Batch | None, UgbenchError | None]:
    """The batch of a step, or the error that prevents it."""
    try:
        return batches.at(step), None
    except UgbenchError as error:
        return None, error


def said_by_reader(
    ranks: Ranks, batches: ReadAhead, step: int, error: UgbenchError | None, exit_code: int
) -> UgbenchError:
    """The error to raise on this rank where one of the ranks could not read its part of a batch.

    An image that cannot be read is reported by the first rank, which searches the whole batch for it; so failure.json
    names it. An error of another rank alone, such as the end of a process that reads ahead, is reported by that rank.

    Args:
        error: that of this rank, if it has one.
        exit_code: of the ranks that have an error.
    """
    if ranks.count == 1:
        assert error is not None
        return error
    if ranks.is_first and error is None:
        error = batches.error_of(step)
    (is_said,) = agreed(ranks, (int(ranks.is_first and error is not None),))
    if error is None or (is_said and not ranks.is_first):
        return RankError(exit_code)
    return error if ranks.is_first else RankError(error.exit_code, f"rank {ranks.rank}: {error}")
