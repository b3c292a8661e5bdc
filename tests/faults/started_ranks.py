"""Starts a command as several processes that work together, the ranks, as torchrun does, and reads how they ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from processes import PLAIN, Ended, Process, Server

SOON = 40.0  # seconds in which all ranks must have ended


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def place_of(rank: int, count: int, port: int) -> dict[str, str]:
    """What the launcher says to a rank in environment variables."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    return {**place, "RANK": str(rank)}


def start(server: Server, words: Sequence[object], count: int = 2) -> list[Process]:
    """Start `ugbench WORDS` as so many ranks."""
    port = free_port()
    return [server.start(words, env=place_of(rank, count, port)) for rank in range(count)]


def end(ranks: Sequence[Process]) -> list[Ended]:
    return [rank.wait(SOON) for rank in ranks]


def errors_of(ended: Sequence[Ended]) -> list[str]:
    """The lines of all ranks that say an error; a traceback is none, and fails the test."""
    text = "".join(each.err for each in ended)
    assert "Traceback" not in text, text
    return [line for line in text.splitlines() if line.startswith("error:")]


def codes_of(ended: Sequence[Ended]) -> list[int]:
    return [each.code for each in ended]


def plain_environment() -> dict[str, str]:
    """The environment without settings of ugbench, for a program that is started in a process of its own."""
    return {name: text for name, text in os.environ.items() if not name.startswith("UGBENCH_")} | PLAIN


def start_torchrun(
    words: Sequence[object], cwd: Path, *options: str, more: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start `torchrun --nproc-per-node 2 OPTIONS -m ugbench WORDS`."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *options]
    command += ["-m", "ugbench", *map(str, words)]
    environment = plain_environment() | dict(more or {})
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=cwd)


def child_with_rank(parent: int, rank: int) -> int:
    """The process of a rank among the children of torchrun."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    named = f"RANK={rank}".encode()
    (child,) = [pid for pid in children if named in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")]
    return int(child)
