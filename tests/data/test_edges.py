"""Images with smoothed edges: their pixels, and the folder that they are written to."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
from drawn_images import patches, save_flat
from PIL import Image

from ugbench.data import edges
from ugbench.data.datasets import open_dataset
from ugbench.data.edges import make_edges, missing_command, outdated_command, smooth_edges
from ugbench.data.folders import describe_splits
from ugbench.errors import DataError, DiskError, UsageError
from ugbench.fit import Fit
from ugbench.image_size import zoomed


def gaussian() -> np.ndarray:
    """OpenCV's Gaussian of 5x5 pixels without a standard deviation."""
    weights = np.array([1, 4, 6, 4, 1]) / 16
    return np.outer(weights, weights)


def test_pixels_near_an_edge_are_blurred_and_all_others_are_left() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = (250, 200, 90)
    smoothed = smooth_edges(image)
    # Canny marks one column beside the step, and the dilation by 5 px takes two more on both sides.
    changed = np.flatnonzero((smoothed != image).any((0, 2)))
    assert set(changed) <= set(range(5, 11)) and {7, 8} <= set(changed)
    padded = np.pad(image.astype(float), ((2, 2), (2, 2), (0, 0)), mode="reflect")
    for row in (0, 7, 15):
        for column in (6, 7, 8, 9):
            window = padded[row : row + 5, column : column + 5]
            blurred = (window * gaussian()[..., None]).sum((0, 1)).round()
            assert smoothed[row, column].tolist() in (blurred.tolist(), image[row, column].tolist())
    weights = gaussian().sum(0)
    assert smoothed[0, 7].tolist() == [round(level * weights[3:].sum()) for level in (250, 200, 90)]
    assert smoothed[15, 8].tolist() == [round(level * weights[2:].sum()) for level in (250, 200, 90)]


def test_an_image_without_edges_stays_as_it_is() -> None:
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, :, None], (64, 64, 3))
    assert (smooth_edges(ramp) == ramp).all()


def test_what_is_near_an_edge_is_decided_on_the_grey_image_and_dilated_by_two_pixels() -> None:
    import cv2

    image = np.array(patches(3, (48, 48)).quantize(4).convert("RGB"))
    smoothed = smooth_edges(image)
    marked = cv2.Canny(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 100, 200) > 0
    near = np.array(
        [[marked[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].any() for x in range(48)] for y in range(48)]
    )
    assert 0 < near.sum() < near.size
    assert (smoothed[~near] == image[~near]).all()
    padded = np.pad(image.astype(float), ((2, 2), (2, 2), (0, 0)), mode="reflect")
    for y, x in zip(*np.nonzero(near), strict=True):
        blurred = (padded[y : y + 5, x : x + 5] * gaussian()[..., None]).sum((0, 1))
        assert np.abs(smoothed[y, x] - blurred).max() <= 0.5 + 1e-6


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set whose trainA has two images and trainB three, of other kinds and sizes."""
    for number, name in enumerate(["trainA/x.png", "trainA/y.png", "trainB/1.png", "trainB/2.jpg", "trainB/3.bmp"]):
        path = tmp_path / "cats" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        patches(number, (40, 30)).save(path)
    return tmp_path / "cats"


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_training_image_becomes_a_smoothed_png_of_the_size(root: Path) -> None:
    seen: list[tuple[int, int]] = []
    made = make_edges(open_dataset(root), "B", 32, lambda done, total: seen.append((done, total)))
    assert made == (root / "edgesB", 3, True)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert names(root / "edgesB") == [".edges.json", "1.png", "2.png", "3.png"]
    assert names(root) == ["edgesB", "trainA", "trainB"]
    with Image.open(root / "trainB" / "3.bmp") as image:
        expected = smooth_edges(np.array(image.resize((32, 32), Image.Resampling.BILINEAR)))
    with Image.open(root / "edgesB" / "3.png") as image:
        assert (np.array(image) == expected).all()
    assert make_edges(open_dataset(root), "A", 16)[:2] == (root / "edgesA", 2)
    assert open_dataset(root).split("edgesA")[0].name == "x.png"
    assert list(describe_splits(open_dataset(root), ["edgesB"])) == ["cats/edgesB: 3 images."]


def test_a_complete_folder_is_left_as_it_is(root: Path) -> None:
    make_edges(open_dataset(root), "B", 32)
    before = times(root / "edgesB")
    assert make_edges(open_dataset(root), "B", 32) == (root / "edgesB", 3, False)
    assert times(root / "edgesB") == before


def test_other_images_another_size_or_a_missing_file_make_the_folder_again(root: Path) -> None:
    make_edges(open_dataset(root), "B", 32)
    save_flat(root / "trainB" / "1.png", colour="blue")
    make = f"ugbench data make edges --dataset {root}"
    assert outdated_command(open_dataset(root), "edgesB", None) == f"{make} --size 32"
    assert make_edges(open_dataset(root), "B", 32)[2]
    assert outdated_command(open_dataset(root), "edgesB", None) is None
    assert outdated_command(open_dataset(root), "edgesB", 32) is None
    assert outdated_command(open_dataset(root), "edgesB", 286) == make
    assert outdated_command(open_dataset(root), "edgesB", 72) == f"{make} --size 72"
    with Image.open(root / "edgesB" / "1.png") as image:
        assert image.getcolors() == [(32 * 32, (0, 0, 255))]
    (root / "trainB" / "2.jpg").unlink()
    assert make_edges(open_dataset(root), "B", 32)[1:] == (2, True)
    assert names(root / "edgesB") == [".edges.json", "1.png", "3.png"]
    assert make_edges(open_dataset(root), "B", 16)[2]
    (root / "edgesB" / "3.png").unlink()
    assert make_edges(open_dataset(root), "B", 16)[2]
    assert names(root / "edgesB") == [".edges.json", "1.png", "3.png"]
    assert names(root) == ["edgesB", "trainA", "trainB"]


def interrupt_after(count: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ctrl-C after some images; returns the names of images that are written from now on."""
    written: list[str] = []
    write = edges._write

    def counted(source: Path, target: Path, size: int, fit: Fit) -> None:
        if len(written) == count:
            raise KeyboardInterrupt
        written.append(target.name)
        write(source, target, size, fit)

    monkeypatch.setattr(edges, "_write", counted)
    return written


