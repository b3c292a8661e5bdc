"""Scores of images in any form, and of features."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import call_json
from PIL import Image

import ugbench
from ugbench.data.known_files import open_known_files
from ugbench.errors import DataError, UsageError, WeightsError
from ugbench.metrics import fid as fid_metric
from ugbench.metrics import kid as kid_metric

RANDOM = {"extractor": "random", "device": "cpu", "progress": False}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders, fake and real, of 12 images of noise each, of equal stems."""
    home = tmp_path_factory.mktemp("sets")
    draw = np.random.default_rng(0)
    for name, low in (("fake", 0), ("real", 60)):
        (home / name).mkdir()
        for place in range(12):
            pixels = draw.integers(low, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / name / f"im{place:02d}.png")
    return home / "fake", home / "real"


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def arrays(folder: Path) -> list[np.ndarray]:
    return [np.array(Image.open(file)) for file in files(folder)]


def tensor(folder: Path) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays(folder))).permute(0, 3, 1, 2)


def test_folders_have_the_scores_of_the_command_line(folders: tuple[Path, Path]) -> None:
    fake, real = folders
    scores = ugbench.evaluate(fake=fake, real=str(real), metrics=["kid", "fid"], **RANDOM)
    words = ["eval", "--fake", fake, "--real", real, "--metric", "kid,fid", "--extractor", "random"]
    printed = call_json(*words, "--device", "cpu")
    assert scores["value"].tolist() == [record["value"] for record in printed]
    assert scores["method"].tolist() == [record["method"] for record in printed]
    assert scores[["metric", "n_fake", "n_real", "direction"]].values.tolist() == [
        ["kid", 12, 12, "A2B"], ["fid", 12, 12, "A2B"],
    ]  # fmt: skip


