"""Starts the program many times, cheaply (see `fork_server.py`), and kills it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PLAIN = {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200", "PYTHONPATH": str(HERE)}


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code, or minus the number of the signal that ended it.
        seconds, cpu_seconds: from start to end, and of the processor.
        peak_memory: in bytes, with what it shares with the server.
    """

    code: int
    out: str
    err: str
    seconds: float
    cpu_seconds: float
    peak_memory: int


class Server:
    """A running fork server."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        """`folder` takes what the programs print."""
        self._process, self._folder, self._started = process, folder, 0
        self.pid = self._read()["ready"]

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the fork server has ended; its own error is above"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def start(
        self,
        words: Sequence[object],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        sabotage: str | None = None,
        largest_file: int | None = None,
        more_memory: int | None = None,
    ) -> Process:
        """Start `ugbench WORDS` and return at once.

        Args:
            cwd: the working folder; by default the folder of the server's files.
            sabotage: a name in `sabotage.SABOTAGES`.
            largest_file: bytes that a file can have before the system refuses more.
            more_memory: bytes that it can have beyond those of the server.
        """
        self._started += 1
        out, err = (self._folder / f"{self._started}.{name}" for name in ("out", "err"))
        request = {
            "start": [str(word) for word in words],
            "stdout": str(out),
            "stderr": str(err),
            "cwd": str(cwd or self._folder),
            "env": dict(env or {}),
            "sabotage": sabotage,
            "largest_file": largest_file,
            "more_memory": more_memory,
        }
        return Process(self, self.ask(request)["pid"], out, err)

    def run(self, words: Sequence[object], timeout: float = 600, **options: Any) -> Ended:
        """Run `ugbench WORDS` to its end; after `timeout` seconds it is killed (code -9)."""
        return self.start(words, **options).wait(timeout)


class Process:
    """A started program."""

    def __init__(self, server: Server, pid: int, out: Path, err: Path) -> None:
        self.pid, self._server, self._out, self._err = pid, server, out, err
        self._since = time.monotonic()
        self._ended: Ended | None = None

    def poll(self) -> Ended | None:
        """How it ended; None while it runs."""
        return self._ended or self._note(self._server.ask({"poll": self.pid}))

    def wait(self, timeout: float = 600) -> Ended:
        """Wait for its end; after `timeout` seconds it is killed."""
        until = self._since + timeout
        while (ended := self.poll()) is None:
            if time.monotonic() > until:
                return self.kill()
            time.sleep(0.005)
        return ended

    def kill(self) -> Ended:
        """Send SIGKILL and wait for the end, which a process that was faster may have reached by itself."""
        if self._ended is None:  # the server has not waited for it, so its number is not given to another process
            os.kill(self.pid, signal.SIGKILL)
            self._note(self._server.ask({"wait": self.pid}))
        assert self._ended is not None
        return self._ended

    def printed(self) -> str:
        """What it has printed to stderr so far."""
        return self._err.read_text(encoding="utf-8", errors="replace") if self._err.exists() else ""

    def _note(self, answer: Mapping[str, Any]) -> Ended | None:
        if answer["code"] is None:
            return None
        out, err = (
            file.read_bytes().decode(errors="replace") if file.exists() else "" for file in (self._out, self._err)
        )
        seconds = time.monotonic() - self._since
        self._ended = Ended(answer["code"], out, err, seconds, answer["cpu_seconds"], answer["peak_memory"])
        for file in (self._out, self._err):
            file.unlink(missing_ok=True)
        return self._ended


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A fork server that keeps what its programs print in `folder` until they have ended."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "fork_server"]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("UGBENCH_")} | PLAIN
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    try:
        yield Server(process, folder)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
