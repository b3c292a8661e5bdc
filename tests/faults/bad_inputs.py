"""Gives the program bad input of many kinds. Each must end in one sentence, soon, and change nothing else.

An input that was changed at random may still be good: a picture with another pixel, a log with another digit. So the
exit code 0 is accepted for those. Inputs that were made bad by hand say how they must end.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from one_sentence import faults_of
from processes import Ended, Server
from rooms import CACHE, Room, changes

TIMEOUT = 60  # seconds until a program is taken to hang
MORE_SECONDS = 2  # of the processor, beyond what good input takes
MORE_MEMORY = 500 << 20  # bytes, beyond what good input takes
MEMORY_LIMIT = 2 << 30  # bytes that the system gives to a program beyond those of the server

REFUSED = (1, 2)
ANY = (0, 1, 2)


@dataclass(frozen=True)
class Command:
    """A command that reads the input.

    Attributes:
        words: without `ugbench`; paths are relative to the working folder.
        writes: files and folders of the working folder that it may change.
        reports: it may end with 1 and a report on stdout that names the input, instead of an error.
    """

    name: str
    words: tuple[object, ...]
    writes: tuple[str, ...] = ()
    reports: bool = False


@dataclass(frozen=True)
class Case:
    """One bad input for one command.

    Attributes:
        kind: "images", "archives", "configs", "logs", "scores" or "checkpoints".
        name: what is bad.
        make: puts the input into the working folder.
        codes: the exit codes that are right.
    """

    kind: str
    name: str
    command: Command
    make: Callable[[Path], None]
    codes: tuple[int, ...] = ANY


@dataclass
class BadInputReport:
    """What became of the inputs.

    Attributes:
        tried, refused, accepted: how many, by kind.
        faults: what was wrong, with the kind, the input and the command.
        most_seconds, most_memory: the most that an input took beyond good input, in seconds of the processor and bytes.
    """

    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    most_seconds: float = 0
    most_memory: int = 0


def bad_input_campaign(cases: Iterable[Case], room: Room, server: Server) -> BadInputReport:
    """Try each case in a fresh copy of the room's template."""
    report = BadInputReport()
    good: dict[Command, Ended] = {}
    for case in cases:
        if case.command not in good:
            room.renew()
            good[case.command] = run(case.command, room, server)
            assert good[case.command].code == 0, f"{case.command.name} on good input: {good[case.command].err}"
        room.renew()
        case.make(room.work)
        written = (*case.command.writes, CACHE)
        before = room.around(written)
        ended = run(case.command, room, server)
        faults = faults_of(ended, case.codes, reported=case.command.reports)
        faults += [f"{path} changed" for path in changes(before, room.around(written))]
        seconds = ended.cpu_seconds - good[case.command].cpu_seconds
        memory = ended.peak_memory - good[case.command].peak_memory
        if seconds > MORE_SECONDS:
            faults.append(f"{seconds:.1f} s of the processor more than good input")
        if memory > MORE_MEMORY:
            faults.append(f"{memory >> 20} MiB more than good input")
        report.most_seconds, report.most_memory = max(seconds, report.most_seconds), max(memory, report.most_memory)
        report.tried[case.kind] += 1
        (report.refused if ended.code else report.accepted)[case.kind] += 1
        report.faults += [f"{case.kind}: {case.name}: {case.command.name}: {fault}" for fault in faults]
    return report


def run(command: Command, room: Room, server: Server) -> Ended:
    """Run a command in a room."""
    limits = {"timeout": TIMEOUT, "more_memory": MEMORY_LIMIT}
    return server.run(command.words, cwd=room.work, env=room.env(), **limits)


def drawn(
    number: int,
    draw: random.Random,
    by_hand: Iterator[Case],
    at_random: Callable[[random.Random], Case],
) -> Iterator[Case]:
    """`number` cases: those made by hand first, as many as fit, and then random ones."""
    for _ in range(number):
        yield next(by_hand, None) or at_random(random.Random(draw.random()))
