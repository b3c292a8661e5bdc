"""Scores of plain folders of images from any tool, see `ugbench eval --real --fake`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ugbench.data.images import list_images
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.file_names import readable
from ugbench.registry import load_metric
from ugbench.scoring.compute import compute_score, make_record
from ugbench.scoring.inputs import ScoredImages, requirements
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import EvalRequest, Subject


def score_folders(
    request: EvalRequest, real: Path, fake: Path, source: Path | None = None, direction: Direction = "A2B"
) -> Iterator[ScoreRecord]:
    """Scores of any folder of outputs, with files as they are: no resize except the extractor's.

    Args:
        real, fake, source: folders of references, outputs and, for metrics that use them, sources.
        direction: as the records state it.
    Raises:
        DataError: a folder has no images, or an output has no source of its stem.
        UsageError: a metric requires more than the given folders.
    """
    references, outputs = list_images(real), list_images(fake)
    sources = None if source is None else list_images(source)
    images = ScoredImages(outputs, sources, lambda: references, None, "as-is", request.feature_reader())
    subject = Subject("files", readable(fake.name) or "files")
    default = request.protocol.metrics or ("kid", "fid", "lpips")
    for name in request.metrics or [name for name in default if source is not None or not _uses_sources(name)]:
        if requirements(load_metric(name)) & {"truth", "attention_map"}:
            raise UsageError(f"--metric {name} needs a dial's known truth; score a run on a dial instead.")
        if source is None and _uses_sources(name):
            raise UsageError(f"--metric {name} compares outputs with their sources: add --source DIR.")
        score = compute_score(name, request, images)
        yield make_record(name, score, request, images, subject, readable(real.name), direction)


def _uses_sources(metric_name: str) -> bool:
    return bool(requirements(load_metric(metric_name)) & {"sources", "pairs"})
