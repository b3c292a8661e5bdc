"""A checkpoint's manifest notices any change of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ugbench.errors import RunError
from ugbench.runs.manifest import FileRecord, Manifest, read_manifest, write_manifest

MANIFEST = Manifest(30, {"method.safetensors": FileRecord(12, "ab" * 32)}, {"threads": 1, "instruction_set": "AVX2"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a checkpoint of step 30, with its manifest."""
    path = tmp_path / "30"
    path.mkdir()
    write_manifest(path, MANIFEST)
    return path


def test_what_is_written_is_what_is_read(folder: Path) -> None:
    assert read_manifest(folder) == MANIFEST


def test_every_flipped_bit_is_noticed(folder: Path) -> None:
    file = folder / "manifest.json"
    content = file.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            file.write_bytes(damaged)
            with pytest.raises(RunError, match=r"manifest\.json is missing or damaged"):
                read_manifest(folder)


def test_every_cut_is_noticed(folder: Path) -> None:
    file = folder / "manifest.json"
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(RunError, match=r"manifest\.json is missing or damaged"):
            read_manifest(folder)


def test_the_manifest_of_another_step_is_refused(folder: Path) -> None:
    with pytest.raises(RunError, match="missing or damaged"):
        read_manifest(folder.rename(folder.with_name("31")))


def rewrite_as_before(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Write a manifest without a SHA-256 of itself, as older versions did."""
    file = folder / "manifest.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["sha256"]
    change(content)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def test_a_manifest_of_an_older_version_is_read(folder: Path) -> None:
    rewrite_as_before(folder, lambda content: content)
    assert read_manifest(folder) == MANIFEST


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(step=31),
        lambda content: content.update(files={"method.safetensors": {"size": 12}}),
        lambda content: content.update(files=["method.safetensors"]),
        lambda content: content.update(notes=None),
        lambda content: content.update(more=1),
        lambda content: content.pop("notes"),
    ],
)
def test_a_manifest_with_other_fields_than_it_has_is_refused(
    folder: Path, change: Callable[[dict[str, object]], object]
) -> None:
    rewrite_as_before(folder, change)
    with pytest.raises(RunError, match="missing or damaged"):
        read_manifest(folder)
