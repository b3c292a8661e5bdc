"""Near-duplicates: images that look alike, found by a perceptual hash and by their colours.

The hash is imagehash's `phash` of 16 x 16 bits: the signs of an image's lowest frequencies in grey. Two images are
near-duplicates if their hashes differ in at most MAX_DISTANCE bits and thumbnails of 16 x 16 px in colour have a
correlation of MIN_CORRELATION or more, as they are or with one of them mirrored. The hash finds candidates fast. The
thumbnails tell drawings and products on white apart whose outlines are alike; brightness and contrast do not count.

Five hashes were tried: phash and dhash of 64 and 256 bits, and whash of 64 bits. phash of 256 bits separates copies
from different images best. This was measured on 160 photographs and paintings of two data sets:

- A copy differs in at most 12 bits after JPEG of quality 20, or at half or double size; in at most 28 bits after 20%
  more brightness; and in at most 46 bits after 2% were cut off each side. After 5% were cut off each side it differs in
  about 77 bits and is not found.
- Different images (19,100 pairs of train and test, as they are and mirrored) differ in 94 bits or more.

So a limit of 60 bits gave no false alarm there. With phash of 64 bits, a copy with 2% cut off differs in 10 bits and
the most similar different images in 16.

The correlation of thumbnails was measured on 220 photographs and paintings. It is 0.97 or more for copies with 20% more
brightness, and 0.92 or more after 2% were cut off each side; of different images it is 0.87 or less. Drawings need it:
among 1,641 emoji of 64 px in two styles, 1,002 and 1,745 pairs are within 60 bits, such as a red circle and an orange
heart, and 274 and 392 of them have alike thumbnails too: clocks, and persons of whom only the hair differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SIDE = 16  # of the hash in bits, and of thumbnails in px
BITS = SIDE * SIDE
FACTOR = 4  # the hash has the lowest frequencies of an image of FACTOR * SIDE px
MAX_DISTANCE = 60  # bits in which the hashes of near-duplicates differ at most
MIN_CORRELATION = 0.9
_ROWS = 1024  # rows of the table of distances that are in memory at once

Hash: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.int64]


class Appearance(NamedTuple):
    """What near-duplicates of an image are found by.

    Attributes:
        plain, mirrored: the hashes of the image and of its mirror image, BITS booleans each.
        colours: a thumbnail of the image, uint8 (SIDE, SIDE, 3).
    """

    plain: Hash
    mirrored: Hash
    colours: NDArray[np.uint8]


class NearPairs(NamedTuple):
    """Pairs of near-duplicates: the places of both images, and the number of bits that differ, one array each."""

    images: Indices
    others: Indices
    bits: Indices


def appearance_of(image: Image.Image) -> Appearance:
    """The appearance of an RGB image."""
    # phash begins with this resize. It commutes with the mirror, so it is made once for both hashes.
    grey = image.convert("L").resize((FACTOR * SIDE, FACTOR * SIDE), Image.Resampling.LANCZOS)
    plain, mirrored = (
        imagehash.phash(view, hash_size=SIDE, highfreq_factor=FACTOR).hash.reshape(-1)
        for view in (grey, ImageOps.mirror(grey))
    )
    return Appearance(plain, mirrored, np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)))


def to_bytes(appearance: Appearance) -> bytes:
    """The appearance in as few bytes as possible, for `from_bytes`."""
    hashes = np.packbits(np.concatenate([appearance.plain, appearance.mirrored]))
    return hashes.tobytes() + appearance.colours.tobytes()


def from_bytes(content: bytes) -> Appearance:
    """The appearance from the bytes that `to_bytes` made of it."""
    octets = np.frombuffer(content, np.uint8)
    hashes = np.unpackbits(octets[: 2 * BITS // 8]).astype(bool)
    return Appearance(hashes[:BITS], hashes[BITS:], octets[2 * BITS // 8 :].reshape(SIDE, SIDE, 3))


def near_duplicates(
    images: Sequence[Appearance], others: Sequence[Appearance] | None = None
) -> Iterator[tuple[int, int, int]]:
    """The most similar other image for each image that has a near-duplicate, also if one of them is mirrored.

    Args:
        others: the images to compare with; None compares each image with those before it in `images`.
    Yields:
        (index in images, index in others, number of bits that differ).
    """
    for pairs in near_pairs(images, images if others is None else others):
        nearest: dict[int, tuple[int, int]] = {}
        for row, column, bits in zip(*(places.tolist() for places in pairs), strict=True):
            if others is None and column >= row:
                continue
            if row not in nearest or (bits, column) < nearest[row]:
                nearest[row] = (bits, column)
        for row, (bits, column) in nearest.items():
            yield row, column, bits


def near_pairs(images: Sequence[Appearance], others: Sequence[Appearance]) -> Iterator[NearPairs]:
    """All pairs of near-duplicates, those of some of the images at a time, in the order of the images.

    The number of bits is that in which the hash of an image, or of its mirror image, differs from the hash of the other
    one: the smaller of the two.
    """
    if not images or not others:
        return
    plain, mirrored = _signs([image.plain for image in images]), _signs([image.mirrored for image in images])
    targets = _signs([other.plain for other in others])
    colours, other_colours = (np.stack([image.colours for image in side]) for side in (images, others))
    for start in range(0, len(images), _ROWS):
        rows = slice(start, start + _ROWS)
        distances = (BITS - np.maximum(plain[rows] @ targets.T, mirrored[rows] @ targets.T)) / 2
        places, columns = np.nonzero(distances <= MAX_DISTANCE)
        bits = distances[places, columns].astype(np.int64)
        near = _are_alike(colours, other_colours, places + start, columns)
        yield NearPairs(places[near] + start, columns[near], bits[near])


def _are_alike(
    colours: NDArray[np.uint8], other_colours: NDArray[np.uint8], places: Indices, columns: Indices
) -> NDArray[np.bool_]:
    """Whether the thumbnails of each pair are equal or correlated, as they are or with one of them mirrored."""
    alike = np.zeros(len(places), dtype=bool)
    for start in range(0, len(places), _ROWS):
        part = slice(start, start + _ROWS)
        first, second = colours[places[part]], other_colours[columns[part]]
        for view in (second, second[:, :, ::-1]):
            alike[part] |= (_correlations(first, view) >= MIN_CORRELATION) | (first == view).all((1, 2, 3))
    return alike


def _correlations(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The correlation of each pair, over all pixels and channels, each channel about its own mean; 0 if one is flat."""
    x, y = (side - side.mean((1, 2), keepdims=True) for side in (first, second))
    norms = np.sqrt((x**2).sum((1, 2, 3)) * (y**2).sum((1, 2, 3)))
    correlations: NDArray[np.float64] = (x * y).sum((1, 2, 3)) / np.where(norms > 0, norms, np.inf)
    return correlations


def _signs(bits: Sequence[Hash]) -> NDArray[np.float32]:
    """Bits as -1 and 1. The product of two hashes is then the number of equal bits minus the number of others."""
    return np.stack(bits).astype(np.float32) * 2 - 1
