"""Downloads: what is fetched whole gets its name, and nothing else does."""

import hashlib
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from file_server import Answer, FileServer, chunked, content, redirect, status, without_length

from ugbench import download as downloads
from ugbench.download import RemoteFile, download, fault
from ugbench.errors import DownloadError

DATA = bytes(range(256)) * 40
DIGEST = hashlib.sha256(DATA).hexdigest()
PAGE = b"\n <!DOCTYPE html><html><body>Sign in</body></html>"


def remote(address: str, size: int | None = None, sha256: str = "") -> RemoteFile:
    return RemoteFile(address, "net.pth", size, sha256)


def refused(file: RemoteFile, folder: Path) -> str:
    """The sentence with which a download ends; nothing may be left but the lock."""
    with pytest.raises(DownloadError) as error:
        download(file, folder)
    assert {path.name for path in folder.iterdir()} <= {"net.pth.lock"}
    sentence = str(error.value)
    assert sentence.startswith(file.address)
    assert sentence.endswith(f"fetch the file in another way and save it as {folder / 'net.pth'}.")
    return sentence


@pytest.mark.parametrize("known", ["nothing", "size", "digits", "digest"])
@pytest.mark.parametrize("answer", [content(DATA), chunked(DATA)])
def test_a_whole_file_gets_its_name(known: str, answer: Answer, file_server: FileServer, tmp_path: Path) -> None:
    sha256 = {"digits": DIGEST[:8], "digest": DIGEST}.get(known, "")
    file = remote(file_server.serve("/net", answer), len(DATA) if known == "size" else None, sha256)
    assert download(file, tmp_path / "a" / "b") == tmp_path / "a" / "b" / "net.pth"
    assert (tmp_path / "a" / "b" / "net.pth").read_bytes() == DATA


def test_progress_counts_the_bytes(file_server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "CHUNK", 4096)
    steps: list[tuple[int, int | None]] = []
    download(
        remote(file_server.serve("/net", content(DATA))), tmp_path, lambda done, total: steps.append((done, total))
    )
    assert steps == [(4096, 10240), (8192, 10240), (10240, 10240)]


def test_a_file_without_a_length_is_taken_by_its_digest(file_server: FileServer, tmp_path: Path) -> None:
    file = remote(file_server.serve("/net", without_length(DATA)), sha256=DIGEST[:8])
    assert download(file, tmp_path).read_bytes() == DATA


def test_redirects_are_followed(file_server: FileServer, tmp_path: Path) -> None:
    file_server.serve("/there", content(DATA))
    file = remote(file_server.serve("/here", redirect("/there")), sha256=DIGEST)
    assert download(file, tmp_path).read_bytes() == DATA
    assert file_server.asked == ["/here", "/there"]


@pytest.mark.parametrize("sha256", ["", DIGEST[:8]])
def test_a_file_that_is_cut_anywhere_is_refused(sha256: str, file_server: FileServer, tmp_path: Path) -> None:
    for part in range(20):
        end = part * len(DATA) // 20
        address = file_server.serve("/net", content(DATA[:end], announced=len(DATA)))
        assert "the connection ended" in refused(remote(address, sha256=sha256), tmp_path)


