"""A room is renewed to exactly its template, whatever a program did in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from rooms import Room, changes, snapshot


@pytest.fixture
def room(tmp_path: Path) -> Room:
    made = Room(tmp_path / "room")
    (made.work / "data" / "inner").mkdir(parents=True)
    (made.work / "data" / "a").write_text("a")
    (made.work / "data" / "inner" / "b").write_text("b")
    (made.work / "link").symlink_to("data/a")
    made.keep_as_template()
    return made


def replace_folder_by_file(work: Path) -> None:
    (work / "data" / "inner" / "b").unlink()
    (work / "data" / "inner").rmdir()
    (work / "data" / "inner").write_text("now a file")


def replace_file_by_folder(work: Path) -> None:
    (work / "data" / "a").unlink()
    (work / "data" / "a" / "deep").mkdir(parents=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda work: (work / "data" / "a").write_text("b"),
        lambda work: (work / "data" / "inner" / "b").unlink(),
        lambda work: (work / "new").mkdir(),
        lambda work: (work / "link").unlink(),
        replace_folder_by_file,
        replace_file_by_folder,
    ],
)
def test_a_room_is_renewed(room: Room, change: Callable[[Path], object]) -> None:
    before = snapshot(room.work)
    change(room.work)
    assert changes(before, snapshot(room.work)) != []
    room.renew()
    assert changes(before, snapshot(room.work)) == []
    assert (room.work / "data" / "a").read_text() == "a"
