"""Scores of any folder of outputs, from any other tool: files as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.images import list_images, load_images, read_image, to_tensor
from ugbench.errors import DataError, UsageError
from ugbench.method import Direction
from ugbench.outputs import check_stems
from ugbench.scoring.extractors import extract
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.wanted import Networks, Wanted, Who, make_record, metric


def score_folders(
    wanted: Wanted, real: Path, fake: Path, source: Path | None = None, direction: Direction = "A2B"
) -> Iterator[ScoreRecord]:
    """Scores of any folder of outputs, files as they are: no resize but the extractor's.

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
                    features[side] = _extract_files(wanted.networks, files)
            score = own.compute(features["fake"], features["real"], **settings)
            n_real = len(features["real"])
        yield make_record(name, score, wanted, "as-is", who, real.name, direction, len(paths["fake"]), n_real)


def _extract_files(networks: Networks, files: Sequence[Path]) -> Tensor:
    parts = []
    for start in range(0, len(files), 32):
        images = [to_tensor(read_image(file)) for file in files[start : start + 32]]
        # Files are taken as they are, so only neighbours of one size can share a batch.
        for _, same in groupby(images, key=lambda image: image.shape):
            parts.append(extract(networks.extractor, torch.stack(list(same)), device=networks.device))
    return torch.cat(parts)


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
