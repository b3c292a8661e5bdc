"""Scores of any folder of outputs, from any other tool: files as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from ugbench.data.images import list_images, load_images, read_image
from ugbench.errors import DataError, UsageError
from ugbench.method import Direction
from ugbench.outputs import check_stems
from ugbench.scoring.cache import Cache
from ugbench.scoring.features import features_of
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.wanted import Wanted, Who, make_record, metric


def score_folders(
    wanted: Wanted,
    real: Path,
    fake: Path,
    source: Path | None = None,
    direction: Direction = "A2B",
    cache: Cache | None = None,
) -> Iterator[ScoreRecord]:
    """Scores of any folder of outputs, files as they are: no resize but the extractor's.

    Each folder's features are taken once for all metrics, from `cache` where they are there.

    Raises:
        DataError: a folder without images, or outputs whose sources cannot be told by their stems.
        UsageError: a metric that needs more than the given folders.
    """
    who = Who("files", fake.name or "files")
    paths = {"real": list_images(real), "fake": list_images(fake)}
    features: dict[str, Tensor] = {}
    for name in wanted.metrics or ("kid", "fid", *(("lpips",) if source else ())):
        own = metric(name)
        settings = {**own.settings, **wanted.settings.get(name, {})}
        if own.needs == "truth":
            raise UsageError(f"--metric {name} needs a dial's known truth; score a run on a dial instead.")
        if own.needs == "perceptual":
            if source is None:
                raise UsageError(f"--metric {name} compares outputs with their sources: add --source DIR.")
            pairs = _pairs(list_images(source), paths["fake"])
            score = own.compute(*pairs, wanted.networks.perceptual.distance, **settings)
            n_real = len(pairs[0])
        else:
            for side, files in paths.items():
                if side not in features:
                    networks = wanted.networks
                    features[side] = features_of(files, None, networks.extractor, networks.device, cache)
            score = own.compute(features["fake"], features["real"], **settings)
            n_real = len(features["real"])
        yield make_record(name, score, wanted, "as-is", who, real.name, direction, len(paths["fake"]), n_real)


def _pairs(sources: Sequence[Path], outputs: Sequence[Path]) -> tuple[Tensor, Tensor]:
    """Sources and outputs of equal stems, at the outputs' size."""
    check_stems(sources)
    check_stems(outputs)
    by_stem = {path.stem: path for path in sources}
    lonely = [path for path in outputs if path.stem not in by_stem]
    if lonely:
        raise DataError(f"{lonely[0]} has no source of the same stem in {sources[0].parent}; rename or remove it.")
    size = read_image(outputs[0]).size
    if size[0] != size[1]:
        raise UsageError(f"{outputs[0]} is {size[0]} x {size[1]}; lpips needs square outputs.")
    chosen = [by_stem[path.stem] for path in outputs]
    return load_images(chosen, size[0]), load_images(outputs, size[0])
