"""Scores of any folder of outputs, from any other tool: files as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from ugbench.data.images import check_stems, list_images
from ugbench.direction import Direction
from ugbench.errors import DataError, UsageError
from ugbench.metric import PAIRED
from ugbench.runs.stored_outputs import commonest_size
from ugbench.scoring.features import features_of
from ugbench.scoring.image_set import Pictures
from ugbench.scoring.networks.perceptual import pair_distances
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import Wanted, Who, make_record, metric


def score_folders(
    wanted: Wanted, real: Path, fake: Path, source: Path | None = None, direction: Direction = "A2B"
) -> Iterator[ScoreRecord]:
    """Scores of any folder of outputs, files as they are: no resize but the extractor's.

    Each folder's features are taken once for all metrics.

    Raises:
        DataError: a folder without images, or outputs whose sources cannot be told by their stems.
        UsageError: a metric that needs more than the given folders.
    """
    who = Who("files", fake.name or "files")
    paths = {"real": list_images(real), "fake": list_images(fake)}
    if source is not None:
        paths["source"] = list_images(source)
    features: dict[str, Tensor] = {}

    def features_in(side: str) -> Tensor:
        if side not in features:
            networks = wanted.networks
            features[side] = features_of(
                paths[side], wanted.stages(None), networks.extractor, networks.device, wanted.cache
            )
        return features[side]

    default = wanted.protocol.metrics or ("kid", "fid", "lpips")
    fitting = [name for name in default if source is not None or not _needs_sources(name)]
    for name in wanted.metrics or fitting:
        own = metric(name)
        settings = {**own.settings, **wanted.settings_of(name)}
        if own.needs in ("truth", "attention"):
            raise UsageError(f"--metric {name} needs a dial's known truth; score a run on a dial instead.")
        if source is None and _needs_sources(name):
            raise UsageError(f"--metric {name} compares outputs with their sources: add --source DIR.")
        if own.needs in PAIRED:
            pairs = _pairs(paths["source"], paths["fake"])
            distances = pair_distances(wanted.networks.between(own.needs), *pairs, commonest_size(paths["fake"]))
            score = own.compute(distances, **settings)
            n_real = len(distances)
        elif own.needs == "images":
            own_sources = {"source": Pictures(paths["source"])} if own.with_sources else {}
            score = own.compute(Pictures(paths["fake"]), Pictures(paths["real"]), **own_sources, **settings)
            n_real = len(paths["real"])
        else:
            extra = {"source": features_in("source")} if own.with_sources else {}
            score = own.compute(features_in("fake"), features_in("real"), **extra, **settings)
            n_real = len(paths["real"])
        yield make_record(
            name, score, wanted, (None, "as-is"), who, (real.name, direction), (len(paths["fake"]), n_real)
        )


def _needs_sources(name: str) -> bool:
    own = metric(name)
    return own.needs in PAIRED or own.with_sources


def _pairs(sources: Sequence[Path], outputs: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Outputs with their sources, by stem."""
    check_stems(sources)
    check_stems(outputs)
    by_stem = {path.stem: path for path in sources}
    lonely = [path for path in outputs if path.stem not in by_stem]
    if lonely:
        raise DataError(f"{lonely[0]} has no source of the same stem in {sources[0].parent}; rename or remove it.")
    return [by_stem[path.stem] for path in outputs], list(outputs)
