"""Images small enough to stand inside a page by the thousand, as data: URIs."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

from ugbench.data.images import read_image, resize

LARGEST = 128  # px, a thumbnail's longer side
LOSSLESS = 64  # px: up to here a thumbnail keeps every pixel
QUALITY = 85  # WebP's, above

Box = tuple[int, int]
"""Width and height, px."""


def box_for(width: int, height: int) -> Box:
    """The thumbnail's size for an image of this size: never enlarged, the longer side at most `LARGEST`."""
    scale = min(1.0, LARGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def thumbnail(file: Path, box: Box) -> str:
    """An image squashed to `box` as a data: URI of WebP.

    Raises:
        DataError: the file cannot be read as an image.
    """
    made = io.BytesIO()
    resize(read_image(file), box).save(made, "WEBP", lossless=max(box) <= LOSSLESS, quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(made.getvalue()).decode()}"


@dataclass
class Pool:
    """The thumbnails of a data set, each file once however often it is shown."""

    uris: list[str] = field(default_factory=list)
    places: dict[tuple[Path, Box], int] = field(default_factory=dict)

    def place(self, file: Path, box: Box) -> int:
        """Where the file's thumbnail stands in `uris`; raises as `thumbnail`."""
        key = (file, box)
        if key not in self.places:
            self.uris.append(thumbnail(file, box))
            self.places[key] = len(self.uris) - 1
        return self.places[key]