def test_several_devices_have_the_scores_of_one(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UGBENCH_CACHE", str(folders[0].parent / "cache"))
    fake, real = folders
    shared = ugbench.evaluate(fake, real, metrics="kid", **{**RANDOM, "device": "cpu,cpu"})
    monkeypatch.undo()
    single = ugbench.evaluate(fake, real, metrics="kid", **RANDOM)
    assert shared["value"].tolist() == single["value"].tolist()


@pytest.mark.parametrize("form", [files, arrays, tensor, lambda folder: [Image.open(file) for file in files(folder)]])
def test_every_form_of_images_has_the_same_score(
    folders: tuple[Path, Path], form: Callable[[Path], list[Path]]
) -> None:
    expected = ugbench.kid(*folders, **RANDOM)
    score = ugbench.kid(form(folders[0]), form(folders[1]), **RANDOM)
    assert score.value == pytest.approx(expected.value, rel=1e-5)
    assert score.se == pytest.approx(expected.se, rel=1e-4)


def test_images_in_memory_are_named_by_their_content(folders: tuple[Path, Path]) -> None:
    first, second = (
        ugbench.evaluate(arrays(folders[0]), tensor(folders[1]), metrics="kid", **RANDOM).iloc[0] for _ in range(2)
    )
    assert first["method"] == second["method"]
    assert first["method"].startswith("fake-")
    assert first["dataset"].startswith("real-")
    named = ugbench.evaluate(*folders, metrics="kid", name="ours", dataset_name="noise", direction="B2A", **RANDOM)
    assert named[["method", "dataset", "direction"]].values.tolist() == [["ours", "noise", "B2A"]]


def test_features_are_compared_as_they_are() -> None:
    draw = np.random.default_rng(1)
    fake, real = draw.normal(size=(40, 8)).astype("float32"), draw.normal(1, size=(30, 8)).astype("float32")
    expected = kid_metric.compute(torch.from_numpy(fake), torch.from_numpy(real))
    assert ugbench.kid(fake, torch.from_numpy(real)) == expected
    subsets = kid_metric.compute(torch.from_numpy(fake), torch.from_numpy(real), subset_size=20, subsets=3)
    assert ugbench.kid(fake, real, subset_size=20, subsets=3) == subsets
    distance = fid_metric.compute(torch.from_numpy(fake), torch.from_numpy(real))
    assert ugbench.fid(fake, real, progress=False).value == distance.value


def test_settings_of_kid_count_for_images_too(folders: tuple[Path, Path]) -> None:
    whole, subsets = ugbench.kid(*folders, **RANDOM), ugbench.kid(*folders, subset_size=6, subsets=4, **RANDOM)
    assert whole.se is not None
    assert subsets.se is None
    assert subsets.value != whole.value


def test_lpips_pairs_images_by_their_places(folders: tuple[Path, Path], backbone: Callable[[str], Path]) -> None:
    options = {"weights": {"alexnet": backbone("alexnet")}, "device": "cpu", "progress": False}
    fake, real = folders
    by_stem = ugbench.lpips(fake, real, **options)
    by_place = ugbench.lpips(arrays(fake), files(real), **options)
    assert (by_place.value, by_place.se) == pytest.approx((by_stem.value, by_stem.se), rel=1e-4)
    turned = ugbench.lpips(arrays(fake), files(real)[::-1], **options)
    assert turned.se != pytest.approx(by_stem.se, rel=1e-4)
    assert ugbench.lpips(fake, fake, **options).value == 0
    scores = ugbench.evaluate(fake, real, source=real, metrics=["lpips"], **options)
    assert scores["value"].tolist() == [by_stem.value]


def test_a_score_prints_as_one_short_line(folders: tuple[Path, Path]) -> None:
    text = repr(ugbench.kid(*folders, **RANDOM))
    assert text.startswith("Score(")
    assert "±" in text
    assert "\n" not in text
    many = ugbench.Score(0.5, se=0.1, low=0.3, high=0.7, each=(0.123456,) * 5000)
    assert repr(many) == "Score(0.5 ± 0.1, 95 % interval 0.3 to 0.7)"
    assert many.interval == (0.3, 0.7)
    assert ugbench.Score(0.5).interval is None


def test_a_metric_is_still_a_module_of_its_own() -> None:
    assert kid_metric.compute(torch.eye(4), torch.eye(4) + 1).value > 0


def test_messages_name_arguments_and_no_folder_of_ours(
    folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    ugbench.kid(arrays(folders[0]), files(folders[1]), extractor="random", device="cpu")
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "fake: 12 images." in printed.err
    assert "ugbench-" not in printed.err


def test_a_damaged_file_of_a_list_is_named_as_it_was_given(folders: tuple[Path, Path], tmp_path: Path) -> None:
    whole = files(folders[0])[0].read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=f"^{tmp_path}/half.png: not a readable image"):
        ugbench.kid([*files(folders[0]), tmp_path / "half.png"], folders[1], **RANDOM)


def test_links_and_files_of_a_call_are_gone_after_it(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for file in files(folders[0]):
        os.utime(file, (0, 0))
    monkeypatch.setattr("ugbench.data.known_files.GRANULARITY", -(10**18))  # files count as old
    ugbench.kid(files(folders[0]), arrays(folders[1]), **RANDOM)
    assert list(tmp_path.iterdir()) == []
    assert len(files(folders[0])) == 12
    with open_known_files() as known:
        assert known.connection is not None
        paths = [os.fsdecode(path) for (path,) in known.connection.execute("SELECT path FROM files")]
    assert [path for path in paths if path.startswith(str(tmp_path))] == []


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda fake, real: ([], real), UsageError, "^fake: there is no image in it"),
        (lambda fake, real: (fake, 7), UsageError, "^real: int was given"),
        (lambda fake, real: (fake, "nowhere"), DataError, "^nowhere: no such folder"),
        (lambda fake, real: (["no.png"], real), DataError, "no.png: there is no such file"),
        (lambda fake, real: ([Path(__file__)], real), DataError, "no image by its name"),
        (lambda fake, real: (np.zeros((4, 8)), real), UsageError, "^real: PosixPath was given beside features"),
        (lambda fake, real: (torch.zeros(2, 3, 8, 8), real), UsageError, r"^fake\[0\]: a tensor of shape \(3, 8, 8\)"),
    ],
)
def test_what_cannot_be_scored_is_named(
    folders: tuple[Path, Path], change: Callable[..., tuple[object, object]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ugbench.kid(*change(*folders), **RANDOM)


def test_partners_must_belong_together(folders: tuple[Path, Path]) -> None:
    fake, real = folders
    with pytest.raises(UsageError, match="there are 12 outputs and 11 partners"):
        ugbench.lpips(arrays(fake), arrays(real)[1:])
    with pytest.raises(UsageError, match="are a path and a sequence"):
        ugbench.lpips(fake, arrays(real))
    with pytest.raises(WeightsError, match=r'give weights=\{"alexnet": FILE\}'):
        ugbench.lpips(fake, real, progress=False)
    with pytest.raises(UsageError, match="add source DIR"):
        ugbench.evaluate(fake, real, metrics=["lpips"], progress=False)


def test_references_may_be_a_file_of_features(folders: tuple[Path, Path], tmp_path: Path) -> None:
    fake, real = folders
    file = tmp_path / "real.safetensors"
    call_json("features", real, "--output", file, "--extractor", "random", "--device", "cpu")
    assert ugbench.kid(fake, file, **RANDOM).value == pytest.approx(ugbench.kid(fake, real, **RANDOM).value, rel=1e-5)


def test_a_folder_called_b2a_states_its_direction(folders: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(folders[0], tmp_path / "B2A")
    assert ugbench.evaluate(tmp_path / "B2A", folders[1], metrics="kid", **RANDOM)["direction"].tolist() == ["B2A"]


@pytest.mark.parametrize("names", [{"name": "identity"}, {"name": "a/b"}, {"dataset_name": ".x"}])
def test_a_name_that_tables_cannot_have_is_refused(folders: tuple[Path, Path], names: dict[str, str]) -> None:
    (argument,) = names
    with pytest.raises(UsageError, match=f"^{argument} "):
        ugbench.evaluate(*folders, metrics="kid", **names, **RANDOM)
