"""Features kept between calls: a folder of safetensors shards, each written once, whole, and never changed.

    <folder>/<extractor>-<digest of the space>/<digest of its images>.safetensors

A shard holds `images` (n, 32) uint8, the sha256 of each image file's bytes, `features` (n, dim) float32, and
`checksum` (32,) uint8, the sha256 of its space and both. Writers never meet: a shard is written aside and
renamed, and two of one name hold the same images. Nothing depends on a shard: one that is gone is computed
again, one that is damaged is said and removed, and the whole folder may be deleted at any time.
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

VARIABLE = "UGBENCH_CACHE"
READING = 1  # raise it when ugbench.data.images makes other pixels of the same bytes
DIGEST = 32  # bytes of a sha256

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Space:
    """What features depend on besides an image's bytes. Features of two spaces are never mixed.

    Attributes:
        extractor, sha256, transform, dim: as in `ugbench.scoring.networks.extractors.Extractor`.
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
        """All of it as one line."""
        fields = [self.extractor, self.sha256, self.transform, self.dim, self.before, self.precision, READING]
        return json.dumps(fields)

    def name(self) -> str:
        """Its folder's name."""
        return f"{self.extractor}-{hashlib.sha256(self.text().encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Cache:
    """A folder of features, which need not exist, and where to say what was wrong with it."""

    folder: Path
    say: Callable[[str], None] = lambda _text: None


def default_folder() -> Path:
    """The folder that UGBENCH_CACHE names, or ~/.cache/ugbench/features."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "ugbench" / "features"


def index(cache: Cache, space: Space) -> dict[bytes, Path]:
    """Which shard holds the features of each image, by the sha256 of its file's bytes; reads no features."""
    places: dict[bytes, Path] = {}
    for shard in sorted((cache.folder / space.name()).glob("*.safetensors")):
        try:
            with safe_open(shard, "numpy") as opened:
                images = opened.get_tensor("images")
        except FileNotFoundError:
            continue  # deleted meanwhile
        except (OSError, SafetensorError):
            _discard(cache, shard)
            continue
        whole = images.tobytes()
        places.update((whole[at : at + DIGEST], shard) for at in range(0, len(whole), DIGEST))
    return places


def read(cache: Cache, space: Space, shard: Path) -> dict[bytes, Features]:
    """The features in one shard, float32 (dim,), by image; empty where it is gone or damaged."""
    try:
        tensors = load(shard.read_bytes())
        images, features, checksum = tensors["images"], tensors["features"], tensors["checksum"]
    except FileNotFoundError:
        return {}  # deleted meanwhile
    except (OSError, SafetensorError, KeyError):
        _discard(cache, shard)
        return {}
    kinds = [(one.dtype.name, one.shape) for one in (images, features, checksum)]
    wanted = [("uint8", (len(images), DIGEST)), ("float32", (len(images), space.dim)), ("uint8", (DIGEST,))]
    if kinds != wanted or checksum.tobytes() != _checksum(space, images, features).tobytes():
        _discard(cache, shard)
        return {}
    return {image.tobytes(): row for image, row in zip(images, features, strict=True)}


def write(cache: Cache, space: Space, features: Mapping[bytes, Features]) -> None:
    """Keep features, float32 (dim,) by image, as one shard. A disk that refuses is said and costs nothing else."""
    if not features:
        return
    images = np.frombuffer(b"".join(features), dtype=np.uint8).reshape(-1, DIGEST)
    rows = np.stack(list(features.values()))
    content = save({"images": images, "features": rows, "checksum": _checksum(space, images, rows)})
    shard = cache.folder / space.name() / f"{hashlib.sha256(images.tobytes()).hexdigest()[:32]}.safetensors"
    aside = shard.with_suffix(f".{uuid4().hex}")
    try:
        shard.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        aside.replace(shard)
    except FileNotFoundError:
        cache.say(f"{shard} was not kept: its folder was deleted meanwhile.")
    except OSError as error:
        cache.say(f"{shard} could not be written ({error.strerror}); its features will be computed again.")
        if aside.exists():
            _remove(cache, aside)


def _discard(cache: Cache, shard: Path) -> None:
    cache.say(f"{shard} is damaged or unreadable: it is removed and its features are computed again.")
    _remove(cache, shard)


def _remove(cache: Cache, file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        cache.say(f"{file} could not be removed ({error.strerror}); delete it.")


def _checksum(space: Space, images: NDArray[np.uint8], features: Features) -> NDArray[np.uint8]:
    whole = space.text().encode() + images.tobytes() + features.tobytes()
    return np.frombuffer(hashlib.sha256(whole).digest(), dtype=np.uint8)
