"""Hashes of files are remembered between calls, and never those of a content that a file no longer has."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ugbench.data import known_files
from ugbench.data.images import read_image
from ugbench.data.known_files import forget_folder, hash_files, images_hash, open_known_files
from ugbench.errors import DataError

Write = Callable[[Path, bytes], Path]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UGBENCH_CACHE", str(tmp_path / "cache"))
    known_files._warn.cache_clear()
    return tmp_path / "cache" / "files.sqlite"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file was written a minute ago, as far as the clock of the program says."""
    now = time.time_ns
    monkeypatch.setattr(known_files.time, "time_ns", lambda: now() + 60_000_000_000)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose content is read for a hash."""
    names: list[str] = []
    file_digest = hashlib.file_digest

    def counted(stream, algorithm):
        names.append(Path(stream.name).name)
        return file_digest(stream, algorithm)

    monkeypatch.setattr(known_files.hashlib, "file_digest", counted)
    return names


def write(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


@pytest.mark.usefixtures("later")
def test_a_file_is_read_once_for_all_calls(tmp_path: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write(tmp_path / "a", b"one"), write(tmp_path / "b", b"two")
    assert hash_files([first]) == [sha256(b"one")]
    assert hash_files([first, second]) == [sha256(b"one"), sha256(b"two")]
    monkeypatch.chdir(tmp_path)
    assert hash_files([Path("b"), Path("a")]) == [sha256(b"two"), sha256(b"one")]
    assert hashed == ["a", "b"]


def rewrite(file: Path) -> None:
    file.write_bytes(b"two")


def rewrite_with_the_old_time(file: Path) -> None:
    status = file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_by_a_file_with_the_old_time(file: Path) -> None:
    other = write(file.with_name("other"), b"two")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("change", [rewrite, rewrite_with_the_old_time, replace_by_a_file_with_the_old_time])
def test_a_file_that_changed_is_read_again_however_it_was_changed(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    file = write(tmp_path / "a", b"one")
    assert hash_files([file]) == [sha256(b"one")]
    change(file)
    assert hash_files([file]) == [sha256(b"two")]


def test_nothing_is_remembered_of_a_file_that_changed_just_before(
    tmp_path: Path, hashed: list[str], store: Path
) -> None:
    file = write(tmp_path / "a", b"one")
    assert hash_files([file]) == hash_files([file]) == [sha256(b"one")]
    assert hashed == ["a", "a"]
    rows = sqlite3.connect(store).execute("SELECT count(*) FROM files").fetchone()
    assert rows == (0,)


@pytest.mark.usefixtures("later")
def test_nothing_is_remembered_of_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, file_digest = write(tmp_path / "a", b"one"), hashlib.file_digest

    def digest(stream, algorithm):
        result = file_digest(stream, algorithm)
        file.write_bytes(b"two")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(known_files.hashlib, "file_digest", digest)
        hash_files([file])
    assert hash_files([file]) == [sha256(b"two")]


@pytest.mark.usefixtures("later")
def test_an_image_that_was_read_is_not_decoded_again_by_the_same_reader(
    tmp_path: Path, shade: Callable[..., None], hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, bad = tmp_path / "a.png", write(tmp_path / "b.png", b"no image")
    shade(file, 7)
    read: list[str] = []

    def reader(path: Path) -> bool:
        read.append(path.name)
        read_image(path)
        return True

    def check() -> None:
        with open_known_files() as known:
            assert known.is_narrow(file, reader)
            with pytest.raises(DataError, match=r"b\.png: not a readable image"):
                known.is_narrow(bad, reader)

    check()
    check()
    assert read == ["a.png", "b.png", "b.png"]
    hash_files([file])
    check()
    assert read.count("a.png") == 1, "a hash that is added leaves what was known"
    monkeypatch.setattr(known_files, "_reader", lambda: "another version")
    check()
    assert read.count("a.png") == 2
    hash_files([file])
    assert hashed == ["a.png"], "nor does a new reader change the hash"


@pytest.mark.usefixtures("later")
def test_what_was_learnt_before_an_error_is_kept(tmp_path: Path, hashed: list[str]) -> None:
    file = write(tmp_path / "a", b"one")
    with pytest.raises(DataError, match=r"gone: cannot be read \(No such file or directory\)"):
        hash_files([file, tmp_path / "gone"])
    hash_files([file])
    assert hashed == ["a"]


def a_file_in_place_of_the_folder(store: Path) -> None:
    store.parent.write_bytes(b"")


def a_damaged_file(store: Path) -> None:
    store.parent.mkdir()
    store.write_bytes(b"no database" * 100)


def a_table_of_something_else(store: Path) -> None:
    store.parent.mkdir()
    with sqlite3.connect(store) as connection:
        connection.execute("CREATE TABLE files (name TEXT)")


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("harm", [a_file_in_place_of_the_folder, a_damaged_file, a_table_of_something_else])
def test_where_nothing_can_be_remembered_hashes_are_right_and_one_line_says_so(
    tmp_path: Path, store: Path, caplog: pytest.LogCaptureFixture, harm: Callable[[Path], None]
) -> None:
    harm(store)
    file = write(tmp_path / "a", b"one")
    assert hash_files([file]) == hash_files([file]) == [sha256(b"one")]
    (line,) = caplog.messages
    assert line.startswith(f"{store} cannot be used (")
    assert line.endswith("): files are read again in each call.")


@pytest.mark.usefixtures("later")
def test_what_cannot_be_stored_costs_a_line_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(known_files, "PATIENCE", 0.01)
    file, store = write(tmp_path / "a", b"one"), known_files.cache_folder() / known_files.FILE
    hash_files([])
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert hash_files([file]) == [sha256(b"one")]
    assert [line.partition("(")[2] for line in caplog.messages] == [
        "database is locked): files are read again in each call."
    ]
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.usefixtures("later")
def test_a_name_that_is_not_utf_8_is_remembered(tmp_path: Path, hashed: list[str]) -> None:
    file = write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")), b"one")
    assert hash_files([file]) == hash_files([file]) == [sha256(b"one")]
    assert len(hashed) == 1


def test_the_hash_of_a_set_of_images_is_of_stems_and_contents_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first, second = write(tmp_path / "b.png", b"one"), write(tmp_path / "a.png", b"two")
    expected = sha256(f"a\0{sha256(b'two')}\nb\0{sha256(b'one')}\n".encode())
    assert images_hash([first, second]) == images_hash([second, first]) == expected
    assert images_hash([write(tmp_path / "other" / "b.jpg", b"one"), second]) == expected
    assert images_hash([first]) != expected
    assert images_hash([write(tmp_path / "c.png", b"one"), second]) != expected
    assert images_hash([write(tmp_path / "b.png", b"three"), second]) != expected


@pytest.mark.usefixtures("later")
def test_nothing_is_known_of_a_folder_that_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "ab").mkdir()
    inside, beside = write(tmp_path / "a" / "1.png", b"one"), write(tmp_path / "ab" / "2.png", b"two")
    hash_files([inside, beside])
    forget_folder(tmp_path / "a")
    with open_known_files() as known:
        assert known.connection is not None
        paths = [os.fsdecode(path) for (path,) in known.connection.execute("SELECT path FROM files")]
    assert paths == [str(beside)]
