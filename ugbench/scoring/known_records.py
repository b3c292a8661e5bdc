"""Which stored records still hold: the newest of a metric and protocol, if it is of the images that are there now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ugbench.registry import load_metric
from ugbench.scoring import record
from ugbench.scoring.eval_set import EvalSet
from ugbench.scoring.inputs import requirements
from ugbench.scoring.protocols import NEAR_DUPLICATES
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import EvalRequest
from ugbench.scoring.scored_images import ScoredImages


def newest_records(
    file: Path, request: EvalRequest, names: Sequence[str], eval_set: EvalSet, step: int | None, format: str
) -> dict[str, ScoreRecord]:
    """The newest record of each of these metrics under the requested protocol, by metric.

    Args:
        file: a scores.jsonl.
        step: of the scored checkpoint.
        format: file format of the scored images.
    """
    ids = {name: request.protocol_id_of(name, eval_set.transform, format) for name in names}
    return {
        r.metric: r
        for r in record.read(file)
        if (r.direction, r.step, r.protocol_id) == (eval_set.direction, step, ids.get(r.metric))
    }


def is_of(score: ScoreRecord, images: ScoredImages) -> bool:
    """Whether a record was computed from these sources and references, without their near-duplicates."""
    required = requirements(load_metric(score.metric))
    content = (images.sources_hash, images.references_hash(required), images.near_duplicates(required))
    return (score.sources, score.references, score.protocol.get(NEAR_DUPLICATES, {})) == content
