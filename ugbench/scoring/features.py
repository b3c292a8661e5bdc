"""Features of image files. Each distinct image is computed once: results are cached on disk and within a call."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, partial
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
from ugbench.inference.several_devices import on_all_devices
from ugbench.metric import Metric
from ugbench.scoring import cache as feature_cache
from ugbench.scoring.cache import Cache, Features, Space
from ugbench.scoring.networks.extractor_copies import Extract, copies_on, extract_on
from ugbench.scoring.networks.extractors import LoadedExtractor
from ugbench.scoring.networks.network_set import Networks
from ugbench.scoring.networks.weights import plain_float32
from ugbench.scoring.protocols import NamedProtocol, Resize

BATCH = 32  # images that a network gets at once
SHARD = 256  # images per file of the cache: an interrupted call loses at most so many


@dataclass
class FeatureReader:
    """Reads the features of lists of image files under one protocol; each list is read once per object.

    Attributes:
        extractor_name: the extractor on which a metric is defined; None is the chosen extractor.
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

    @cached_property
    def _copies(self) -> tuple[Extract, ...]:
        return copies_on(self.extractor, self.networks.further, self.networks.weights)

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
            device = self.networks.device
            self._known[key] = features_of(files, resizes, extractor, device, self.cache, progress, self._copies)
        return self._known[key]


def features_of(
    files: Sequence[Path],
    resizes: Sequence[Resize],
    extractor: LoadedExtractor,
    device: torch.device | str = "cpu",
    cache: Cache | None = None,
    progress: Progress | None = None,
    copies: Sequence[Extract] = (),
) -> Tensor:
    """Features (n, dim), float32 on the CPU, in the order of `files`. Moves the network to `device`.

    Each file is read once, for its hash and its pixels, in threads beside the network; at most two batches of BATCH
    images for each device are in memory, and those that are being read. Whether features come from the cache, and which
    images share a batch, changes them only by rounding. The batches do not depend on the number of devices.

    Args:
        resizes: those of each image before the extractor's own, in order; empty for files as they are.
        cache: where features are looked up and stored; None computes all.
        progress: called with (files done, number of files) after each file.
        copies: copies of the extractor on further devices, each of which takes its share of the batches
            (`ugbench.inference.several_devices`).
    Raises:
        DataError: a file cannot be read, or its features are NaN or infinite. The features computed before it are in
            the cache.
    """
    space = space_of(extractor, resizes)
    reading = _Reading(files, resizes, torch.empty(len(files), extractor.dim), space, cache, progress)
    computed = _Computed(reading.features, extractor, space, cache)
    work = ((batch, partial(_extracted, batch)) for batch in _batches(reading.not_cached()))
    try:
        # Threads share the settings of cuDNN; so they are set here, before and after all threads.
        with (
            plain_float32(),
            closing(on_all_devices((extract_on(extractor, device), *copies), work)) as extracted,
        ):
            for batch, rows in extracted:
                computed.keep(batch, rows)
    finally:
        computed.store()
    for place, same in reading.duplicates:
        reading.features[place] = reading.features[same]
    return reading.features


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


class _Image(NamedTuple):
    """An image to compute: its row in the features, its file with its hash, and its pixels."""

    place: int
    file: Path
    digest: bytes
    pixels: Tensor


@dataclass
class _Reading:
    """Reads files, and fills in the features that are cached.

    Attributes:
        features: (n, dim), a row for each file.
        duplicates: the rows of files with the content of an earlier file, each with the row of that file.
    """

    files: Sequence[Path]
    resizes: Sequence[Resize]
    features: Tensor
    space: Space
    cache: Cache | None
    progress: Progress | None
    duplicates: list[tuple[int, int]] = field(default_factory=list)

    def not_cached(self) -> Iterator[_Image]:
        """Read all files; the images that must be computed are yielded, each distinct one once."""
        shard_of = {} if self.cache is None else feature_cache.index(self.cache, self.space)
        first_place: dict[bytes, int] = {}  # by the hash of an image
        cached_places: dict[Path, list[int]] = {}  # by the shard that has their features
        with read_ahead(partial(_read, shard_of, self.resizes), self.files, ahead=BATCH) as images:
            for place, (file, (digest, pixels)) in enumerate(zip(self.files, images, strict=True)):
                first = first_place.setdefault(digest, place)
                if self.progress is not None:
                    self.progress(place + 1, len(self.files))
                if first != place:
                    self.duplicates.append((place, first))
                elif pixels is None:
                    cached_places.setdefault(shard_of[digest], []).append(place)
                else:
                    yield _Image(place, file, digest, pixels)
        digests = {place: digest for digest, place in first_place.items()}
        for shard, places in cached_places.items():
            yield from self._absent(shard, {place: digests[place] for place in places})

    def _absent(self, shard: Path, digests: dict[int, bytes]) -> Iterator[_Image]:
        """Fill in the features of a shard; images that are no longer in it are read again.

        Args:
            digests: of the images that were in the shard, by their rows.
        """
        assert self.cache is not None
        cached = feature_cache.read(self.cache, self.space, shard)
        for place, known in digests.items():
            if known in cached and np.isfinite(cached[known]).all():
                self.features[place] = torch.from_numpy(cached[known])
            else:  # the shard was deleted or damaged, or an older version stored NaN in it
                digest, pixels = _read((), self.resizes, self.files[place])
                assert pixels is not None
                yield _Image(place, self.files[place], digest, pixels)


def _batches(images: Iterable[_Image]) -> Iterator[list[_Image]]:
    """The images in lists of at most BATCH, each of one shape; files as they are may have many shapes."""
    waiting: list[_Image] = []
    for image in images:
        waiting.append(image)
        if len(waiting) == BATCH:
            yield from _by_shape(waiting)
            waiting.clear()
    yield from _by_shape(waiting)


def _by_shape(images: Iterable[_Image]) -> list[list[_Image]]:
    by_shape: dict[torch.Size, list[_Image]] = {}
    for image in images:
        by_shape.setdefault(image.pixels.shape, []).append(image)
    return list(by_shape.values())


def _extracted(batch: Sequence[_Image], extract: Extract) -> Tensor:
    return extract(torch.stack([image.pixels for image in batch]))


@dataclass
class _Computed:
    """Keeps computed features: in their rows, and in the cache, to which they go a shard at a time."""

    features: Tensor
    extractor: LoadedExtractor
    space: Space
    cache: Cache | None
    waiting: dict[bytes, Features] = field(default_factory=dict)

    def keep(self, batch: Sequence[_Image], rows: Tensor) -> None:
        """Keep the features (n, dim) of n images.

        Raises:
            DataError: those of an image are NaN or infinite.
        """
        for image, row in zip(batch, rows, strict=True):
            if not torch.isfinite(row).all():
                raise DataError(
                    f"{image.file}: its features ({self.extractor.name}) are NaN or infinite; use other weights, "
                    "or remove the image."
                )
            self.features[image.place] = row
            if self.cache is not None:
                self.waiting[image.digest] = row.numpy()
        if len(self.waiting) >= SHARD:
            self.store()

    def store(self) -> None:
        """Store what is not in the cache yet."""
        if self.cache is not None:
            feature_cache.write(self.cache, self.space, self.waiting)
        self.waiting.clear()
