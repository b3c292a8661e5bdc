"""Thumbnails as data: URIs, small enough for a page that holds thousands of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ugbench.data.fitting import Transform, fitted
from ugbench.data.images import read_image
from ugbench.fit import SQUASH, Fit

LARGEST = 128  # px: the longer side of a thumbnail
LOSSLESS = 64  # px: thumbnails up to this size keep every pixel
QUALITY = 85  # WebP quality of larger thumbnails

Box = tuple[int, int]
"""Width and height of a thumbnail, in px."""


def box_for(width: int, height: int) -> Box:
    """The size of the thumbnail for an image of this size. It is never enlarged; the longer side is at most LARGEST."""
    scale = min(1.0, LARGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def thumbnail(file: Path, box: Box, fit: Fit = SQUASH) -> str:
    """The image fitted to `box` (`ugbench.data.fitting.fitted`) as a data: URI of a WebP image.

    Raises:
        DataError: the file cannot be read as an image.
    """
    content = io.BytesIO()
    fitted(read_image(file), Transform(box, fit)).save(content, "WEBP", lossless=max(box) <= LOSSLESS, quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"


@dataclass
class ThumbnailPool:
    """The thumbnails of a data set: each file is held once, however often it is shown. They are made when written."""

    files: dict[tuple[Path, Box, Fit], int] = field(default_factory=dict)

    def index(self, file: Path, box: Box, fit: Fit = SQUASH) -> int:
        """The index of the file's thumbnail among those of the pool."""
        return self.files.setdefault((file, box, fit), len(self.files))

    def uris(self) -> Iterator[str]:
        """The thumbnails in the order of their indices; each is made when it is asked for. Raises as `thumbnail`."""
        for file, box, fit in self.files:
            yield thumbnail(file, box, fit)
