"""The good input that bad input is made of: data sets, trained and scored runs, archives, and checkpoints of others."""

from __future__ import annotations

import io
import runpy
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import torch
from drawn_images import patches
from processes import Server
from rooms import Room

TESTS = Path(__file__).parents[1]
METHODS = ("cyclegan", "cut")
SPLITS = ("trainA", "trainB", "testA", "testB")
PER_SPLIT = 3
PHOTOS = "datasets/photos"
SCORING = ("--metric", "kid", "--extractor", "random", "--device", "cpu")
EXPORTED = "exported.safetensors"
FORMATS = {
    "png": {},
    "jpg": {"quality": 90},
    "webp": {"lossless": True},
    "bmp": {},
    "tif": {"compression": "tiff_lzw"},
}
"""The formats of images by their suffixes, with options of Pillow for writing them."""


def make_good_inputs(room: Room, server: Server) -> None:
    """Fill the room's template."""
    work = room.work
    for place, split in enumerate(SPLITS):
        folder = work / PHOTOS / split
        folder.mkdir(parents=True)
        for index in range(PER_SPLIT):
            patches(10 * place + index, (40, 40)).save(folder / f"{index}.png")
    (work / "images").mkdir()
    for suffix, options in FORMATS.items():
        patches(99, (40, 40)).save(work / "images" / f"good.{suffix}", **options)
    (work / "archives").mkdir()
    for name in ("good.zip", "good.tar", "good.tar.gz", "good.tar.xz"):
        write_archive(work / "archives" / name, work / PHOTOS)
    write_study(work / "study.toml")
    write_foreign(work / "foreign")
    for method in METHODS:
        _must(server, room, train_words(method))
    _must(server, room, ["eval", "--checkpoints", "all", *SCORING])
    _must(server, room, ["eval", *SCORING])  # the outputs of the last checkpoint stay
    _must(server, room, ["export", run_of(work, "cyclegan"), "--output", EXPORTED])
    room.keep_as_template()


def train_words(method: str) -> tuple[object, ...]:
    """The command that trains the run of a method."""
    sets = ("--set", "channels=4", "--set", "discriminator_channels=4", "--precision", "fp32", "--device", "cpu")
    size = ("--preset", "smoke", "--size", 32, "--batch-size", 1, "--steps", 4)
    return ("train", method, "--dataset", PHOTOS, *size, *sets, "--log-every", 1, "--save-every", 2, "--keep", "all")


def run_of(work: Path, method: str) -> str:
    """The run of a method, relative to the working folder."""
    return str(next((work / "results/photos" / method).iterdir()).relative_to(work))


def write_archive(file: Path, folder: Path) -> None:
    """A zip or tar, by the suffix, of a data set's folder."""
    images = sorted(folder.rglob("*.png"))
    names = [str(Path("photos2prints") / image.relative_to(folder)) for image in images]
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for image, name in zip(images, names, strict=True):
                archive.write(image, name)
        return
    with tarfile.open(file, f"w:{'' if file.suffix == '.tar' else file.suffix[1:]}") as archive:
        for image, name in zip(images, names, strict=True):
            archive.add(image, name)


def write_study(file: Path) -> None:
    """A study of two methods."""
    lines = ['methods = ["cyclegan", "cut"]', f'datasets = ["{PHOTOS}"]', "seeds = 2", "steps = 10", 'preset = "smoke"']
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_foreign(folder: Path) -> None:
    """Checkpoints as the authors' code of each method writes them, tiny and random; the methods' tests make them."""
    torch.manual_seed(0)
    (folder / "cut").mkdir(parents=True)
    (folder / "cyclegan").mkdir()
    torch.save(
        _of("ugatit/public_forward.py", "checkpoint")(32, 4, 2, True, (3, 2)), folder / "ugatit_params_0000003.pt"
    )
    public = _of("baselines/test_unit_checkpoints.py", "public")
    torch.save({"a": public(1), "b": public(2)}, folder / "gen_00000003.pt")
    generator = _of("baselines/test_cyclegan_checkpoints.py", "PublicGenerator")
    for name in "AB":
        torch.save(generator(6).state_dict(), folder / "cyclegan" / f"3_net_G_{name}.pth")
    for name, network in _of("baselines/test_cut_checkpoints.py", "public")().items():
        torch.save(network, folder / "cut" / name)
    variables = _of("ugatit/test_tensorflow_checkpoints.py", "variables")(True)
    (folder / "tf").mkdir()
    _of("imports/test_tensorflow_bundle.py", "write_bundle")(folder / "tf", variables)


def _of(file: str, name: str) -> Any:
    return runpy.run_path(str(TESTS / file))[name]


def _must(server: Server, room: Room, words: list[object]) -> None:
    ended = server.run(words, cwd=room.work, env=room.env())
    assert ended.code == 0, f"{words}: {ended.err}"


def as_bytes(image: Any, suffix: str, **options: Any) -> bytes:
    """An image as the bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()), **options)
    return stream.getvalue()
