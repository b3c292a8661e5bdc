"""Finds outputs that are copies: images that show the same pixels, whatever the size, the format or the compression.

Two images are compared as thumbnails of 32 x 32 px, as they are and with one of them mirrored. An output is a copy if
the mean absolute difference to the original is at most LEVELS of 255 levels, and at most SHARE of the original's
contrast (the mean absolute difference of its thumbnail to its mean colour).

This was measured on 160 photographs and paintings of 256 px and on the outputs of five published translators:

- Copies differ by at most 1.3 levels and 7 % of the contrast after JPEG of quality 50, by 0.5 levels at half size and
  back, and by 1.3 levels after noise of 5 levels.
- Different images differ by 24 levels and 70 % or more.
- An output differs from its own source by 2.2 levels or more. The least is that of two outputs which CycleGAN
  hardly changed; the least of the other translators is 7.

In drawn data sets different images can be as near as copies: of 1,000 scenes of a dial, 11 have another scene that
close. A good translation can also come as near to the truth, which is one of the references there. So the caller can
ask for equal thumbnails instead.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ugbench.data.fitting import Transform, fitted
from ugbench.data.images import read_image
from ugbench.data.known_files import Kind, KnownFiles, open_known_files
from ugbench.errors import DataError
from ugbench.fit import SQUASH, Fit

SIDE = 32  # px of a thumbnail
LEVELS, SHARE = 1.5, 0.07
_KINDS: Mapping[Fit, Kind] = MappingProxyType({"squash": "thumbnail", "crop": "thumbnail-crop", "pad": "thumbnail-pad"})
_BLOCKS = 4  # blocks along a side of the coarse picture
_NUMBERS = 3 * _BLOCKS**2  # of the coarse picture
_ROUNDING = 1e-6

Pixels = NDArray[np.uint8]
Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]


def find_copies(
    outputs: Sequence[Path],
    originals: Sequence[Path],
    exactly: bool = False,
    pairwise: bool = False,
    fit: Fit = SQUASH,
) -> dict[int, int]:
    """The outputs that are copies, each with the first original that it is a copy of, by their places.

    Files that cannot be read are no copies and no originals. Thumbnails of originals are remembered between calls.

    Args:
        exactly: True if thumbnails must be equal.
        pairwise: True if output i is compared with original i only; both lists then have one length.
        fit: how the originals became squares before they could be copied.
    """
    with open_known_files() as known:
        pictures = [(place, _thumbnail_or_none(path, fit, known)) for place, path in enumerate(originals)]
    known_pictures = {place: picture for place, picture in pictures if picture is not None}
    if not known_pictures:
        return {}
    places = list(known_pictures)
    row_of = {place: row for row, place in enumerate(places)}
    stack = np.stack(list(known_pictures.values()))
    limits = np.zeros(len(stack)) if exactly else np.array([_limit(picture) for picture in stack])
    # The mean difference of coarse pictures is at most that of the thumbnails, so no copy is lost among those near by.
    tree = None if pairwise else KDTree([_coarse(picture) for picture in stack])
    furthest = _NUMBERS * float(limits.max()) + _ROUNDING
    original_of: dict[int, int] = {}
    for index, output in enumerate(outputs):
        picture = _thumbnail_or_none(output, fit)
        if picture is None or (pairwise and index not in known_pictures):
            continue
        hits: list[int] = []
        for view in (picture, picture[:, ::-1]):
            rows = [row_of[index]] if tree is None else tree.query_ball_point(_coarse(view), furthest, p=1)
            hits.extend(_near(view, np.array(rows, dtype=np.int64), stack, limits))
        if hits:
            original_of[index] = places[min(hits)]
    return original_of


def _near(picture: Pixels, rows: Rows, stack: Pixels, limits: Numbers) -> Rows:
    """Those of the rows of the stack whose thumbnails differ from this one by no more than their limits."""
    differences = np.abs(stack[rows].astype(np.float64) - picture).mean((1, 2, 3))
    near: Rows = rows[differences <= limits[rows]]
    return near


def _coarse(picture: Pixels) -> Numbers:
    """The means over blocks of a thumbnail, (_NUMBERS,)."""
    side = SIDE // _BLOCKS
    blocks: Numbers = picture.reshape(_BLOCKS, side, _BLOCKS, side, 3).mean((1, 3), dtype=np.float64)
    return blocks.reshape(-1)


def _limit(picture: Pixels) -> float:
    """The largest difference of a copy to this thumbnail."""
    contrast = np.abs(picture - picture.mean((0, 1), dtype=np.float64)).mean()
    return min(LEVELS, SHARE * float(contrast))


def _thumbnail_or_none(path: Path, fit: Fit, known: KnownFiles | None = None) -> Pixels | None:
    """The thumbnail of an image file, (SIDE, SIDE, 3); None if the file cannot be read."""
    try:
        draw = functools.partial(_draw, fit=fit)
        pixels = draw(path) if known is None else known.from_content(_KINDS[fit], path, draw)
    except DataError:
        return None
    return np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE, 3)


def _draw(path: Path, fit: Fit) -> bytes:
    return fitted(read_image(path), Transform(SIDE, fit)).tobytes()
