from pathlib import Path

import torch
from PIL import Image

from ugbench.data.images import read_image
from ugbench.data.tensors import load_images, save_png, to_float, to_tensor, to_uint8


def test_images_load_in_the_order_of_the_paths_with_progress(tmp_path: Path) -> None:
    red, grey = tmp_path / "red.png", tmp_path / "grey.png"
    Image.new("RGB", (20, 10), "red").save(red)
    Image.new("L", (8, 8), 9).save(grey)
    seen: list[tuple[int, int]] = []
    images = load_images([red, grey], 8, progress=lambda done, total: seen.append((done, total)))
    assert (images.shape, images.dtype) == ((2, 3, 8, 8), torch.uint8)
    assert images[0, :, 3, 5].tolist() == [255, 0, 0]
    assert images[1].unique().tolist() == [9]
    assert seen == [(1, 2), (2, 2)]


def test_every_level_is_the_same_after_conversion_to_floats_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    floats = to_float(levels)
    assert (floats[0].item(), floats[255].item(), floats.dtype) == (-1.0, 1.0, torch.float32)
    assert to_uint8(floats).equal(levels)


def test_floats_are_rounded_to_the_nearest_level_and_clamped() -> None:
    floats = torch.tensor([-3.0, 3.0, 100.4 / 127.5 - 1, 100.6 / 127.5 - 1])
    assert to_uint8(floats).tolist() == [0, 255, 100, 101]
    assert to_uint8(torch.tensor([1.0, -1.0], dtype=torch.bfloat16)).tolist() == [255, 0]


def test_a_saved_image_reads_back_the_same(tmp_path: Path) -> None:
    image = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    save_png(image, tmp_path / "x.png")
    assert to_tensor(read_image(tmp_path / "x.png")).equal(image)
