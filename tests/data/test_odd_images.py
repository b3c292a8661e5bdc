"""Files that Pillow cannot write, made by hand byte by byte: deep colours, every EXIF turn, headers that lie."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ugbench.data.images import ImageHeader, inspect_image, read_image, read_size
from ugbench.errors import DataError

HUGE = 60_000  # px a side; 3.6e9 pixels


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(path: Path, colour: int, bits: int, rows: bytes, size: tuple[int, int], *extra: bytes) -> Path:
    """A PNG of colour type 0 (grey), 2 (RGB), 3 (palette), 4 (grey, alpha) or 6 (RGBA); `rows` without filters."""
    width, height = size
    step = len(rows) // height
    filtered = b"".join(b"\0" + rows[k * step : (k + 1) * step] for k in range(height))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(filtered))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + data + chunk(b"IEND", b""))
    return path


def deep_tiff(path: Path, levels: list[int], order: str, channels: int) -> Path:
    """A TIFF of one row of 16-bit pixels; order "<" or ">"."""
    count = len(levels) // channels
    pixels = struct.pack(f"{order}{len(levels)}H", *levels)
    tags = {
        256: (4, 1, count),
        257: (4, 1, 1),
        258: (3, channels, 16),  # bits a channel, all alike: read from their own place below
        259: (3, 1, 1),
        262: (3, 1, 2 if channels == 3 else 1),
        273: (4, 1, 8),
        277: (3, 1, channels),
        278: (4, 1, 1),
        279: (4, 1, len(pixels)),
    }
    table = 8 + len(pixels) + 6
    bits = struct.pack(f"{order}3H", 16, 16, 16)
    entries = b""
    for tag, (kind, number, value) in tags.items():
        if tag == 258 and channels == 3:
            field = struct.pack(f"{order}I", 8 + len(pixels))
        else:
            field = struct.pack(f"{order}I", value) if kind == 4 else struct.pack(f"{order}HH", value, 0)
        entries += struct.pack(f"{order}HHI", tag, kind, number) + field
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", table)
    path.write_bytes(head + pixels + bits + struct.pack(f"{order}H", len(tags)) + entries + bytes(4))
    return path


def row(path: Path) -> list[list[int]]:
    image = read_image(path)
    assert image.mode == "RGB"
    pixels: list[list[int]] = np.asarray(image)[0].tolist()
    return pixels


DEEP = [0, 0x8000, 0xFFFF, 0x0101, 0x4040, 0xC0C0]  # two RGB pixels
EIGHT = [[0, 128, 255], [1, 64, 192]]


def test_sixteen_bit_rgb_is_scaled_not_clipped(tmp_path: Path) -> None:
    path = png(tmp_path / "x.png", 2, 16, struct.pack(">6H", *DEEP), (2, 1))
    assert row(path) == EIGHT
    assert inspect_image(path)[1] == ImageHeader("PNG", "RGB;16", 2, 1, False, False)
    for order in "<>":
        path = deep_tiff(tmp_path / "x.tif", DEEP, order, 3)
        assert row(path) == EIGHT
        assert inspect_image(path)[1].mode == "RGB;16"


def test_sixteen_bit_grey_of_either_byte_order_is_scaled(tmp_path: Path) -> None:
    for order in "<>":
        assert row(deep_tiff(tmp_path / "x.tif", [0, 257, 32768, 65535], order, 1)) == [
            [v] * 3 for v in (0, 1, 128, 255)
        ]


def test_sixteen_bit_alpha_lies_over_white(tmp_path: Path) -> None:
    rgba = struct.pack(">8H", 0xFFFF, 0, 0, 0, 0, 0, 0, 0x3333)
    assert row(png(tmp_path / "x.png", 6, 16, rgba, (2, 1))) == [[255, 255, 255], [204, 204, 204]]
    grey = struct.pack(">4H", 0, 0, 0, 0x3333)
    assert row(png(tmp_path / "x.png", 4, 16, grey, (2, 1))) == [[255, 255, 255], [204, 204, 204]]


def test_grey_with_half_an_alpha_lies_over_white(tmp_path: Path) -> None:
    assert row(png(tmp_path / "x.png", 4, 8, bytes([100, 255, 0, 51]), (2, 1))) == [[100] * 3, [204] * 3]


def test_a_palette_whose_entries_are_half_transparent_lies_over_white(tmp_path: Path) -> None:
    palette = chunk(b"PLTE", bytes([255, 0, 0, 0, 0, 0, 0, 255, 0]))
    alphas = chunk(b"tRNS", bytes([0, 51]))  # the third entry has none: opaque
    path = png(tmp_path / "x.png", 3, 8, bytes([0, 1, 2]), (3, 1), palette, alphas)
    assert row(path) == [[255, 255, 255], [204, 204, 204], [0, 255, 0]]
    assert inspect_image(path)[1] == ImageHeader("PNG", "P", 3, 1, False, True)


@pytest.mark.parametrize(
    ("colour", "rows", "mark"), [(2, bytes([9, 9, 9, 7, 7, 7]), (9, 9, 9)), (0, bytes([9, 7]), (9,))]
)
def test_a_colour_that_stands_for_transparency_is_white(
    tmp_path: Path, colour: int, rows: bytes, mark: tuple[int, ...]
) -> None:
    seen_through = chunk(b"tRNS", struct.pack(f">{len(mark)}H", *mark))
    assert row(png(tmp_path / "x.png", colour, 8, rows, (2, 1), seen_through)) == [[255] * 3, [7] * 3]


def test_a_palette_of_four_colours_packed_into_a_byte_is_read(tmp_path: Path) -> None:
    palette = chunk(b"PLTE", bytes(range(12)))
    path = png(tmp_path / "x.png", 3, 2, bytes([0b00_01_10_11]), (4, 1), palette)
    assert row(path) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


# Where the stored pixels 1 2 3 / 4 5 6 lie once the image is shown upright, by the eight values of EXIF.
UPRIGHT = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_each_of_the_eight_exif_orientations_is_undone(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8) * 40)
    stored.convert("RGB").save(tmp_path / f"x.{suffix}", exif=exif, lossless=True)
    image, header = inspect_image(tmp_path / f"x.{suffix}")
    assert (np.asarray(image)[..., 0] // 40).tolist() == UPRIGHT[orientation]
    assert ((header.width, header.height), header.turned) == (image.size, orientation != 1)
    assert read_size(tmp_path / f"x.{suffix}") == image.size


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'


def exif_chunk(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))


def xmp_chunk(orientation: int) -> bytes:
    return chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP % orientation)


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("made", [exif_chunk, xmp_chunk])
def test_a_png_that_states_its_orientation_behind_the_pixels_is_turned_too(
    tmp_path: Path, made: Callable[[int], bytes], orientation: int
) -> None:
    path = png(tmp_path / "x.png", 0, 8, bytes([40, 80, 120, 160, 200, 240]), (3, 2))
    raw = path.read_bytes()
    end = raw.index(b"IEND") - 4
    path.write_bytes(raw[:end] + made(orientation) + raw[end:])
    image, header = inspect_image(path)
    assert (np.asarray(image)[..., 0] // 40).tolist() == UPRIGHT[orientation]
    assert read_size(path) == (header.width, header.height) == image.size


def patched(raw: bytes, at: int, code: str, *values: int) -> bytes:
    content = bytearray(raw)
    struct.pack_into(code, content, at, *values)
    return bytes(content)


def lying_png(raw: bytes) -> bytes:
    header = raw[12:16] + struct.pack(">II", HUGE, HUGE) + raw[24:29]
    return raw[:12] + header + struct.pack(">I", zlib.crc32(header)) + raw[33:]


def lying_jpeg(raw: bytes) -> bytes:
    return patched(raw, raw.index(b"\xff\xc0") + 5, ">HH", HUGE, HUGE)


def lying_bmp(raw: bytes) -> bytes:
    return patched(raw, 18, "<ii", HUGE, HUGE)


def lying_tiff(raw: bytes) -> bytes:
    start = struct.unpack_from("<I", raw, 4)[0]
    for k in range(struct.unpack_from("<H", raw, start)[0]):
        at = start + 2 + 12 * k
        if struct.unpack_from("<H", raw, at)[0] in (256, 257):
            raw = patched(raw, at + 2, "<HII", 4, 1, HUGE)
    return raw


def lying_webp(raw: bytes) -> bytes:
    """Lossless: 14 bits each of width and height less one, behind the signature 0x2f."""
    at = raw.index(b"VP8L") + 9
    bits = struct.unpack_from("<I", raw, at)[0]
    return patched(raw, at, "<I", (bits & ~0xFFFFFFF) | 0x3FFF | 0x3FFF << 14)


@pytest.mark.parametrize(
    ("format_", "lie"),
    [("PNG", lying_png), ("JPEG", lying_jpeg), ("BMP", lying_bmp), ("TIFF", lying_tiff), ("WEBP", lying_webp)],
)
def test_a_header_that_claims_absurd_sizes_is_refused_before_memory_is_taken(
    tmp_path: Path, format_: str, lie: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "x.img"
    Image.new("RGB", (8, 8), (10, 200, 30)).save(
        path, format=format_, **({"lossless": True} if format_ == "WEBP" else {})
    )
    path.write_bytes(lie(path.read_bytes()))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"x\.img: not a readable image \(.*exceeds limit"):
        read_image(path)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_a_file_that_ends_early_is_named_in_every_format(tmp_path: Path, format_: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / "x.img"
    Image.fromarray(noise).save(path, format=format_)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(DataError, match=r"x\.img: not a readable image \(.+\); replace or remove it"):
        read_image(path)
