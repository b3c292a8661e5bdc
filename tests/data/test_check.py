from pathlib import Path

import numpy as np
import pytest
from drawn_images import patches
from PIL import Image, ImageOps

from ugbench.data.check import Finding, Report, SplitSummary, check
from ugbench.data.dataset_json import Statements, write_statements
from ugbench.data.dataset_names import resolve
from ugbench.data.datasets import open_dataset
from ugbench.data.splits import SPLITS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set without fault: two images a split, all different."""
    for k, split in enumerate(SPLITS):
        (tmp_path / split).mkdir()
        for n in range(2):
            patches(10 * k + n).save(tmp_path / split / f"{n}.png")
    return tmp_path


def checked(root: Path) -> Report:
    return check(open_dataset(root))


def only(report: Report, kind: str) -> Finding:
    (finding,) = report.findings
    assert finding.kind == kind
    return finding


def test_a_set_without_fault_has_no_finding_and_trains(root: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = check(open_dataset(root), progress=lambda done, total: calls.append((done, total)))
    assert (report.findings, report.trains, report.trains_with_skip_bad) == ((), True, True)
    assert report.splits["trainA"] == SplitSummary(2, 2, {"64x64": 2}, {"RGB": 2}, {"PNG": 2})
    assert calls == [(k, 8) for k in range(1, 9)]


def test_stated_pairs_of_test_images_are_checked(root: Path) -> None:
    (root / "testB/1.png").rename(root / "testB/one.png")
    assert checked(root).findings == ()
    write_statements(root, Statements(pairs=True))
    finding = only(checked(root), "pair")
    assert finding.files == ("testA/1.png", "testB/one.png")
    assert (finding.splits, finding.stops_training) == (("testA", "testB"), False)
    (root / "testB/one.png").rename(root / "testB/1.jpg")
    assert checked(root).findings == ()


@pytest.mark.parametrize(("split", "trains"), [("trainA", False), ("testB", True)])
def test_a_missing_and_an_empty_folder_are_told_apart(root: Path, split: str, trains: bool) -> None:
    for path in (root / split).iterdir():
        path.unlink()
    report = checked(root)
    assert only(report, "empty").splits == (split,)
    assert (report.trains, report.trains_with_skip_bad) == (trains, trains)
    (root / split).rmdir()
    assert only(checked(root), "missing").found == "there is no such folder"


def test_an_unreadable_training_image_stops_training_unless_it_is_skipped(root: Path) -> None:
    bad = root / "trainA" / "1.png"
    bad.write_bytes(bad.read_bytes()[:-40])
    report = checked(root)
    finding = only(report, "unreadable")
    assert finding.files == ("trainA/1.png",)
    assert finding.found.startswith("not a readable image (")
    assert finding.action == "training refuses, or leaves it out with --skip-bad"
    assert (report.trains, report.trains_with_skip_bad) == (False, True)
    assert (report.splits["trainA"].images, report.splits["trainA"].readable) == (2, 1)
    (root / "trainA" / "0.png").write_text("no image")
    assert not checked(root).trains_with_skip_bad


def test_an_unreadable_test_image_stops_scores_not_training(root: Path) -> None:
    (root / "testB" / "0.png").write_text("no image")
    report = checked(root)
    assert only(report, "unreadable").action == "eval refuses; replace or remove it"
    assert report.trains


def test_copies_in_a_split_are_found_by_their_pixels_whatever_their_format(root: Path) -> None:
    patches(0).save(root / "trainA" / "copy.bmp")
    finding = only(checked(root), "duplicate")
    assert (finding.splits, finding.files) == (("trainA",), ("trainA/0.png", "trainA/copy.bmp"))


def test_a_leak_between_train_and_test_is_found_within_and_across_domains(root: Path) -> None:
    patches(0).save(root / "testA" / "7.png")
    finding = only(checked(root), "leak")
    assert (finding.splits, finding.files) == (("trainA", "testA"), ("trainA/0.png", "testA/7.png"))
    (root / "testA" / "7.png").rename(root / "testB" / "7.png")
    assert only(checked(root), "leak").splits == ("trainA", "testB")


def test_one_image_in_both_domains_is_found(root: Path) -> None:
    patches(0).save(root / "trainB" / "7.png")
    assert only(checked(root), "both-domains").files == ("trainA/0.png", "trainB/7.png")


def test_a_leak_that_was_compressed_and_mirrored_is_found_by_likeness(root: Path) -> None:
    ImageOps.mirror(patches(0)).save(root / "testA" / "7.jpg", quality=60)
    finding = only(checked(root), "near-leak")
    assert (finding.splits, finding.files) == (("trainA", "testA"), ("trainA/0.png", "testA/7.jpg"))
    assert finding.found.endswith(" of 256 bits of their hashes differ")
    (root / "testA" / "7.jpg").rename(root / "trainA" / "7.jpg")
    assert only(checked(root), "near-duplicate").files == ("trainA/0.png", "trainA/7.jpg")


def test_how_odd_images_are_converted_is_reported_for_each_kind(root: Path) -> None:
    folder = root / "trainA"
    patches(100).convert("L").save(folder / "grey.png")
    patches(101).convert("CMYK").save(folder / "print.tif")
    patches(102).quantize(16).save(folder / "palette.png")
    see_through = patches(103).convert("RGBA")
    see_through.putalpha(100)
    see_through.save(folder / "alpha.png")
    Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16).save(folder / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    patches(104).save(folder / "turned.jpg", exif=exif)
    patches(105, (64, 48)).save(folder / "wide.png")
    report = checked(root)
    assert {(f.kind, f.found, f.action, f.files) for f in report.findings} == {
        ("mode", "grey", "gets three equal channels", ("trainA/deep.png", "trainA/grey.png")),
        ("mode", "CMYK", "becomes RGB, without its colour profile", ("trainA/print.tif",)),
        ("mode", "a palette", "becomes RGB", ("trainA/palette.png",)),
        ("mode", "transparent", "laid over white", ("trainA/alpha.png",)),
        ("mode", "16 bits per channel", "scaled to 8 bits", ("trainA/deep.png",)),
        ("mode", "turned by EXIF", "turned upright", ("trainA/turned.jpg",)),
        ("shape", "not square", "squashed to the size of a run, unless --fit is crop or pad", ("trainA/wide.png",)),
    }
    assert report.splits["trainA"].sizes == {"64x64": 8, "64x48": 1}
    assert report.splits["trainA"].modes == {"RGB": 4, "RGBA": 1, "I;16": 1, "L": 1, "P": 1, "CMYK": 1}
    assert report.trains


def test_strays_and_test_images_of_one_stem_are_named(root: Path) -> None:
    (root / "trainB" / "notes.txt").touch()
    (root / "trainB" / "more").mkdir()
    (root / "trainB" / ".hidden").touch()
    assert only(checked(root), "stray").files == ("trainB/more", "trainB/notes.txt")
    (root / "trainB" / "notes.txt").unlink()
    (root / "trainB" / "more").rmdir()
    patches(76).save(root / "trainA" / "1.bmp")  # nothing is named after training images
    patches(77).save(root / "testA" / "1.bmp")
    assert only(checked(root), "stem").files == ("testA/1.bmp", "testA/1.png")


def test_the_scenes_of_a_dial_are_not_reported_as_near_duplicates(tmp_path: Path) -> None:
    dial = resolve("dial:size=32,train=8,test=4", tmp_path)
    assert check(dial).findings == ()


def test_photographs_are_all_readable_and_without_fault(test_data: Path) -> None:
    root = test_data / "data" / "photo2monet"
    report = checked(root)
    assert (report.findings, report.trains) == ((), True)


def test_why_a_file_is_refused_is_said_without_its_name(root: Path) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "green"))
    first.save(root / "trainA" / "2.gif", save_all=True, append_images=[second])
    Image.new("I", (8, 8), 70000).save(root / "trainA" / "3.tif")
    found = {finding.files: finding.found for finding in checked(root).findings if finding.kind == "unreadable"}
    assert found == {
        ("trainA/2.gif",): "an animation of 2 frames",
        ("trainA/3.tif",): "pixels that are 32-bit integers have no agreed range",
    }


def dim(path: Path, levels: int, dtype: str = "uint8") -> None:
    """A grey image with all levels from 0 to `levels`."""
    Image.fromarray(np.linspace(0, levels, 64 * 64).reshape(64, 64).astype(dtype)).save(path)


@pytest.mark.parametrize(
    ("levels", "dtype", "narrow"),
    [(12, "uint8", True), (13, "uint8", False), (4095, "uint16", True), (16383, "uint16", False)],
)
def test_a_set_that_uses_a_twentieth_of_its_range_is_named(root: Path, levels: int, dtype: str, narrow: bool) -> None:
    """12 bits in a 16-bit file come out nearly black, and no tag says that they are only 12."""
    for n in range(2):
        dim(root / "trainB" / f"{n}.png", levels + n * (levels > 4000), dtype)
        dim(root / "testB" / f"{n}.png", 255)
    ranges = [finding for finding in checked(root).findings if finding.kind == "range"]
    assert [finding.splits for finding in ranges] == [("trainB",)] * narrow
    for finding in ranges:
        assert finding.found == "2 of 2 images use less than a twentieth of the range from black to white"
        assert (finding.files, finding.stops_training) == (("trainB/0.png", "trainB/1.png"), False)


def test_a_few_dark_images_make_no_dark_set(root: Path) -> None:
    dim(root / "trainB" / "0.png", 5)
    assert "range" not in {finding.kind for finding in checked(root).findings}
