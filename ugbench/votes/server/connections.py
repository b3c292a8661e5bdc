"""The connections of the voting page: how long one may wait, and how many may be open.

uvicorn closes a connection that is idle after an answer, but it waits for ever for the first request, and for the rest
of a request that has begun. Without limits, connections that send nothing would keep raters out.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0  # from the opening of a connection, or from the first byte, to the end of a request
ANSWER_SECONDS = 120.0  # to read an answer
MOST = 200  # open connections
MOST_PER_CLIENT = 100  # of one address; all raters behind a proxy on this machine have one
RESERVED = 48  # open files that the process needs for other things


class LimitedConnection(H11Protocol):
    """A connection that is closed when it keeps the server waiting, or when its place is needed.

    If there are too many connections, the one that has sent no complete request for the longest time is closed. So a
    new rater gets in, however many connections wait.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._since = 0.0
        self._waits: bool | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for the connection, and give it time for its first request."""
        super().connection_made(transport)
        self._watch()
        same_client = [other for other in self.connections if _address(other) == _address(self)]
        self._make_room(same_client, MOST_PER_CLIENT)
        self._make_room(list(self.connections), most_connections())

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Start the time limit for a request, or for its answer, when the connection begins to wait for it."""
        waits = self.cycle is None or self.cycle.response_complete or self.cycle.more_body
        if waits == self._waits:
            return
        self._waits, self._since = waits, self.loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(REQUEST_SECONDS if waits else ANSWER_SECONDS, self.transport.abort)

    def _make_room(self, connections: list[Any], most: int) -> None:
        if len(connections) > most:
            waiting = [other for other in connections if other is not self and other._waits]
            longest = min(waiting, key=lambda other: other._since, default=self)
            self.connections.discard(longest)
            longest.transport.abort()


def most_connections() -> int:
    """How many connections may be open: MOST, or fewer if this process may open few files."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows, where a process may have thousands of sockets
        return MOST
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if files == resource.RLIM_INFINITY else max(8, min(MOST, files - RESERVED))


def _address(connection: Any) -> str | None:
    return connection.client[0] if connection.client else None
