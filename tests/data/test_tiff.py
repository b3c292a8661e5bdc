"""TIFF files whose tags change what the pixels mean: each is read as a viewer shows it, or refused with the reason."""

import struct
from pathlib import Path

import numpy as np
import pytest
from made_tiffs import Value, page_tags, write_tiff
from PIL import Image

from ugbench.data.images import inspect_image, read_image, read_size
from ugbench.errors import DataError

LEVELS = (0, 257, 32768, 65535)


def row(path: Path) -> list[list[int]]:
    pixels: list[list[int]] = np.asarray(read_image(path))[0].tolist()
    return pixels


def greys(path: Path) -> list[int]:
    pixels = row(path)
    assert all(len(set(pixel)) == 1 for pixel in pixels)
    return [pixel[0] for pixel in pixels]


def sixteen(path: Path, levels: tuple[int, ...], order: str = "<", **changes: Value | None) -> Path:
    pixels = struct.pack(f"{order}{len(levels)}H", *levels)
    return write_tiff(path, (page_tags(len(levels), 1, bits=16, **changes), pixels), order=order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_with_white_as_zero_are_no_negative(tmp_path: Path, order: str) -> None:
    path = sixteen(tmp_path / "x.tif", LEVELS, order, photometric=0)
    assert greys(path) == [255, 254, 127, 0]
    assert inspect_image(path)[1].mode.startswith("I;16")


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_packed_sixteen_bits_with_white_as_zero_are_no_negative_either(tmp_path: Path, compression: str) -> None:
    image = Image.fromarray(np.array([LEVELS], dtype=np.uint16))
    image.save(tmp_path / "x.tif", compression=compression, tiffinfo={262: 0})
    with Image.open(tmp_path / "x.tif") as stored:
        assert stored.tag_v2[262] == 0  # type: ignore[attr-defined]
    assert greys(tmp_path / "x.tif") == [255, 254, 127, 0]


@pytest.mark.parametrize(
    ("bits", "packed", "expected"),
    [
        (1, bytes([0b01100000]), [255, 0, 0, 255]),
        (2, bytes([0b00_01_10_11]), [255, 170, 85, 0]),
        (4, bytes([0x0F, 0x3C]), [255, 0, 204, 51]),
        (8, bytes([0, 255, 10, 128]), [255, 0, 245, 127]),
    ],
)
def test_fewer_bits_with_white_as_zero_are_no_negative(
    tmp_path: Path, bits: int, packed: bytes, expected: list[int]
) -> None:
    path = write_tiff(tmp_path / "x.tif", (page_tags(4, 1, bits=bits, photometric=0), packed))
    assert greys(path) == expected
    black_is_zero = write_tiff(tmp_path / "y.tif", (page_tags(4, 1, bits=bits), packed))
    assert greys(black_is_zero) == [255 - level for level in expected]


@pytest.mark.parametrize(("photometric", "expected"), [(1, [0, 128, 255]), (0, [255, 127, 0])])
def test_twelve_bits_fill_the_whole_range(tmp_path: Path, photometric: int, expected: list[int]) -> None:
    # Three levels of 12 bits, 0x000 0x808 0xFFF, the highest bit first; a row ends at a whole byte.
    packed = bytes([0x00, 0x08, 0x08, 0xFF, 0xF0])
    path = write_tiff(tmp_path / "x.tif", (page_tags(3, 1, bits=12, photometric=photometric), packed))
    assert greys(path) == expected


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_a_largest_level_that_tells_the_bits_scales_to_the_whole_range(tmp_path: Path, bits: int) -> None:
    white = 2**bits - 1
    path = sixteen(tmp_path / "x.tif", (0, white // 2, white), largest=white)
    assert greys(path) == [0, 127, 255]
    inverted = sixteen(tmp_path / "y.tif", (0, white // 2, white), ">", largest=white, photometric=0)
    assert greys(inverted) == [255, 128, 0]


def test_a_largest_level_that_is_a_statistic_changes_nothing(tmp_path: Path) -> None:
    assert greys(sixteen(tmp_path / "x.tif", (0, 257 * 20), largest=257 * 20)) == [0, 20]
    # One level is larger than the tag says, so the tag is wrong.
    assert greys(sixteen(tmp_path / "y.tif", (0, 65535), largest=4095)) == [0, 255]


RANGE = r"x\.tif: .* have no agreed range; save 8 or 16 bits"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("bits", "sample_format", "code"), [(32, 1, "I"), (32, 2, "i"), (32, 3, "f"), (16, 2, "h"), (8, 2, "b")]
)
def test_numbers_without_a_range_are_refused(
    tmp_path: Path, bits: int, sample_format: int, code: str, order: str
) -> None:
    """Small values too, which would come out nearly black if they were scaled by the largest 16-bit level."""
    tags = page_tags(3, 1, bits=bits, sample_format=sample_format)
    path = write_tiff(tmp_path / "x.tif", (tags, struct.pack(f"{order}3{code}", 0, 1, 100)), order=order)
    with pytest.raises(DataError, match=RANGE):
        read_image(path)
    with pytest.raises(DataError, match=RANGE):
        read_size(path)


def test_a_stack_of_pages_is_refused(tmp_path: Path) -> None:
    page = (page_tags(2, 1), bytes([1, 2]))
    with pytest.raises(DataError, match=r"x\.tif: a stack of 3 pages; save each page that you want as a file of its"):
        read_image(write_tiff(tmp_path / "x.tif", page, page, page))
    # ImageJ writes a large stack as one page with all pixels behind it.
    tags = page_tags(2, 1, description="ImageJ=1.53t\nimages=50\nslices=50\n")
    with pytest.raises(DataError, match="a stack of 50 pages"):
        read_image(write_tiff(tmp_path / "x.tif", (tags, bytes(100))))


def test_smaller_copies_and_masks_behind_an_image_are_no_pages(tmp_path: Path) -> None:
    smaller, mask = (page_tags(1, 1, subfile=1), bytes([9])), (page_tags(2, 1, subfile=4), bytes(2))
    full = (page_tags(2, 1), bytes([1, 2]))
    assert greys(write_tiff(tmp_path / "x.tif", full, smaller, mask)) == [1, 2]
    with pytest.raises(DataError, match="its first page is only a smaller copy"):
        read_image(write_tiff(tmp_path / "x.tif", smaller, full))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bits": (12, 12, 12), "samples": 3, "photometric": 2}, "12 bits per channel are not supported"),
        ({"bits": 14}, "14 bits per channel are not supported"),
        ({"photometric": None}, "no tag says whether 0 is black or white"),
        ({"bits": (8, 8, 8), "samples": 3, "photometric": 6}, "uncompressed YCbCr with fewer colours than pixels"),
        ({"bits": (16,) * 3, "samples": 3, "photometric": 2, "planar": 2}, "16-bit channels in separate planes"),
        (
            {"bits": (16,) * 3, "samples": 3, "photometric": 2, "largest": (4095,) * 3},
            "16-bit channels whose white is level 4095",
        ),
    ],
)
def test_what_would_be_misread_is_refused(tmp_path: Path, changes: dict[str, Value | None], reason: str) -> None:
    path = write_tiff(tmp_path / "x.tif", (page_tags(2, 2, **changes), bytes(24)))
    with pytest.raises(DataError, match=rf"x\.tif: {reason}; "):
        read_image(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_alpha_that_the_colours_were_multiplied_by_lies_over_white(tmp_path: Path, order: str) -> None:
    # Half-transparent red: 255 is stored as 128 with associated alpha 128.
    tags = page_tags(1, 1, bits=(8,) * 4, samples=4, photometric=2, extra=1)
    assert row(write_tiff(tmp_path / "x.tif", (tags, bytes([128, 0, 0, 128])), order=order)) == [[255, 127, 127]]
    deep = page_tags(1, 1, bits=(16,) * 4, samples=4, photometric=2, extra=1)
    pixels = struct.pack(f"{order}4H", 0x8080, 0, 0, 0x8080)
    assert row(write_tiff(tmp_path / "x.tif", (deep, pixels), order=order)) == [[255, 127, 127]]
    grey = page_tags(1, 1, bits=(8, 8), samples=2, extra=1)
    assert row(write_tiff(tmp_path / "x.tif", (grey, bytes([0, 51])), order=order)) == [[204, 204, 204]]


@pytest.mark.parametrize("scale", [257, 1])
def test_a_palette_of_sixteen_and_of_eight_bits_gives_its_colours(tmp_path: Path, scale: int) -> None:
    reds, greens, blues = [0] * 256, [0] * 256, [0] * 256
    reds[1], greens[2], blues[3] = 255 * scale, 128 * scale, 7 * scale
    tags = page_tags(3, 1, photometric=3, palette=(*reds, *greens, *blues))
    path = write_tiff(tmp_path / "x.tif", (tags, bytes([1, 2, 3])))
    assert row(path) == [[255, 0, 0], [0, 128, 0], [0, 0, 7]]


def test_lab_colours_become_rgb(tmp_path: Path) -> None:
    # L 0 to 255 is 0 to 100; a and b are signed. The third is sRGB red: L 54.29, a 80.80, b 69.89 (white D50).
    pixels = bytes([255, 0, 0, 0, 0, 0, round(54.29 * 2.55), 81, 70])
    path = write_tiff(tmp_path / "x.tif", (page_tags(3, 1, bits=(8,) * 3, samples=3, photometric=8), pixels))
    white, black, red = row(path)
    assert white == pytest.approx([255, 255, 255], abs=2)
    assert black == pytest.approx([0, 0, 0], abs=2)
    assert red == pytest.approx([255, 0, 0], abs=6)


def test_ycbcr_colours_become_rgb(tmp_path: Path) -> None:
    # Y = 0.299 R + 0.587 G + 0.114 B, so red is 76, 85, 255 (ITU-R BT.601, full range).
    tags = page_tags(2, 1, bits=(8,) * 3, samples=3, photometric=6, subsampling=(1, 1))
    red, grey = row(write_tiff(tmp_path / "x.tif", (tags, bytes([76, 85, 255, 100, 128, 128]))))
    assert red == pytest.approx([254, 0, 0], abs=2)
    assert grey == [100, 100, 100]


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_size_in_the_header_is_that_of_the_upright_image(tmp_path: Path, orientation: int) -> None:
    path = write_tiff(tmp_path / "x.tif", (page_tags(3, 2, orientation=orientation), bytes(6)))
    assert read_size(path) == read_image(path).size == (2, 3)
    for suffix in ("png", "jpg", "webp", "avif"):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("RGB", (32, 16)).save(tmp_path / f"x.{suffix}", exif=exif)
        assert read_size(tmp_path / f"x.{suffix}") == read_image(tmp_path / f"x.{suffix}").size == (16, 32)


def test_a_link_to_a_page_outside_the_file_leaves_the_tags_in_force(tmp_path: Path) -> None:
    path = sixteen(tmp_path / "x.tif", LEVELS, photometric=0)
    path.write_bytes(path.read_bytes()[:-4] + struct.pack("<I", 1 << 30))
    assert greys(path) == [255, 254, 127, 0]
