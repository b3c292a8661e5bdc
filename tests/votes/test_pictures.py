"""Which pictures a poll shows, and that files of any kind become pictures of one kind."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ugbench.data.datasets import open_dataset
from ugbench.errors import DataError, UsageError
from ugbench.runs.run import list_runs
from ugbench.votes.server.pictures import PollPictures, prepare_pictures, render


@pytest.fixture
def home(tmp_path: Path, make_voting_home: Callable[..., Path]) -> Path:
    return make_voting_home(tmp_path, zebrafish=1, dugong=2)


def outputs(home: Path, name: str) -> Path:
    (folder,) = home.glob(f"results/data/external/{name}-*/outputs/A2B")
    return folder


def opened(home: Path) -> PollPictures:
    return prepare_pictures(list_runs(home / "results"), open_dataset(home / "data"), "data", "A2B")


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def chunks(png: bytes) -> set[bytes]:
    """The types of a PNG's chunks."""
    types, place = set(), 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        types.add(png[place + 4 : place + 8])
        place += 12 + length
    return types


def test_a_picture_is_the_file_s_pixels_in_the_order_source_then_candidates_by_label(home: Path) -> None:
    poll_pictures = opened(home)
    assert poll_pictures.poll.labels == ("dugong", "zebrafish")
    files = [home / "data" / "testA", outputs(home, "dugong"), outputs(home, "zebrafish")]
    for stem in ("walrus0", "walrus5"):
        for made, folder in zip(render(poll_pictures, stem), files, strict=True):
            assert (pixels(made) == pixels((folder / f"{stem}.png").read_bytes())).all()


def test_files_of_other_sizes_formats_and_metadata_become_pictures_of_one_kind(home: Path) -> None:
    for file in list(outputs(home, "zebrafish").glob("*.png")):
        with Image.open(file) as image:
            exif = Image.Exif()
            exif[0x010E] = "by zebrafish"
            larger = image.resize((48, 48))
            larger.save(file.with_suffix(".jpg"), comment=b"by zebrafish", exif=exif, icc_profile=b"zebrafish")
        file.unlink()
    made = render(opened(home), "walrus0")
    assert [pixels(content).shape for content in made] == [(48, 48, 3)] * 3
    assert len({len(content) for content in made}) == 1
    assert {chunk for content in made for chunk in chunks(content)} == {b"IHDR", b"IDAT", b"IEND"}


def test_only_sources_with_an_output_of_each_are_asked_about(home: Path) -> None:
    (outputs(home, "dugong") / "walrus3.png").unlink()
    assert list(opened(home).files) == ["walrus0", "walrus1", "walrus2", "walrus4", "walrus5"]
    for number in (0, 1, 2, 4):
        (outputs(home, "zebrafish") / f"walrus{number}.png").unlink()
    (outputs(home, "zebrafish") / "walrus5.png").unlink()
    with pytest.raises(UsageError, match="no test image has an output of each of dugong, zebrafish"):
        opened(home)


def test_other_pictures_are_another_poll_and_a_picture_that_changes_meanwhile_is_not_shown(home: Path) -> None:
    poll_pictures = opened(home)
    assert opened(home).poll == poll_pictures.poll
    file = outputs(home, "dugong") / "walrus2.png"
    file.write_bytes((outputs(home, "zebrafish") / "walrus2.png").read_bytes())
    assert opened(home).poll.id != poll_pictures.poll.id
    with pytest.raises(DataError, match=r"walrus2\.png has changed since the poll was opened"):
        render(poll_pictures, "walrus2")
    assert len(render(poll_pictures, "walrus1")) == 3


def test_examples_are_of_the_target_s_training_images(home: Path) -> None:
    shown = [pixels(content) for content in opened(home).examples]
    train = [pixels(file.read_bytes()) for file in sorted((home / "data" / "trainB").iterdir())]
    assert all((example == image).all() for example, image in zip(shown, train, strict=True))
    for file in (home / "data" / "trainB").iterdir():
        file.unlink()
    assert opened(home).examples == ()
