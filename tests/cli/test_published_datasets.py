"""Commands that train get a published data set that is not there, with consent, and name the command otherwise."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest
from drawn_images import patches
from file_server import FileServer, content, status
from typer.testing import Result

from ugbench.cli.published_datasets import get_or_check_datasets
from ugbench.data.acquire import catalog
from ugbench.data.dataset_names import absent_published, resolve
from ugbench.errors import DataError, UnknownName

Call = Callable[..., Result]
PATH = "/datasets/horse2zebra.zip"
SMALL = ["--preset", "smoke", "--size", "32", "--steps", "1", "--batch-size", "1", "--device", "cpu"]
TINY = ["--set", "channels=4", "--set", "blocks=1", "--set", "discriminator_channels=4"]


def archive() -> bytes:
    """A zip with two small images in each split."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as out:
        for seed, split in enumerate(("trainA", "trainB", "testA", "testB")):
            for number in range(2):
                image = io.BytesIO()
                patches(10 * seed + number, (32, 32)).save(image, "PNG")
                out.writestr(f"horse2zebra/{split}/{number}.png", image.getvalue())
    return held.getvalue()


@pytest.fixture
def server(file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """A server with the archive of horses and zebras, at which the whole catalogue points."""
    address = file_server.serve(PATH, content(archive()))
    known = [replace(entry, address=address if entry.address else "") for entry in catalog.KNOWN]
    monkeypatch.setattr(catalog, "KNOWN", tuple(known))
    monkeypatch.delenv("UGBENCH_DOWNLOAD", raising=False)
    return file_server


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def get(answer: str, monkeypatch: pytest.MonkeyPatch, names: Collection[str], root: Path, **options: bool) -> str:
    """What is printed on a terminal on which a person gives this answer."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", screen)
    get_or_check_datasets(names, root, **{"allowed": False, "as_json": False, "dry_run": False, **options})
    return screen.getvalue()


def words(command: str, root: Path) -> list[object]:
    named = {"train": ["train", "cyclegan"], "compare": ["compare", "--methods", "cyclegan"], "ablate": ["ablate"]}
    return [*named[command], "--dataset", "horse2zebra", "--data-root", root, "--results", root / "results", *SMALL]


@pytest.mark.parametrize("more", [{"words": ["--download"]}, {"env": {"UGBENCH_DOWNLOAD": "1"}}], ids=str)
def test_train_gets_the_data_set_and_trains(
    ugbench: Call, server: FileServer, tmp_path: Path, more: dict[str, list[str]]
) -> None:
    result = ugbench(*words("train", tmp_path), *TINY, *more.pop("words", []), "--json", **more)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["status"] == "done"
    assert f"horse2zebra is in {tmp_path}/horse2zebra; `ugbench data check" in result.stderr
    assert len(resolve("horse2zebra", tmp_path).split("testB")) == 2
    again = ugbench(*words("train", tmp_path), *TINY, "--json")
    assert again.exit_code == 0 and server.asked == [PATH]


@pytest.mark.parametrize("command", ["train", "compare", "ablate"])
def test_without_consent_nothing_is_asked_for_and_the_error_names_the_command(
    ugbench: Call, server: FileServer, tmp_path: Path, command: str
) -> None:
    result = ugbench(*words(command, tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: data set horse2zebra: not in {tmp_path} yet; `ugbench data get horse2zebra --data-root {tmp_path}` "
        "downloads it.\n"
    )
    assert server.asked == [] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["compare", "ablate"])
def test_studies_get_the_data_set_too(ugbench: Call, server: FileServer, tmp_path: Path, command: str) -> None:
    (tmp_path / "wrong.pth").write_text("no weights")  # so that the study ends before it trains
    result = ugbench(*words(command, tmp_path), "--download", "--weights", f"inception={tmp_path / 'wrong.pth'}")
    assert result.exit_code == 2 and "--weights inception=" in result.stderr
    assert len(resolve("horse2zebra", tmp_path).split("trainA")) == 2


def test_the_data_sets_of_a_study_file_are_got_too(ugbench: Call, server: FileServer, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text('methods = ["cyclegan"]\ndatasets = ["horse2zebra"]\npreset = "smoke"\nsteps = 1\n')
    call = ["compare", "--study", file, "--data-root", tmp_path / "data", "--results", tmp_path / "results"]
    assert "not in" in ugbench(*call).stderr and server.asked == []
    ugbench(*call, "--download", "--weights", f"inception={file}")
    assert len(resolve("horse2zebra", tmp_path / "data").split("trainA")) == 2


def test_a_person_is_asked_once_for_all_data_sets(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    screen = get("y\n", monkeypatch, ["horse2zebra", "maps", "dial", "horse2zebra"], tmp_path)
    address = server.address(PATH)
    size = f"{round(len(archive()) / 1e3)} kB"
    question = (
        f"horse2zebra and maps are not in {tmp_path} yet; download {size} from {address} and {size} from {address}?"
    )
    assert screen.count("[y/N]") == 1 and f"{question} [y/N] " in screen
    assert screen.startswith("licence of the images of horse2zebra: ")
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {"horse2zebra", "maps"}


def test_a_no_is_the_error_without_consent(server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"horse2zebra: not in .* yet; `ugbench data get horse2zebra"):
        get("n\n", monkeypatch, ["horse2zebra"], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{"dry_run": True}, {"dry_run": True, "allowed": True}, {"as_json": True}], ids=str)
def test_a_dry_run_and_a_script_that_reads_json_are_not_asked(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: dict[str, bool]
) -> None:
    with pytest.raises(DataError, match="`ugbench data get horse2zebra"):
        get("y\n", monkeypatch, ["horse2zebra"], tmp_path, **options)
    assert server.asked == []


def test_a_wrong_name_beside_it_is_still_an_error(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match="no data set is called 'horse2zebr'"):
        get("n\n", monkeypatch, ["horse2zebr"], tmp_path)
    with pytest.raises(DataError, match="selfie2anime"):
        get("y\n", monkeypatch, ["selfie2anime"], tmp_path)  # published, and no address is known
    assert server.asked == []


def test_a_path_and_what_is_there_are_not_downloaded(tmp_path: Path) -> None:
    assert absent_published("horse2zebra", tmp_path) is not None
    assert absent_published(f"{tmp_path}/horse2zebra", tmp_path) is None
    (tmp_path / "horse2zebra").mkdir()
    assert absent_published("horse2zebra", tmp_path) is None


def test_a_download_that_fails_is_exit_1(ugbench: Call, server: FileServer, tmp_path: Path) -> None:
    server.serve(PATH, status(404))
    result = ugbench(*words("train", tmp_path), "--download")
    assert result.exit_code == 1 and "the server answers with status 404" in result.stderr
    assert not (tmp_path / "results").exists()