@pytest.mark.parametrize("known", ["digits", "size"])
def test_a_file_without_a_length_that_is_cut_anywhere_is_refused(
    known: str, file_server: FileServer, tmp_path: Path
) -> None:
    size, sha256 = (len(DATA), "") if known == "size" else (None, DIGEST[:8])
    for part in range(20):
        address = file_server.serve("/net", without_length(DATA[: part * len(DATA) // 20]))
        assert "what came is not the published file" in refused(remote(address, size, sha256), tmp_path)


def test_a_chunked_file_that_is_cut_is_refused(file_server: FileServer, tmp_path: Path) -> None:
    address = file_server.serve("/net", chunked(DATA, is_whole=False))
    assert "the connection ended before the whole file came" in refused(remote(address), tmp_path)


def test_a_file_is_refused_whose_end_nothing_tells(file_server: FileServer, tmp_path: Path) -> None:
    sentence = refused(remote(file_server.serve("/net", without_length(DATA))), tmp_path)
    assert "the server does not tell how many bytes the file has" in sentence


def test_another_file_is_refused(file_server: FileServer, tmp_path: Path) -> None:
    address = file_server.serve("/net", content(DATA[:-1] + b"x"))
    digits = hashlib.sha256(DATA[:-1] + b"x").hexdigest()[:8]
    assert f"its SHA-256 begins with {digits}, and that of the published file begins with {DIGEST[:8]}" in refused(
        remote(address, sha256=DIGEST[:8]), tmp_path
    )


def test_a_file_of_another_size_is_refused_before_it_is_read(file_server: FileServer, tmp_path: Path) -> None:
    address = file_server.serve("/net", content(DATA))
    sentence = refused(remote(address, size=1234), tmp_path)
    assert "the server offers 10,240 bytes, and the published file has 1,234" in sentence


@pytest.mark.parametrize(
    ("page", "kind"), [(b"<!-- login -->", "text/html; charset=utf-8"), (PAGE, "application/octet-stream")]
)
def test_a_web_page_is_refused(page: bytes, kind: str, file_server: FileServer, tmp_path: Path) -> None:
    assert "a web page" in refused(remote(file_server.serve("/net", content(page, kind))), tmp_path)


@pytest.mark.parametrize("code", [403, 404, 500, 503])
def test_an_error_of_the_server_is_told(code: int, file_server: FileServer, tmp_path: Path) -> None:
    address = file_server.serve("/net", status(code))
    assert f"the server answers with status {code} (" in refused(remote(address), tmp_path)


def test_a_server_that_redirects_without_end_is_refused(file_server: FileServer, tmp_path: Path) -> None:
    address = file_server.serve("/net", redirect("/net"))
    assert "redirects without end" in refused(remote(address), tmp_path)


def test_no_server_is_told(file_server: FileServer, tmp_path: Path) -> None:
    file_server.server_close()
    assert "no connection to the server" in refused(remote(file_server.address("/net")), tmp_path)


def test_a_server_that_falls_silent_is_given_up(
    file_server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "PATIENCE", 0.2)
    end_of_test = threading.Event()
    address = file_server.serve("/net", lambda _handler: end_of_test.wait(60) and None)
    try:
        assert "the server sent nothing for 0 seconds" in refused(remote(address), tmp_path)
    finally:
        end_of_test.set()


def test_a_full_disk_leaves_nothing(file_server: FileServer, tmp_path: Path) -> None:
    address = file_server.serve("/net", content(DATA))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(DownloadError, match=r"could not be stored as .*net.pth \(File too large\); free space"):
            download(remote(address), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["net.pth.lock"]


def test_a_folder_that_cannot_be_made_is_told(file_server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    address = file_server.serve("/net", content(DATA))
    with pytest.raises(DownloadError, match=r"\(Not a directory\); free space .*, or set UGBENCH_CACHE\.$"):
        download(remote(address), tmp_path / "file" / "weights", elsewhere="set UGBENCH_CACHE")
    assert file_server.asked == []


def test_a_file_that_is_there_is_not_fetched_again(file_server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(DATA)
    download(remote(file_server.address("/net"), sha256=DIGEST[:8]), tmp_path)
    assert file_server.asked == []


def test_a_damaged_file_is_replaced_and_stays_until_then(file_server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(b"damaged")
    file = remote(file_server.address("/net"), sha256=DIGEST[:8])
    with pytest.raises(DownloadError, match="status 404"):
        download(file, tmp_path)
    assert (tmp_path / "net.pth").read_bytes() == b"damaged"
    file_server.serve("/net", content(DATA))
    assert download(file, tmp_path).read_bytes() == DATA


def test_what_a_killed_process_left_is_overwritten(file_server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(b"x" * 3 * len(DATA))
    file = remote(file_server.serve("/net", content(DATA)))
    assert download(file, tmp_path).read_bytes() == DATA
    assert not (tmp_path / "net.pth.part").exists()


def test_processes_at_the_same_time_fetch_a_file_once(file_server: FileServer, tmp_path: Path) -> None:
    file = remote(file_server.serve("/net", content(DATA)), sha256=DIGEST)
    code = f"from pathlib import Path; from ugbench.download import *; download({file!r}, Path({str(tmp_path)!r}))"
    processes = [subprocess.Popen([sys.executable, "-c", code], env=os.environ) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert file_server.asked == ["/net"]
    assert (tmp_path / "net.pth").read_bytes() == DATA


def test_a_file_on_the_disk_is_held_against_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(DATA)
    address = "https://example.org/net.pth"
    assert fault(path, remote(address)) is None
    assert fault(path, remote(address, len(DATA), DIGEST)) is None
    assert fault(path, remote(address, 9)) == "it has 10,240 bytes, and the published file has 9"
    other = "0" * 64
    assert fault(path, remote(address, sha256=other)) == (
        f"its SHA-256 is {DIGEST}, and that of the published file is {other}"
    )
    path.write_bytes(PAGE)
    assert fault(path, remote(address)) == "it is a web page"


@pytest.mark.parametrize(
    ("address", "name", "sha256"),
    [("file:///etc/passwd", "a", ""), ("https://a/b", "../b", ""), ("https://a/b", "", ""), ("https://a", "b", "XY")],
)
def test_what_no_published_file_has_is_refused(address: str, name: str, sha256: str) -> None:
    with pytest.raises(ValueError, match=r"address|plain name|SHA-256"):
        RemoteFile(address, name, None, sha256)
