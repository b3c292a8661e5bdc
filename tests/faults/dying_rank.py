"""A rank that is killed in the middle of what the ranks do together; see test_shared_images.py.

Rank 0 is killed before it asks for anything, and another rank while rank 0 waits for its answer.
"""

from __future__ import annotations

import os
import signal
from typing import NoReturn

from ugbench.inference.other_ranks import serve
from ugbench.inference.remote_methods import TRANSLATE
from ugbench.scoring.networks.extractor_copies import FEATURES
from ugbench.training.ranks import joined


def die(*_message: object) -> NoReturn:
    """End as by the system's own hand."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process went on after SIGKILL")


with joined("cpu") as (ranks, _):
    if ranks.is_first:
        die()
    serve({FEATURES: die, TRANSLATE: die})