def test_an_interrupted_call_shows_no_folder_and_the_same_call_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(2, patch)
        with pytest.raises(KeyboardInterrupt):
            make_edges(open_dataset(root), "B", 32)
    assert not (root / "edgesB").exists()
    assert open_dataset(root).near_names() == {}
    written = interrupt_after(9, monkeypatch)
    assert make_edges(open_dataset(root), "B", 32) == (root / "edgesB", 3, True)
    assert written == ["3.png"]
    assert names(root) == ["edgesB", "trainA", "trainB"]


def test_what_was_interrupted_is_not_used_for_another_size(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(2, patch)
        with pytest.raises(KeyboardInterrupt):
            make_edges(open_dataset(root), "B", 32)
    make_edges(open_dataset(root), "B", 16)
    for path in open_dataset(root).split("edgesB"):
        with Image.open(path) as image:
            assert image.size == (16, 16)


def test_a_call_that_was_killed_between_the_two_renames_is_finished(root: Path) -> None:
    make_edges(open_dataset(root), "B", 32)
    (root / "edgesB").rename(root / ".ugbench-edgesB-replaced")
    assert make_edges(open_dataset(root), "B", 32)[2]
    assert names(root) == ["edgesB", "trainA", "trainB"]


@pytest.mark.parametrize("case", ["foreign folder", "foreign file", "changed file", "link", "file"])
def test_what_this_command_has_not_written_is_never_replaced(root: Path, case: str) -> None:
    folder = root / "edgesB"
    if case == "foreign folder":
        save_flat(folder / "1.png")
    elif case == "link":
        (root.parent / "elsewhere").mkdir()
        folder.symlink_to(root.parent / "elsewhere")
    elif case == "file":
        folder.write_text("thesis")
    else:
        make_edges(open_dataset(root), "B", 32)
        save_flat(folder / ("9.png" if case == "foreign file" else "1.png"))
        save_flat(root / "trainB" / "1.png", colour="blue")  # so that the folder is to be made again
    before = None if folder.is_file() else {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(DataError, match=r"edgesB.* (move the file or the folder away|move it away)"):
        make_edges(open_dataset(root), "B", 32)
    assert names(root) == ["edgesB", "trainA", "trainB"]
    assert folder.read_text() == "thesis" if before is None else {p: p.read_bytes() for p in folder.iterdir()} == before


def test_two_sources_of_one_stem_an_unreadable_one_and_no_opencv_are_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_flat(root / "trainA" / "x.jpg")
    with pytest.raises(UsageError, match=r"trainA/x\.jpg and \S+trainA/x\.png would both become x\.png"):
        make_edges(open_dataset(root), "A", 32)
    (root / "trainB" / "2.jpg").write_text("no image")
    with pytest.raises(DataError, match=r"trainB/2\.jpg: not a readable image"):
        make_edges(open_dataset(root), "B", 32)
    assert not (root / "edgesB").exists()
    find = importlib.util.find_spec
    monkeypatch.setattr(edges, "find_spec", lambda name: None if name == "cv2" else find(name))
    with pytest.raises(UsageError, match=r"needs OpenCV; install it with `pip install 'ugbench\[edges\]'`"):
        make_edges(open_dataset(root), "B", 32)
    assert not (root / "edgesA").exists()


def test_the_command_for_a_missing_folder_is_known(root: Path) -> None:
    spaced = root.rename(root.with_name("two cats"))
    cats = open_dataset(spaced)
    assert missing_command(cats, "edgesB", None) == f"ugbench data make edges --dataset '{spaced}'"
    assert missing_command(cats, "edgesB", zoomed(256)) == f"ugbench data make edges --dataset '{spaced}'"
    assert missing_command(cats, "edgesA", 36) == f"ugbench data make edges --dataset '{spaced}' --domain A --size 36"
    assert missing_command(cats, "poses", None) is None
    make_edges(cats, "B", 32)
    assert missing_command(cats, "edgesB", 72) is None


def test_names_of_files_that_are_not_utf8_are_kept(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    save_flat(root / "trainA" / name)
    make_edges(open_dataset(root), "A", 16)
    assert (root / "edgesA" / name).is_file()
    assert not make_edges(open_dataset(root), "A", 16)[2]
    json.loads((root / "edgesA" / edges.RECORD).read_text())


def test_a_full_disk_is_one_sentence_and_shows_no_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(edges, "_write", full)
    with pytest.raises(DiskError, match=r"edgesB could not be written \(No space left on device\); free space"):
        make_edges(open_dataset(root), "B", 32)
    assert not (root / "edgesB").exists()
