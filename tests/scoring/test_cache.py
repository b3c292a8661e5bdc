import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ugbench.scoring import cache as store
from ugbench.scoring.cache import Cache, Features, Space, default_folder

SPACE = Space("net", "0" * 64, "64 px", 3, "256x256 bilinear")


def image(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def rows(*numbers: int) -> dict[bytes, Features]:
    return {image(n): np.array([n, n + 0.5, -n], dtype=np.float32) for n in numbers}


def everything(cache: Cache, space: Space = SPACE) -> dict[bytes, Features]:
    found: dict[bytes, Features] = {}
    for shard in set(store.index(cache, space).values()):
        found |= store.read(cache, space, shard)
    return found


def same(found: dict[bytes, Features], wanted: dict[bytes, Features]) -> bool:
    return found.keys() == wanted.keys() and all(np.array_equal(found[key], wanted[key]) for key in wanted)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    def say(text: str) -> None:
        raise AssertionError(f"nothing was to be said: {text}")

    return Cache(tmp_path / "not" / "there" / "yet", say)


def test_what_is_written_is_read_to_the_bit_from_any_number_of_shards(cache: Cache) -> None:
    assert store.index(cache, SPACE) == {}
    store.write(cache, SPACE, rows(1, 2))
    store.write(cache, SPACE, rows(3))
    store.write(cache, SPACE, {})
    assert len(set(store.index(cache, SPACE).values())) == 2
    assert same(everything(cache), rows(1, 2, 3))


def test_one_set_of_images_is_one_file_however_often_it_is_written(cache: Cache) -> None:
    for _ in range(3):
        store.write(cache, SPACE, rows(1, 2))
    files = [path for path in cache.folder.rglob("*") if path.is_file()]
    assert len(files) == 1 and files[0].suffix == ".safetensors"


@pytest.mark.parametrize(
    "other",
    [
        Space("other", "0" * 64, "64 px", 3, "256x256 bilinear"),
        Space("net", "1" * 64, "64 px", 3, "256x256 bilinear"),
        Space("net", "0" * 64, "65 px", 3, "256x256 bilinear"),
        Space("net", "0" * 64, "64 px", 3, ""),
        Space("net", "0" * 64, "64 px", 3, "128x128 bilinear"),
        Space("net", "0" * 64, "64 px", 3, "256x256 bilinear", "bfloat16"),
    ],
    ids=["extractor", "weights", "transform", "as they are", "size", "precision"],
)
def test_another_extractor_weights_transform_size_or_precision_is_another_space(cache: Cache, other: Space) -> None:
    store.write(cache, SPACE, rows(1))
    assert store.index(cache, other) == {}
    assert other.name() != SPACE.name()


def test_a_shard_in_the_folder_of_another_space_is_not_believed(tmp_path: Path) -> None:
    said: list[str] = []
    cache, other = Cache(tmp_path, said.append), Space("net", "1" * 64, "64 px", 3, "256x256 bilinear")
    store.write(cache, SPACE, rows(1))
    (tmp_path / SPACE.name()).rename(tmp_path / other.name())
    assert everything(cache, other) == {}
    assert len(said) == 1 and "damaged" in said[0]


def cut(content: bytes) -> bytes:
    return content[:-5]


def flipped(content: bytes) -> bytes:
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]


@pytest.mark.parametrize("damage", [cut, flipped, lambda _: b"", lambda _: b"nothing of the kind"])
def test_a_damaged_shard_is_a_miss_that_is_said_and_removed(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    said: list[str] = []
    cache = Cache(tmp_path, said.append)
    store.write(cache, SPACE, rows(1, 2))
    store.write(cache, SPACE, rows(3))
    bad = store.index(cache, SPACE)[image(1)]
    bad.write_bytes(damage(bad.read_bytes()))
    assert same(everything(cache), rows(3))
    assert len(said) == 1 and str(bad) in said[0] and "damaged" in said[0]
    assert not bad.exists()
    assert same(everything(cache), rows(3)) and len(said) == 1


def test_a_byte_turned_anywhere_never_brings_a_wrong_feature(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    store.write(cache, SPACE, rows(1, 2))
    shard = store.index(cache, SPACE)[image(1)]
    whole = shard.read_bytes()
    caught = 0
    for at in range(len(whole)):
        shard.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = everything(cache)
        caught += found == {}
        assert found == {} or same(found, rows(1, 2))
    assert caught > 0.5 * len(whole)


def test_a_shard_that_is_deleted_between_index_and_reading_is_a_silent_miss(cache: Cache) -> None:
    store.write(cache, SPACE, rows(1))
    shard = store.index(cache, SPACE)[image(1)]
    shard.unlink()
    assert store.read(cache, SPACE, shard) == {}


def test_a_folder_that_takes_no_file_is_said_and_costs_nothing_else(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "file").write_text("not a folder")
    cache = Cache(tmp_path / "file", said.append)
    store.write(cache, SPACE, rows(1))
    assert len(said) == 1 and "could not be written" in said[0]
    assert store.index(cache, SPACE) == {}


WRITER = """
import sys
from pathlib import Path
from tests_rows import rows, SPACE
from ugbench.scoring import cache as store

def say(text):
    raise SystemExit(text)

cache = store.Cache(Path(sys.argv[1]), say)
me = int(sys.argv[2])
for start in range(0, 60, 10):
    store.write(cache, SPACE, rows(*range(start, start + 10)))                    # all write these
    store.write(cache, SPACE, rows(*range(1000 * me + start, 1000 * me + start + 10)))
    for shard in set(store.index(cache, SPACE).values()):
        for key, row in store.read(cache, SPACE, shard).items():
            assert row[1] == row[0] + 0.5 and row[2] == -row[0], row
"""


def test_eight_processes_write_and_read_at_once_and_nothing_is_lost_or_damaged(tmp_path: Path) -> None:
    (tmp_path / "tests_rows.py").write_text(
        "import hashlib\n"
        "import numpy as np\n"
        "from ugbench.scoring.cache import Space\n"
        f"SPACE = {SPACE!r}\n"
        "def rows(*ns):\n"
        "    return {hashlib.sha256(b'%d' % n).digest(): np.array([n, n + 0.5, -n], np.float32) for n in ns}\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "cache"), str(number)],
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(1, 9)
    ]
    errors = [writer.communicate(timeout=120)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 8, errors
    numbers = [*range(60), *(1000 * me + n for me in range(1, 9) for n in range(60))]
    assert same(everything(Cache(tmp_path / "cache")), rows(*numbers))
    files = [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]
    assert len(files) == 6 + 8 * 6 and {file.suffix for file in files} == {".safetensors"}


def test_the_default_folder_is_the_variables_or_under_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("UGBENCH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache/ugbench/features"
    monkeypatch.setenv("UGBENCH_CACHE", str(tmp_path / "own"))
    assert default_folder() == tmp_path / "own"
