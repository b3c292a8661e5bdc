"""Features of image files, each content computed once: kept in a cache, and shared by equal files of one call."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.images import Filter, Progress, Size, decode_image, read_bytes, resize
from ugbench.data.tensors import to_tensor
from ugbench.scoring import cache as store
from ugbench.scoring.cache import Cache, Features, Space
from ugbench.scoring.networks.extractors import Extractor, extract

BATCH = 32  # images in memory at once
SHARD = 256  # images a file of the cache: what an interrupted call can lose at most


@dataclass(frozen=True)
class Stage:
    """One resize of an image on its way to the extractor: px, and Pillow's filter, antialiased."""

    size: Size
    filter: Filter = "bilinear"

    def __str__(self) -> str:
        width, height = (self.size, self.size) if isinstance(self.size, int) else self.size
        return f"{width}x{height} {self.filter}"


def features_of(
    files: Sequence[Path],
    stages: Sequence[Stage],
    extractor: Extractor,
    device: torch.device | str = "cpu",
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Features (n, dim), float32 on the CPU, of image files, in their order. Moves the network to `device`.

    A file is read once, for its digest and its pixels; at most BATCH images are held at a time. Whether features
    come from the cache, and which images share a batch, changes them by rounding alone.

    Args:
        stages: resizes of each image before the extractor's own, in order; none: files as they are.
        cache: where features are looked up and kept; None computes all.
        progress: told (files done, of how many) after each file.
    Raises:
        DataError: a file that cannot be read. What was computed before it is in the cache.
    """
    before = ", ".join(map(str, stages))
    space = Space(extractor.name, extractor.sha256, extractor.transform, extractor.dim, before)
    kept = {} if cache is None else store.index(cache, space)
    work = _Work(torch.empty(len(files), extractor.dim), extractor, device, stages, space, cache)
    first: dict[bytes, int] = {}  # where each content stands first
    stored: dict[Path, list[int]] = {}  # places whose features a shard holds
    twins: list[tuple[int, int]] = []
    try:
        for place, file in enumerate(files):
            content = read_bytes(file)
            image = hashlib.sha256(content).digest()
            if image in first:
                twins.append((place, first[image]))
            elif image in kept:
                stored.setdefault(kept[image], []).append(place)
            else:
                work.add(place, image, file, content)
            first.setdefault(image, place)
            if progress is not None:
                progress(place + 1, len(files))
        if cache is not None:
            images = {place: image for image, place in first.items()}
            for shard, places in stored.items():
                found = store.read(cache, space, shard)
                for place in places:
                    if images[place] in found:
                        work.features[place] = torch.from_numpy(found[images[place]])
                    else:  # the shard was deleted or damaged
                        content = read_bytes(files[place])
                        work.add(place, hashlib.sha256(content).digest(), files[place], content)
        work.compute()
    finally:
        work.keep()
    for place, same in twins:
        work.features[place] = work.features[same]
    return work.features


@dataclass
class _Work:
    """Features being filled in: images that wait for their batch, and results that wait for their shard."""

    features: Tensor
    extractor: Extractor
    device: torch.device | str
    stages: Sequence[Stage]
    space: Space
    cache: Cache | None
    waiting: list[tuple[int, bytes, Tensor]] = field(default_factory=list)
    computed: dict[bytes, Features] = field(default_factory=dict)

    def add(self, place: int, image: bytes, file: Path, content: bytes) -> None:
        picture = decode_image(file, content)
        for stage in self.stages:
            picture = resize(picture, stage.size, stage.filter)
        self.waiting.append((place, image, to_tensor(picture)))
        if len(self.waiting) == BATCH:
            self.compute()

    def compute(self) -> None:
        # Only images of one shape can share a batch; files as they are may have many.
        shapes: dict[torch.Size, list[tuple[int, bytes, Tensor]]] = {}
        for one in self.waiting:
            shapes.setdefault(one[2].shape, []).append(one)
        for alike in shapes.values():
            rows = extract(self.extractor, torch.stack([pixels for _, _, pixels in alike]), BATCH, self.device)
            for (place, image, _), row in zip(alike, rows, strict=True):
                self.features[place] = row
                self.computed[image] = row.numpy()
        self.waiting.clear()
        if self.cache is None:
            self.computed.clear()
        elif len(self.computed) >= SHARD:
            self.keep()

    def keep(self) -> None:
        if self.cache is not None:
            store.write(self.cache, self.space, self.computed)
        self.computed.clear()
