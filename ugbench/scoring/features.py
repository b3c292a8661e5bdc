"""Features of image files. Each distinct image is computed once: results are cached on disk and within a call."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ugbench.data.fitting import Transform, fitted
from ugbench.data.images import read_bytes, read_image
from ugbench.data.in_threads import read_ahead
from ugbench.data.progress import Progress
from ugbench.data.tensors import to_tensor
from ugbench.errors import DataError
from ugbench.image_size import Size
from ugbench.metric import Metric
from ugbench.scoring import cache as feature_cache
from ugbench.scoring.cache import Cache, Features, Space
from ugbench.scoring.networks.extractors import LoadedExtractor, extract
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.protocols import NamedProtocol, Resize

BATCH = 32  # images in memory at once
SHARD = 256  # images per file of the cache: an interrupted call loses at most so many


@dataclass
class FeatureReader:
    """Reads the features of lists of image files under one protocol; each list is read once per object.

    Attributes:
        extractor_name: the extractor of a metric that is defined on one; None is the chosen one.
    """

    networks: Networks
    protocol: NamedProtocol
    cache: Cache | None
    extractor_name: str | None = None
    _known: dict[tuple[object, ...], Tensor] = field(default_factory=dict)
    _others: dict[str, FeatureReader] = field(default_factory=dict)

    @property
    def extractor(self) -> LoadedExtractor:
        """The extractor of these features. Raises WeightsError if there is no file of its weights."""
        return self.networks.extractor_for(self.extractor_name)

    def of(self, metric: Metric) -> FeatureReader:
        """The reader of the features that a metric is defined on; the same object for the same extractor."""
        name = metric.extractor
        if name is None or name == self.networks.extractor_name:
            return self
        return self._others.setdefault(name, FeatureReader(self.networks, self.protocol, self.cache, name))

    def space(self, transform: Size | Transform | None) -> Space:
        """What these features depend on besides the images; `transform` is as in `read`."""
        return space_of(self.extractor, self.protocol.resizes(transform, self.extractor.size))

    def read(
        self, files: Sequence[Path], transform: Size | Transform | None, progress: Progress | None = None
    ) -> Tensor:
        """Features (n, dim), float32 on the CPU, in the order of `files`.

        Args:
            transform: the test transform; None for files as they are.
            progress: called with (files done, number of files) after each file that is read.
        Raises:
            WeightsError: there is no file of the extractor's weights.
            DataError: a file cannot be read.
        """
        extractor, resizes = self.extractor, self.protocol.resizes(transform, self.extractor.size)
        key = (tuple(files), resizes, tuple(file.stat().st_mtime_ns for file in files))
        if key not in self._known:
            self._known[key] = features_of(files, resizes, extractor, self.networks.device, self.cache, progress)
        return self._known[key]


def features_of(
    files: Sequence[Path],
    resizes: Sequence[Resize],
    extractor: LoadedExtractor,
    device: torch.device | str = "cpu",
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Features (n, dim), float32 on the CPU, in the order of `files`. Moves the network to `device`.

    Each file is read once, for its hash and its pixels, in threads beside the network; at most two batches of BATCH
    images are in memory, and those that are being read. Whether features
    come from the cache, and which images share a batch, changes them only by rounding.

    Args:
        resizes: of each image before the extractor's own, in order; empty for files as they are.
        cache: where features are looked up and stored; None computes all.
        progress: called with (files done, number of files) after each file.
    Raises:
        DataError: a file cannot be read, or its features are NaN or infinite. The features computed before it are in
            the cache.
    """
    space = space_of(extractor, resizes)
    shard_of = {} if cache is None else feature_cache.index(cache, space)
    extraction = _Extraction(torch.empty(len(files), extractor.dim), extractor, device, space, cache)
    first_place: dict[bytes, int] = {}  # by the hash of an image
    cached_places: dict[Path, list[int]] = {}  # by the shard that has their features
    duplicates: list[tuple[int, int]] = []
    try:
        with read_ahead(partial(_read, shard_of, resizes), files, ahead=BATCH) as images:
            for place, (file, (digest, pixels)) in enumerate(zip(files, images, strict=True)):
                if digest in first_place:
                    duplicates.append((place, first_place[digest]))
                elif pixels is None:
                    cached_places.setdefault(shard_of[digest], []).append(place)
                else:
                    extraction.add(place, file, digest, pixels)
                first_place.setdefault(digest, place)
                if progress is not None:
                    progress(place + 1, len(files))
        if cache is not None:
            digests = {place: digest for digest, place in first_place.items()}
            for shard, places in cached_places.items():
                cached = feature_cache.read(cache, space, shard)
                for place in places:
                    if digests[place] in cached and np.isfinite(cached[digests[place]]).all():
                        extraction.features[place] = torch.from_numpy(cached[digests[place]])
                    else:  # the shard was deleted or damaged, or an older version stored NaN in it
                        digest, pixels = _read((), resizes, files[place])
                        assert pixels is not None
                        extraction.add(place, files[place], digest, pixels)
        extraction.compute()
    finally:
        extraction.store()
    for place, same in duplicates:
        extraction.features[place] = extraction.features[same]
    return extraction.features


def space_of(extractor: LoadedExtractor, resizes: Sequence[Resize]) -> Space:
    """What features of an extractor depend on besides the images."""
    before = ", ".join(map(str, resizes))
    return Space(extractor.name, extractor.sha256, extractor.transform, extractor.dim, before)


def _read(cached: Container[bytes], resizes: Sequence[Resize], file: Path) -> tuple[bytes, Tensor | None]:
    """The SHA-256 of an image file, and its pixels after the resizes; None if the features of this hash are cached."""
    content = read_bytes(file)
    digest = hashlib.sha256(content).digest()
    if digest in cached:
        return digest, None
    image = read_image(file, content)
    for step in resizes:
        image = fitted(image, step.transform, step.filter)
    return digest, to_tensor(image)


class _Waiting(NamedTuple):
    """An image that waits for its batch: its row in the features, its file with its hash, and its pixels."""

    place: int
    file: Path
    digest: bytes
    pixels: Tensor


@dataclass
class _Extraction:
    """Features that are being filled in: images that wait for their batch, and results that wait for their shard."""

    features: Tensor
    extractor: LoadedExtractor
    device: torch.device | str
    space: Space
    cache: Cache | None
    waiting: list[_Waiting] = field(default_factory=list)
    computed: dict[bytes, Features] = field(default_factory=dict)

    def add(self, place: int, file: Path, digest: bytes, pixels: Tensor) -> None:
        self.waiting.append(_Waiting(place, file, digest, pixels))
        if len(self.waiting) == BATCH:
            self.compute()

    def compute(self) -> None:
        # Only images of one shape can share a batch; files as they are may have many shapes.
        by_shape: dict[torch.Size, list[_Waiting]] = {}
        for image in self.waiting:
            by_shape.setdefault(image.pixels.shape, []).append(image)
        for batch in by_shape.values():
            rows = extract(self.extractor, torch.stack([image.pixels for image in batch]), BATCH, self.device)
            for image, row in zip(batch, rows, strict=True):
                if not torch.isfinite(row).all():
                    raise DataError(
                        f"{image.file}: its features ({self.extractor.name}) are NaN or infinite; use other weights, "
                        "or remove the image."
                    )
                self.features[image.place] = row
                self.computed[image.digest] = row.numpy()
        self.waiting.clear()
        if self.cache is None:
            self.computed.clear()
        elif len(self.computed) >= SHARD:
            self.store()

    def store(self) -> None:
        if self.cache is not None:
            feature_cache.write(self.cache, self.space, self.computed)
        self.computed.clear()
