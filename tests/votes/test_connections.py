"""Connections that send nothing, or send slowly, keep no rater out."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from ugbench.votes.server import connections


def connect(url: str, sent: bytes = b"") -> socket.socket:
    where = urlsplit(url)
    connection = socket.create_connection((where.hostname, where.port), timeout=30)
    connection.sendall(sent)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Waits until the server closes the connection, at most 30 s."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.fixture
def idle(served: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """More connections than may be open, of which none has sent a whole request, or is closed for its slowness."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 600.0)
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(connect(served.url, b"GET / HTTP/1.1\r\nHost: x\r\n" if k % 2 else b"")))
            for k in range(260)
        ]


def test_raters_vote_while_260_connections_wait(served: Any, idle: list[socket.socket]) -> None:
    rater = served.rater()
    assert rater.enter().status == 303
    assert [rater.vote().status for _ in range(6)] == [303] * 6
    assert is_closed(idle[0]) and is_closed(idle[1])


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"POST /rater HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nname=",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n",
    ],
)
def test_a_request_that_does_not_end_is_closed(served: Any, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.3)
    with closing(connect(served.url, sent)) as connection:
        received = b"".join(iter(lambda: connection.recv(4096), b""))  # ends when the server closes the connection
    # A whole head of a request is answered (without a key it is refused at once), and one that does not end is not.
    assert received.count(b"HTTP/1.1 ") == sent.count(b"\r\n\r\n")


def test_few_open_files_mean_few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    for files, most in ((256, 200), (64, 16), (20, 8), (resource.RLIM_INFINITY, 200), (1024, 200)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, files=files: (files, files))
        assert connections.most_connections() == most
