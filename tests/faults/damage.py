"""Damages a checkpoint as disks, copies and people do, and looks whether `checkpoint.load` notices it."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ugbench.errors import RunError
from ugbench.runs import checkpoint

FILES = ("manifest.json", "method.safetensors", "optimizer.safetensors")
HEADER = 256  # bytes at the start of a file that hold its description


@dataclass
class DamageReport:
    """How many damaged checkpoints were tried and refused, by kind of damage.

    Attributes:
        missed: what was done to each damaged checkpoint that was loaded, or that ended in another error than RunError.
        undamaged: how many undamaged checkpoints were loaded between them.
    """

    tried: Counter[str] = field(default_factory=Counter)
    detected: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    undamaged: int = 0


@dataclass(frozen=True)
class Checkpoints:
    """Two checkpoints of one run, and one of another run at the step of the first."""

    folder: Path
    other_step: Path
    other_run: Path


def flip(checkpoints: Checkpoints, draw: random.Random) -> str:
    """One bit is another, in any file; every second time within the first bytes."""
    file = checkpoints.folder / draw.choice(FILES)
    content = bytearray(file.read_bytes())
    place = draw.randrange(min(len(content), draw.choice((HEADER, len(content)))))
    content[place] ^= 1 << (bit := draw.randrange(8))
    file.write_bytes(content)
    return f"bit {bit} of byte {place} of {file.name}"


def cut(checkpoints: Checkpoints, draw: random.Random) -> str:
    """A file ends early; sometimes only its last byte is missing, sometimes everything."""
    file = checkpoints.folder / draw.choice(FILES)
    content = file.read_bytes()
    length = draw.choice((0, len(content) - 1, draw.randrange(len(content))))
    file.write_bytes(content[:length])
    return f"{file.name} cut from {len(content)} to {length} bytes"


def lose(checkpoints: Checkpoints, draw: random.Random) -> str:
    """A file is missing, or a folder has its name."""
    file = checkpoints.folder / draw.choice(FILES)
    file.unlink()
    if draw.random() < 0.5:
        return f"{file.name} is missing"
    file.mkdir()
    return f"{file.name} is a folder"


def blank(checkpoints: Checkpoints, draw: random.Random) -> str:
    """A block of a file is zeros, as after a crash of the system."""
    file = checkpoints.folder / draw.choice(FILES)
    content = file.read_bytes()
    start = draw.randrange(len(content))
    blanked = content[:start] + bytes(len(content[start : start + 512])) + content[start + 512 :]
    file.write_bytes(blanked if blanked != content else bytes(len(content)))
    return f"{file.name} is zero from byte {start}"


def grow(checkpoints: Checkpoints, draw: random.Random) -> str:
    """A file has more bytes than it had."""
    file = checkpoints.folder / draw.choice(FILES)
    file.write_bytes(file.read_bytes() + draw.randbytes(draw.choice((1, 4096))))
    return f"{file.name} is longer"


def exchange(checkpoints: Checkpoints, draw: random.Random) -> str:
    """A file of another checkpoint lies in a file's place, or two files have each other's names."""
    folder = checkpoints.folder
    file = folder / draw.choice(FILES)
    source = draw.choice((checkpoints.other_step, checkpoints.other_run, folder))
    if source != folder:
        shutil.copy(source / file.name, file)
        return f"{file.name} of {source.parent.name}/{source.name}"
    other = folder / draw.choice([name for name in FILES if name != file.name])
    aside = folder / "aside"
    file.rename(aside)
    other.rename(file)
    aside.rename(other)
    return f"{file.name} and {other.name} have each other's names"


def rename(checkpoints: Checkpoints, _draw: random.Random) -> str:
    """The folder's name says another step."""
    shutil.rmtree(checkpoints.folder)
    shutil.copytree(checkpoints.other_step, checkpoints.folder)
    return f"checkpoint {checkpoints.other_step.name} under the name {checkpoints.folder.name}"


KINDS: dict[str, tuple[Callable[[Checkpoints, random.Random], str], int]] = {
    "a flipped bit": (flip, 50),
    "a file cut short": (cut, 20),
    "a file missing": (lose, 6),
    "a block of zeros": (blank, 10),
    "a file grown": (grow, 5),
    "files exchanged": (exchange, 8),
    "a folder renamed": (rename, 1),
}
"""What is done, and its share in percent."""


def damages(number: int, seed: int = 0) -> Iterator[tuple[str, Callable[[Checkpoints], str]]]:
    """The kind and the function of each of `number` damages, drawn with a seed."""
    draw = random.Random(seed)
    weights = [share for _, share in KINDS.values()]
    for kind in draw.choices(list(KINDS), weights, k=number):
        own = random.Random(draw.random())
        yield kind, lambda checkpoints, kind=kind, own=own: KINDS[kind][0](checkpoints, own)  # type: ignore[misc]


def damage_campaign(originals: Checkpoints, number: int, folder: Path, seed: int = 0) -> DamageReport:
    """Copy the first checkpoint, damage the copy and load it, `number` times; load an undamaged copy every tenth time.

    Args:
        folder: where the copies are made.
    """
    report = DamageReport()
    copy = folder / originals.folder.name
    for place, (kind, damage) in enumerate(damages(number, seed)):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(originals.folder, copy)
        if place % 10 == 0:
            checkpoint.load(copy)
            report.undamaged += 1
        done = damage(Checkpoints(copy, originals.other_step, originals.other_run))
        report.tried[kind] += 1
        try:
            checkpoint.load(copy)
            report.missed.append(f"{done}: loaded")
        except RunError as error:
            assert str(copy) in str(error), f"{done}: the folder is not named: {error}"
            report.detected[kind] += 1
        except Exception as error:  # a damage that the program does not expect is what is looked for
            report.missed.append(f"{done}: {type(error).__name__}: {error}")
    shutil.rmtree(copy, ignore_errors=True)
    return report
