"""Files of features that `ugbench features` writes: safetensors, with all that says how the features were made.

The tensor `features` is float32 (n, d), a row for each image in the order of the files' names. The metadata `ugbench`
is JSON: a `Header`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ugbench.data.image_set import clusters_of
from ugbench.data.known_files import contents_hash, hash_files
from ugbench.errors import DataError, first_fault
from ugbench.runs.output_file import output_file
from ugbench.scoring.cache import READING, Space
from ugbench.scoring.references import StoredReferences

KEY, TENSOR = "ugbench", "features"
AGAIN = "make it again with `ugbench features DIR --output FILE.safetensors`"


class ImageEntry(BaseModel):
    """The name of an image file, without its folder, and the SHA-256 of its content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str


class Header(BaseModel):
    """How the features in a file were made.

    Attributes:
        name: what tables call the folder of the images.
        space: the extractor, the digest of its weights, its transform, and the resizes before it, in words.
        reading: the version of how image files become pixels, see `ugbench.scoring.cache`.
        size, format: as protocols of plain folders state them: the images were taken as they are.
        images: in the order of the features.
        clusters: the number of each image's cluster of near-duplicates, see `ugbench.data.clusters`; None if each image
            is a cluster of its own. Older versions did not look for near-duplicates.
        features_sha256: SHA-256 of the features' bytes, because safetensors has no check against damage.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal[1] = Field(1, alias="schema")
    name: str
    space: Space
    reading: int = READING
    size: Literal["as-is"] = "as-is"
    format: Literal["as-is"] = "as-is"
    images: tuple[ImageEntry, ...]
    clusters: tuple[int, ...] | None = None
    features_sha256: str

    @property
    def content(self) -> str:
        """The hash of the images, as `ugbench.data.known_files.images_hash` gives it."""
        return contents_hash([Path(image.name).stem for image in self.images], [image.sha256 for image in self.images])


def write(file: Path, features: Tensor, images: Sequence[Path], name: str, space: Space) -> Header:
    """Write the features (n, d) of images, completely or not at all.

    Args:
        name: what tables call the folder of the images.
        space: how the features were made.
    Raises:
        DiskError: the file cannot be written.
    """
    digests = zip(images, hash_files(images), strict=True)
    numbers = tuple(clusters_of(images))
    header = Header(
        schema=1,
        name=name,
        space=space,
        images=tuple(ImageEntry(name=image.name, sha256=digest) for image, digest in digests),
        clusters=numbers if len(set(numbers)) < len(numbers) else None,
        features_sha256=_digest(features),
    )
    text = json.dumps(header.model_dump(by_alias=True))  # in ASCII, because a name need not be UTF-8
    content = save({TENSOR: features.contiguous()}, {KEY: text})
    with output_file(file) as path:
        path.write_bytes(content)
    return header


def read(file: Path) -> StoredReferences:
    """Read a file that `write` wrote.

    Raises:
        DataError: the file is damaged, or holds something else.
    """
    try:
        with safe_open(file, "pt") as opened:
            text = (opened.metadata() or {}).get(KEY)
            features = opened.get_tensor(TENSOR) if text is not None and TENSOR in opened.keys() else None  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise DataError(f"{file}: it is damaged or no safetensors file ({_one_line(error)}); {AGAIN}.") from None
    if text is None or features is None:
        raise DataError(f"{file}: it holds no features that `ugbench features` wrote; {AGAIN}.")
    try:
        header = Header.model_validate(json.loads(text))
    except ValidationError as error:
        raise DataError(f"{file}: its description of the features is wrong ({first_fault(error)}); {AGAIN}.") from None
    except (ValueError, RecursionError):
        raise DataError(f"{file}: its description of the features is no JSON; {AGAIN}.") from None
    if header.reading != READING:
        raise DataError(f"{file}: another version wrote it, which made other pixels of an image file; {AGAIN}.")
    is_whole = features.dtype == torch.float32 and features.ndim == 2 and len(features) == len(header.images)
    is_whole = is_whole and (header.clusters is None or len(header.clusters) == len(header.images))
    if not is_whole or _digest(features) != header.features_sha256 or not torch.isfinite(features).all():
        raise DataError(f"{file}: its features are not those that were written; {AGAIN}.")
    return StoredReferences(file, header.name, header.content, header.space, features, clusters=header.clusters)


def _digest(features: Tensor) -> str:
    return hashlib.sha256(features.contiguous().numpy().tobytes()).hexdigest()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:100].rstrip(".")
