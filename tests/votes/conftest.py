"""A study of two candidates, served from this process, and a rater that speaks HTTP to any server."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import uvicorn

from ugbench.data.datasets import open_dataset
from ugbench.runs.run import list_runs
from ugbench.votes.server.app import Questionnaire, make_app
from ugbench.votes.server.connections import LimitedConnection
from ugbench.votes.server.links import make_links
from ugbench.votes.server.pictures import PollPictures, prepare_pictures
from ugbench.votes.store import VoteStore

QUESTION = "Which one?"
RATERS = 40


@dataclass(frozen=True)
class Reply:
    """All that came back of one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Rater:
    """A browser without a screen: keeps its cookie, sends its origin, follows nothing."""

    url: str
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def request(self, path: str, form: dict[str, str] | None = None, **headers: str | None) -> Reply:
        """`headers` stand in place of its own; None leaves one out."""
        where = urlsplit(self.url)
        # Closed also where the server is killed while it answers.
        with closing(http.client.HTTPConnection(where.netloc, timeout=30)) as connection:
            sent = {"Cookie": self.cookie, **({"Origin": f"http://{where.netloc}"} if form else {}), **headers}
            body = urlencode(form) if form else None
            given = {name: value for name, value in sent.items() if value is not None}
            connection.request("POST" if form else "GET", where.path + path, body, given)
            response = connection.getresponse()
            reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        self.cookie = reply.headers.get("set-cookie", self.cookie).partition(";")[0]
        return reply

    def enter(self, name: str = "") -> Reply:
        return self.request("rater", {"name": name} if name else {"anonymous": "yes"})

    def page(self) -> str:
        return self.request("").text

    def pictures(self, page: str) -> list[Reply]:
        """The source, examples, then the options in their order."""
        return [self.request(path) for path in re.findall(r'<img src="([^"]+)"', page)]

    def choices(self, page: str) -> tuple[str, list[str]]:
        """The question's key, and its options' in their order."""
        (question,) = re.findall(r'name="question" value="(\w+)"', page)
        return question, re.findall(r'name="choice" value="(\w+)"', page)

    def vote(self, place: int = 0) -> Reply:
        """Choose the version at a place of the question that is open."""
        question, options = self.choices(self.page())
        return self.request("vote", {"question": question, "choice": options[place]})


@dataclass(frozen=True)
class Served:
    """A server and what it serves."""

    url: str
    home: Path
    store: VoteStore
    pictures: PollPictures
    logged: list[str]
    links: Iterator[str]

    def rater(self) -> Rater:
        """A browser with a link of its own; the first one has `url`."""
        return Rater(next(self.links))


Serve = Callable[..., Served]


@pytest.fixture
def rater_of() -> Callable[[str], Rater]:
    return Rater


@pytest.fixture
def serve(tmp_path: Path, make_voting_home: Callable[..., Path]) -> Iterator[Serve]:
    """`serve(most=None, zebrafish=1, dugong=2)` serves a study of these candidates to as many as RATERS raters."""
    running: list[tuple[uvicorn.Server, threading.Thread, VoteStore, socket.socket]] = []

    def start(most: int | None = None, **seeds: int) -> Served:
        home = make_voting_home(tmp_path / f"home{len(running)}", **(seeds or {"zebrafish": 1, "dugong": 2}))
        runs = list_runs(home / "results")
        pictures = prepare_pictures(runs, open_dataset(home / "data"), "data", "A2B")
        store = VoteStore(home / "results" / "data" / "votes.sqlite")
        store.add_poll(pictures.poll)
        logged: list[str] = []
        keys = make_links(store.secret, RATERS)
        app = make_app(Questionnaire({pictures.poll: pictures}, QUESTION, most=most), store, logged.append, keys)
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error", server_header=False, lifespan="off", http=LimitedConnection)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        running.append((server, thread, store, listener))
        while not server.started:
            time.sleep(0.01)
        urls = [f"http://127.0.0.1:{listener.getsockname()[1]}/{key}/" for key in keys]
        return Served(urls[0], home, store, pictures, logged, iter(urls))

    yield start
    for server, thread, store, listener in running:
        server.should_exit = True
        thread.join()
        store.close()
        listener.close()


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()
