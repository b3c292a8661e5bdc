"""Bad checkpoints of others for `ugbench import`, and bad weights in a run of one's own."""

from __future__ import annotations

import os
import random
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from bad_inputs import ANY, REFUSED, Case, Command, drawn
from good_inputs import EXPORTED, PHOTOS, run_of
from mutations import mutate

GOOD = {
    "foreign/ugatit_params_0000003.pt": "ugatit",
    "foreign/gen_00000003.pt": "unit",
    "foreign/cyclegan/3_net_G_A.pth": "cyclegan",
    "foreign/cut/latest_net_G.pth": "cut",
    "foreign/tf/m.index": "ugatit",
    "foreign/tf/m.data-00000-of-00001": "ugatit",
    EXPORTED: "cyclegan",
}
"""Files of checkpoints, and the methods that they belong to."""
RUN_FILES = ("generators.safetensors",)


def commands(work: Path) -> dict[str, Command]:
    """For each file the command that reads it."""
    run = run_of(work, "cyclegan")
    words = ("translate", run, "--input", f"{PHOTOS}/testA", "--output", "out", "--device", "cpu")
    reading = {f"{run}/{file}": Command("translate", words, ("out",)) for file in RUN_FILES}
    for file, method in GOOD.items():
        parent = Path(file).parent
        path = parent / "m.index" if parent.name == "tf" else file if parent.name in ("foreign", "") else parent
        words = ("import", path, "--as", method, "--name", "bad", "--device", "cpu")
        # The size of a light model is not in its tensors.
        sets = ("--set", "size=32") if file.endswith("ugatit_params_0000003.pt") else ()
        one_way = ("--direction", "A2B") if method == "cut" else ()
        reading[file] = Command(f"import --as {method}", (*words, *sets, *one_way), ("results/imported",))
    return reading


def bad_checkpoints(number: int, draw: random.Random, work: Path) -> Iterator[Case]:
    """Cases of bad checkpoints; `work` is a working folder with good input."""
    reading = commands(work)

    def case(name: str, file: str, make: Callable[[Path], object], codes: tuple[int, ...]) -> Case:
        return Case("checkpoints", f"{file}: {name}", reading[file], lambda room: make(room / file) and None, codes)

    def by_hand() -> Iterator[Case]:
        for name, make in BY_HAND_TORCH.items():
            yield case(name, "foreign/ugatit_params_0000003.pt", make, REFUSED)
        for name, make in BY_HAND_SAFETENSORS.items():
            for file in (EXPORTED, *(file for file in reading if file.endswith(RUN_FILES))):
                yield case(name, file, make, REFUSED)
        for name, make in BY_HAND_BUNDLE.items():
            yield case(name, "foreign/tf/m.index", make, REFUSED)
        for name, make in SPECIAL.items():
            for file in reading:
                yield case(name, file, make, REFUSED)

    def at_random(own: random.Random) -> Case:
        file = own.choice(list(reading))
        content, done = mutate((work / file).read_bytes(), own)
        return case(done, file, lambda path: path.write_bytes(content), ANY)

    return drawn(number, draw, by_hand(), at_random)


class Runs:
    """Pickled, this runs a command when it is read carelessly."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch ../outside/ran",)


def saved(content: Callable[[], object], **options: Any) -> Callable[[Path], object]:
    """Replaces the file by what torch saves of this content."""
    return lambda file: torch.save(content(), file, **options)


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Saves the file's networks with a change."""

    def make(file: Path) -> None:
        networks = torch.load(file, weights_only=True)
        change(networks)
        torch.save(networks, file)

    return make


def in_every_tensor(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], object]:
    """Saves the file's networks with another tensor for each."""

    def change_all(networks: dict[str, Any]) -> None:
        for network in networks.values():
            network.update({name: change(tensor) for name, tensor in network.items()})

    return changed(change_all)


def lying_zip(file: Path) -> None:
    """torch's zip with a pickle that names a storage of 1e12 numbers."""
    content = file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert content
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            # BININT and its four bytes: every size of a storage or a tensor.
            archive.writestr(name, part.replace(b"K\x04", b"J\xff\xff\xff\x7f") if name.endswith("data.pkl") else part)


def header(text: str, length: int | None = None) -> Callable[[Path], object]:
    """Replaces a safetensors file by one with this header."""
    size = len(text.encode()) if length is None else length
    return lambda file: file.write_bytes(struct.pack("<Q", size) + text.encode() + bytes(64))


def long_varint(file: Path) -> None:
    """An index whose block starts with a number of 300,000 bytes."""
    content = file.read_bytes()
    file.write_bytes(b"\xff" * 300_000 + content[:-48] + content[-48:])


