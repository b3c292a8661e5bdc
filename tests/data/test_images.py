from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ugbench.data.images import list_images, read_image, resize
from ugbench.errors import DataError

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def pixel(path: Path, x: int = 0, y: int = 0) -> tuple[int, ...]:
    image = read_image(path)
    assert image.mode == "RGB"
    return tuple(np.asarray(image)[y, x].tolist())


def test_images_are_listed_by_name_whatever_the_case_of_their_suffix(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpeg", "c.Tif", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["a.jpeg", "b.PNG", "c.Tif"]


def test_a_missing_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder; "):
        list_images(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r": holds no image; put files of these kinds in it: png jpg "):
        list_images(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tiff", "jpg", "jpe", "jfif", "gif", "avif"])
def test_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    path = saved(Image.new("RGB", (8, 8), (200, 40, 90)), tmp_path / f"x.{suffix}")
    assert pixel(path) == pytest.approx((200, 40, 90), abs=3)


def test_a_camera_held_sideways_gives_an_upright_image(tmp_path: Path) -> None:
    stored = Image.new("RGB", (16, 8), RED)
    stored.paste(GREEN, (0, 0, 8, 8))  # left half as stored
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise: the left half is on top
    path = saved(stored, tmp_path / "x.png", exif=exif)
    assert read_image(path).size == (8, 16)
    assert (pixel(path, 4, 2), pixel(path, 4, 14)) == (GREEN, RED)


def test_alpha_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 51))
    path = saved(image, tmp_path / "x.png")
    assert (pixel(path, 0), pixel(path, 1)) == (WHITE, (204, 204, 204))


def test_grey_with_alpha_lies_over_white(tmp_path: Path) -> None:
    path = saved(Image.new("LA", (2, 2), (0, 0)), tmp_path / "x.png")
    assert pixel(path) == WHITE


def test_a_palette_gives_its_colours_and_its_transparent_entry_is_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)
    plain = saved(image, tmp_path / "plain.png")
    assert (pixel(plain, 0), pixel(plain, 1)) == (RED, GREEN)
    seen_through = saved(image, tmp_path / "through.png", transparency=0)
    assert (pixel(seen_through, 0), pixel(seen_through, 1)) == (WHITE, GREEN)


@pytest.mark.parametrize(("mode", "level", "grey"), [("L", 77, 77), ("1", 1, 255)])
def test_grey_images_get_three_equal_channels(tmp_path: Path, mode: str, level: int, grey: int) -> None:
    assert pixel(saved(Image.new(mode, (4, 4), level), tmp_path / "x.png")) == (grey, grey, grey)


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_print_colours_become_rgb(tmp_path: Path, suffix: str) -> None:
    path = saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / f"x.{suffix}")
    assert pixel(path) == pytest.approx(RED, abs=3)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    levels = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    path = saved(Image.fromarray(levels), tmp_path / f"x.{suffix}")
    assert [pixel(path, x)[0] for x in range(4)] == [0, 1, 128, 255]


def test_a_sixteen_bit_level_that_stands_for_transparency_is_white(tmp_path: Path) -> None:
    levels = np.array([[513, 65535, 0]], dtype=np.uint16)
    path = saved(Image.fromarray(levels), tmp_path / "x.png", transparency=513)
    assert [pixel(path, x)[0] for x in range(3)] == [255, 255, 0]


def test_a_sixteen_bit_image_held_sideways_is_turned_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    levels = np.full((2, 4), 65535, dtype=np.uint16)
    assert read_image(saved(Image.fromarray(levels), tmp_path / "x.png", exif=exif)).size == (2, 4)


def test_pixels_without_a_range_are_refused(tmp_path: Path) -> None:
    floats = saved(Image.new("F", (2, 2), 0.5), tmp_path / "float.tiff")
    wide = saved(Image.new("I", (2, 2), 70000), tmp_path / "wide.tiff")
    for path in (floats, wide):
        with pytest.raises(DataError, match=rf"{path.name}: .*no agreed range; save 8 or 16 bits"):
            read_image(path)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / f"short.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"short\.{suffix}: not a readable image \(.+\); replace or remove it\."):
        read_image(path)


def test_a_file_that_is_no_image_an_empty_one_and_a_missing_one_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").touch()
    for name, reason in (
        ("text", "no PNG, JPEG, WEBP, BMP, TIFF, GIF or AVIF"),
        ("empty", "the file is empty"),
        ("missing", "No such file or directory"),
    ):
        with pytest.raises(DataError, match=rf"{name}\.png: not a readable image \({reason}\)"):
            read_image(tmp_path / f"{name}.png")


def test_formats_beyond_the_listed_ones_stay_closed(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "ppm.png", format="PPM")
    with pytest.raises(DataError, match="not a readable image"):
        read_image(tmp_path / "ppm.png")


def test_an_image_of_absurd_size_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(Image.new("RGB", (40, 40)), tmp_path / "x.png")
    for limit in (1000, 100):  # Pillow warns above the limit and raises above twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match="exceeds limit"):
            read_image(path)


def test_damaged_metadata_does_not_matter(tmp_path: Path) -> None:
    broken = b"Exif\0\0II*\0\x08\0\0\0\x05\0garbage"  # says five entries and holds none
    path = saved(Image.new("RGB", (4, 4), RED), tmp_path / "x.png", exif=broken)
    with Image.open(path) as image, pytest.warns(UserWarning, match="Corrupt EXIF"):
        image.getexif()
    assert pixel(path) == RED


def test_resizing_squashes_antialiases_and_leaves_the_right_size_alone() -> None:
    image = Image.fromarray(np.tile(np.array([0, 255], dtype=np.uint8), (64, 64))).convert("RGB")
    assert resize(image.crop((0, 0, 64, 64)), 64).tobytes() == image.crop((0, 0, 64, 64)).tobytes()
    small = np.asarray(resize(image, 16))
    assert small.shape == (16, 16, 3)
    # Alternating columns average to grey; taking the nearest would give 0 or 255.
    assert np.abs(small.astype(int) - 127).max() <= 6
