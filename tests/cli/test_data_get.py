"""`ugbench data get`: consent, a whole download or none, and the import that follows."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from drawn_images import save_flat
from file_server import FileServer, content, status
from filelock import FileLock
from typer.testing import Result

from ugbench.cli import data_get
from ugbench.data.acquire import catalog, placing
from ugbench.data.acquire.fetching import DOWNLOADS, fetch_dataset
from ugbench.data.dataset_names import resolve
from ugbench.errors import UsageError

Call = Callable[..., Result]
PATH = "/datasets/vangogh2photo.zip"


def zipped(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as out:
        for name in names:
            out.writestr(name, name)
    return held.getvalue()


ARCHIVE = zipped(*(f"vangogh2photo/{split}/1.jpg" for split in ("trainA", "trainB", "testA", "testB")))


@pytest.fixture
def server(file_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """A server with van Gogh's archive, at which the catalogue points."""
    address = file_server.serve(PATH, content(ARCHIVE))
    known = [replace(entry, address=address if entry.address else "") for entry in catalog.KNOWN]
    monkeypatch.setattr(catalog, "KNOWN", tuple(known))
    monkeypatch.delenv("UGBENCH_DOWNLOAD", raising=False)
    return file_server


def test_an_archive_is_downloaded_and_imported_and_then_removed(
    ugbench: Call, server: FileServer, tmp_path: Path
) -> None:
    result = ugbench("data", "get", "photo2vangogh", "--download", "--data-root", tmp_path, "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    digest = hashlib.sha256(ARCHIVE).hexdigest()
    assert (report["address"], report["bytes"], report["sha256"]) == (server.address(PATH), len(ARCHIVE), digest)
    assert (report["name"], report["turned"], report["images"]["trainA"]) == ("photo2vangogh", True, 1)
    assert f"SHA-256 {digest}" in result.stderr
    (image,) = resolve("photo2vangogh", tmp_path).split("trainA")
    assert image.read_text() == "vangogh2photo/trainB/1.jpg"
    assert [path.name for path in (tmp_path / ".downloads").iterdir()] == ["photo2vangogh.lock"]


def test_by_the_archives_own_name_a_and_b_stay_where_they_are(
    ugbench: Call, server: FileServer, tmp_path: Path
) -> None:
    result = ugbench("data", "get", "vangogh2photo", "--data-root", tmp_path, env={"UGBENCH_DOWNLOAD": "1"})
    assert result.exit_code == 0
    assert resolve("vangogh2photo", tmp_path).split("trainA")[0].read_text() == "vangogh2photo/trainA/1.jpg"
    assert "paper" not in result.stdout


def test_a_data_set_that_is_there_is_left_as_it_is_without_a_question(
    ugbench: Call, server: FileServer, tmp_path: Path
) -> None:
    save_flat(tmp_path / "horse2zebra" / "trainA" / "1.png")
    result = ugbench("data", "get", "horse2zebra", "--data-root", tmp_path, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["images"] == {"trainA": 1, "trainB": 0, "testA": 0, "testB": 0}
    assert result.stderr == f"horse2zebra is in {tmp_path}/horse2zebra already; nothing is downloaded.\n"
    assert server.asked == []


def test_without_consent_the_server_is_not_even_asked(ugbench: Call, server: FileServer, tmp_path: Path) -> None:
    result = ugbench("data", "get", "horse2zebra", "--data-root", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: {server.address(PATH)}: nothing is downloaded without consent; give --download, or set "
        "UGBENCH_DOWNLOAD=1.\n"
    )
    assert server.asked == [] and list(tmp_path.iterdir()) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def answer_on_a_terminal(answer: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stdin and stderr terminals, with this answer typed; returns stderr."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_a_person_is_shown_the_licence_the_address_and_the_size(
    answer: str, server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    screen = answer_on_a_terminal(answer, monkeypatch)
    server.serve(PATH, content(ARCHIVE, announced=2_100_000) if answer == "n\n" else content(ARCHIVE))
    if answer == "n\n":
        with pytest.raises(UsageError, match="nothing is downloaded without consent"):
            data_get.get("horse2zebra", data_root=tmp_path)
    else:
        data_get.get("horse2zebra", data_root=tmp_path)
    size = "2.1 MB" if answer == "n\n" else "1 kB"
    licence, question, *_ = screen.getvalue().splitlines()
    assert licence.startswith("licence of the images: ")
    assert question.startswith(f"download {size} from {server.address(PATH)}? [y/N] ")
    assert (tmp_path / "horse2zebra").exists() is (answer == "y\n")


def test_a_size_that_the_server_does_not_tell_is_called_unknown(
    server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    screen = answer_on_a_terminal("n\n", monkeypatch)
    server.serve(PATH, status(404))
    with pytest.raises(UsageError):
        data_get.get("horse2zebra", data_root=tmp_path)
    assert "download an archive of unknown size from http" in screen.getvalue()


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (status(404), 1, "could not be downloaded: the server answers with status 404"),
        (content(ARCHIVE, announced=len(ARCHIVE) + 9), 1, "could not be downloaded: the connection ended"),
        (content(b"<html>sign in"), 1, "could not be downloaded: what came is not the published file"),
        (content(b"no archive"), 2, "horse2zebra.zip: is not a zip, tar,"),
        (content(zipped("../trainA/1.jpg")), 2, "leads outside its folder, so nothing of it is unpacked"),
        (content(ARCHIVE.replace(b"trainA/1.jpgP", b"trainA/X.jpgP", 1)), 2, "horse2zebra.zip: damaged"),
    ],
)
def test_what_is_no_data_set_leaves_nothing_and_can_be_tried_again(
    ugbench: Call, server: FileServer, tmp_path: Path, answer: Callable[..., None], code: int, says: str
) -> None:
    words = ("data", "get", "horse2zebra", "--download", "--data-root", tmp_path)
    server.serve(PATH, answer)
    result = ugbench(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in result.stderr and len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.rglob("*")] == [".downloads", "horse2zebra.lock"]
    server.serve(PATH, content(ARCHIVE))
    assert ugbench(*words).exit_code == 0


def test_without_room_for_the_images_the_archive_is_kept_and_not_downloaded_again(
    ugbench: Call, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("data", "get", "horse2zebra", "--download", "--data-root", tmp_path)
    with monkeypatch.context() as full:
        full.setattr(placing.shutil, "disk_usage", lambda _: placing.shutil._ntuple_diskusage(100, 90, 10))
        result = ugbench(*words)
    assert result.exit_code == 2 and "has room for 0.00 GB" in result.stderr
    assert ugbench(*words).exit_code == 0
    assert server.asked == [PATH]


def test_of_two_processes_the_second_waits_and_downloads_nothing(server: FileServer, tmp_path: Path) -> None:
    entry = catalog.find("horse2zebra")
    assert entry is not None
    lock = FileLock(tmp_path / DOWNLOADS / "horse2zebra.lock")
    (tmp_path / DOWNLOADS).mkdir()
    with ThreadPoolExecutor() as pool, lock:
        second = pool.submit(fetch_dataset, entry, tmp_path, lambda: nullcontext(print), lambda: nullcontext(print))
        with pytest.raises(TimeoutError):
            second.result(timeout=0.3)
        save_flat(tmp_path / "horse2zebra" / "trainA" / "1.png")
        lock.release()
        assert second.result() is None
    assert server.asked == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("horse2zebr", "no published data set is called 'horse2zebr'; did you mean 'horse2zebra'? Known: "),
        ("selfie2anime", "selfie2anime: no address is known from which it can be downloaded; get selfie2anime.zip as"),
        ("cityscapes", "cityscapes: no address is known from which it can be downloaded; for its licence"),
        ("maps", "{root}/maps: something is there already; remove it"),
    ],
)
def test_what_cannot_be_downloaded_is_said_before_consent_is_asked_for(
    ugbench: Call, server: FileServer, tmp_path: Path, name: str, says: str
) -> None:
    save_flat(tmp_path / "maps" / "1.png")
    result = ugbench("data", "get", name, "--data-root", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {says.format(root=tmp_path)}")
    assert server.asked == []