def footer(place: bytes) -> Callable[[Path], object]:
    """An index whose footer has this in place of its positions."""
    return lambda file: file.write_bytes(file.read_bytes()[:-48] + place.ljust(40, b"\0")[:40] + file.read_bytes()[-8:])


def replaced(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Removes the file before another thing takes its name."""

    def replace(file: Path) -> None:
        file.unlink()
        make(file)

    return replace


TENSOR = '{"dtype":"F32","shape":[%s],"data_offsets":[0,%s]}'
SPECIAL: dict[str, Callable[[Path], object]] = {
    "an empty file": lambda file: file.write_bytes(b""),
    "a pipe": replaced(os.mkfifo),
    "a link to /dev/zero": replaced(lambda file: file.symlink_to("/dev/zero")),
    "missing": Path.unlink,
    "a text": lambda file: file.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
}
BY_HAND_TORCH: dict[str, Callable[[Path], object]] = {
    "an object that runs a command": saved(lambda: {"genA2B": Runs()}),
    "an object that runs a command, in the old format": saved(
        lambda: {"genA2B": Runs()}, _use_new_zipfile_serialization=False
    ),
    "a whole network": saved(lambda: torch.nn.Linear(2, 2)),
    "a list": saved(lambda: [torch.zeros(2)]),
    "a number": saved(lambda: 3),
    "nothing": saved(dict),
    "numbers as names": saved(lambda: {1: {"a": torch.zeros(1)}}),
    "a network within networks": saved(lambda: {"genA2B": {"a": {"b": {"c": torch.zeros(1)}}}}),
    "texts for tensors": saved(lambda: {"genA2B": {"FC.0.weight": "x"}}),
    "one tensor": saved(lambda: {"genA2B": {"x": torch.zeros(1)}}),
    "a network missing": changed(lambda networks: networks.pop("genB2A")),
    "a tensor missing": changed(lambda networks: networks["genA2B"].popitem()),
    "a tensor too many": changed(lambda networks: networks["genA2B"].update(more=torch.zeros(3))),
    "tensors without axes": in_every_tensor(lambda tensor: tensor.sum()),
    "tensors without elements": in_every_tensor(lambda tensor: tensor[:0]),
    "tensors on no device": in_every_tensor(lambda tensor: tensor.to("meta")),
    "sparse tensors": in_every_tensor(lambda tensor: tensor.to_sparse()),
    "complex tensors": in_every_tensor(lambda tensor: tensor.to(torch.complex64)),
    "tensors that are NaN": in_every_tensor(lambda tensor: tensor * float("nan")),
    "tensors that are infinite": in_every_tensor(lambda tensor: tensor * float("inf")),
    "sizes that are not there": lying_zip,
    "a zip of other files": lambda file: (
        shutil.make_archive(str(file), "zip", file.parent / "tf") and shutil.move(f"{file}.zip", file)
    ),
}
BY_HAND_SAFETENSORS: dict[str, Callable[[Path], object]] = {
    "a header of 2^63 bytes": header("{}", 2**63 - 1),
    "a header that is longer than the file": header("{}", 10_000),
    "an empty header": header("{}"),
    "a header that is no object": header("[1]"),
    "a header that is nested": header("[" * 100_000),
    "a tensor beyond the end": header('{"a":' + TENSOR % ("1000000", "4000000") + "}"),
    "a tensor of 1e18 numbers": header('{"a":' + TENSOR % ("1000000000,1000000000", "64") + "}"),
    "a tensor of an unknown type": header('{"a":' + TENSOR.replace("F32", "F99") % ("16", "64") + "}"),
    "another tensor": header('{"a":' + TENSOR % ("16", "64") + "}"),
    "a description that is no JSON": header(
        '{"__metadata__":{"ugbench":"{","step":"x"},"a":' + TENSOR % ("16", "64") + "}"
    ),
    "a description of another kind": header(
        '{"__metadata__":{"ugbench":"[1]","step":"1e9"},"a":' + TENSOR % ("16", "64") + "}"
    ),
}
BY_HAND_BUNDLE: dict[str, Callable[[Path], object]] = {
    "a number of 300,000 bytes": long_varint,
    "positions of 300,000 bytes": footer(b"\xff" * 40),
    "positions beyond the end": footer(b"\xff\xff\xff\xff\x7f\x08\xff\xff\xff\xff\x7f\x08"),
    "positions of nothing": footer(b""),
    "only a footer": lambda file: file.write_bytes(file.read_bytes()[-48:]),
    "zeros and a footer": lambda file: file.write_bytes(bytes(10_000) + file.read_bytes()[-48:]),
}
