"""Features stored between calls: a folder of safetensors shards; each is written once and never changed.

    <folder>/<extractor>-<digest of the space>/<digest of its images>.safetensors

A shard holds `images`, uint8 (n, 32): the sha256 of the bytes of each image file; `features`, float32 (n, dim); and
`checksum`, uint8 (32,): the sha256 of the space and both. Writers cannot collide: a shard is written to a temporary
file and renamed, and two shards of one name hold the same images. Nothing depends on a shard: a missing one is computed
again, a damaged one is reported and removed, and the whole folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from ugbench.data.known_files import VARIABLE, cache_folder

READING = 2  # increase it when ugbench.data.images makes other pixels of the same bytes
DIGEST = 32  # bytes of a sha256

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Space:
    """What features depend on besides the bytes of an image. Features of two spaces are never mixed.

    Attributes:
        extractor, sha256, transform, dim: as in `ugbench.scoring.networks.extractors.LoadedExtractor`.
        before: resizes of the image before the extractor's transform, in words; empty for files as they are.
        precision: of the network's arithmetic.
    """

    extractor: str
    sha256: str
    transform: str
    dim: int
    before: str
    precision: str = "float32"

    def text(self) -> str:
        """All fields as one line."""
        fields = [self.extractor, self.sha256, self.transform, self.dim, self.before, self.precision, READING]
        return json.dumps(fields)

    def name(self) -> str:
        """The name of its folder."""
        return f"{self.extractor}-{hashlib.sha256(self.text().encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Cache:
    """A folder of features, which need not exist.

    Attributes:
        log: receives a sentence for each problem with the folder.
    """

    folder: Path
    log: Callable[[str], None] = lambda _text: None


def default_folder() -> Path:
    """The folder that UGBENCH_CACHE names, or ~/.cache/ugbench/features."""
    return cache_folder() if os.environ.get(VARIABLE) else cache_folder() / "features"


def index(cache: Cache, space: Space) -> dict[bytes, Path]:
    """The shard that has the features of each image, by the sha256 of the image file; reads no features."""
    shard_of: dict[bytes, Path] = {}
    for shard in sorted((cache.folder / space.name()).glob("*.safetensors")):
        try:
            with safe_open(shard, "numpy") as opened:
                images = opened.get_tensor("images")
        except FileNotFoundError:
            continue  # deleted meanwhile
        except (OSError, SafetensorError):
            _discard(cache, shard)
            continue
        digests = images.tobytes()
        shard_of.update((digests[start : start + DIGEST], shard) for start in range(0, len(digests), DIGEST))
    return shard_of


def read(cache: Cache, space: Space, shard: Path) -> dict[bytes, Features]:
    """The features in one shard, float32 (dim,), by image; empty if the shard is missing or damaged."""
    try:
        tensors = load(shard.read_bytes())
        images, features, checksum = tensors["images"], tensors["features"], tensors["checksum"]
    except FileNotFoundError:
        return {}  # deleted meanwhile
    except (OSError, SafetensorError, KeyError):
        _discard(cache, shard)
        return {}
    layout = [(tensor.dtype.name, tensor.shape) for tensor in (images, features, checksum)]
    expected = [("uint8", (len(images), DIGEST)), ("float32", (len(images), space.dim)), ("uint8", (DIGEST,))]
    if layout != expected or checksum.tobytes() != _checksum(space, images, features).tobytes():
        _discard(cache, shard)
        return {}
    return {image.tobytes(): row for image, row in zip(images, features, strict=True)}


def write(cache: Cache, space: Space, features: Mapping[bytes, Features]) -> None:
    """Store features, float32 (dim,) for each image digest, as one shard.

    If that fails it is logged and has no other effect.
    """
    if not features:
        return
    images = np.frombuffer(b"".join(features), dtype=np.uint8).reshape(-1, DIGEST)
    rows = np.stack(list(features.values()))
    content = save({"images": images, "features": rows, "checksum": _checksum(space, images, rows)})
    shard = cache.folder / space.name() / f"{hashlib.sha256(images.tobytes()).hexdigest()[:32]}.safetensors"
    temporary = shard.with_suffix(f".{uuid4().hex}")
    try:
        shard.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(shard)
    except FileNotFoundError:
        cache.log(f"{shard} was not stored: its folder was deleted meanwhile.")
    except OSError as error:
        cache.log(f"{shard} could not be written ({error.strerror}); its features will be computed again.")
        if temporary.exists():
            _remove(cache, temporary)


def _discard(cache: Cache, shard: Path) -> None:
    cache.log(f"{shard} is damaged or unreadable: it is removed and its features are computed again.")
    _remove(cache, shard)


def _remove(cache: Cache, file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        cache.log(f"{file} could not be removed ({error.strerror}); delete it.")


def _checksum(space: Space, images: NDArray[np.uint8], features: Features) -> NDArray[np.uint8]:
    hashed = space.text().encode() + images.tobytes() + features.tobytes()
    return np.frombuffer(hashlib.sha256(hashed).digest(), dtype=np.uint8)
