"""The real process, killed outright while votes stream in, loses none that it acknowledged; Ctrl-C ends it well."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from ugbench.statistics.preferences import Vote
from ugbench.votes.server.ballot import make_ballot
from ugbench.votes.store import VoteStore, read_polls

COMMAND = [sys.executable, "-c", "from ugbench.cli.app import main; main()", "vote"]
RATERS = 4


def start(home: Path, *more: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """The process once it listens, and what it said of itself."""
    options = ["--methods", "zebrafish,dugong", "--dataset", str(home / "data"), "--results", str(home / "results")]
    process = subprocess.Popen(
        [*COMMAND, *options, *more, "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()  # type: ignore[union-attr]
        assert line, process.communicate()[1]
        text += line
    return process, json.loads(text)


@pytest.fixture
def home(tmp_path: Path, make_voting_home: Callable[..., Path]) -> Path:
    return make_voting_home(tmp_path, zebrafish=1, dugong=2)


def test_votes_that_were_acknowledged_survive_a_kill_in_their_stream(
    home: Path, rater_of: Callable[[str], Any]
) -> None:
    acknowledged: dict[tuple[str, str], str] = {}  # by rater and question, the key of the version chosen
    for round_ in range(2):
        process, printed = start(home, "--raters", "400")
        sent, enough = threading.Semaphore(0), 7
        links = iter(printed["links"][200 * round_ :])

        def vote(number: int, links: Iterator[str] = links, sent: threading.Semaphore = sent) -> None:
            """New raters one after another, each on all six questions, until the server is gone."""
            try:
                while True:
                    rater = rater_of(next(links))
                    rater.enter()
                    for _ in range(6):
                        question, options = rater.choices(rater.page())
                        choice = options[number % 2]
                        if rater.request("vote", {"question": question, "choice": choice}).status == 303:
                            acknowledged[rater.cookie.partition("=")[2], question] = choice
                            sent.release()
            except (OSError, HTTPException):
                return  # killed: this vote has no answer

        with ThreadPoolExecutor(RATERS) as pool:
            streams = [pool.submit(vote, number) for number in range(RATERS)]
            for _ in range(enough + 5 * round_):
                assert sent.acquire(timeout=60)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            for stream in streams:
                stream.result()
        assert process.returncode == -signal.SIGKILL
    ((poll, votes),) = read_polls(home / "results").items()
    store = VoteStore(home / "results" / "data" / "votes.sqlite")
    images = {poll: [f"walrus{place}" for place in range(6)]}
    asked = {
        (rater, question.key): question
        for rater in {rater for rater, _ in acknowledged}
        for question in make_ballot(images, rater, store.secret)
    }
    store.close()
    sent_votes = {
        Vote(rater, question.image, question.shown[question.option_keys.index(choice)])
        for (rater, key), choice in acknowledged.items()
        for question in [asked[rater, key]]
    }
    assert len(sent_votes) == len(acknowledged) >= 19
    assert {vote.choice for vote in sent_votes} == {0, 1}
    assert sent_votes - set(votes) == set()
    # At most the votes that were on their way, one per stream and kill, are there without an answer.
    assert len(votes) - len(acknowledged) <= RATERS * 2


def test_behind_a_proxy_on_this_machine_the_link_has_a_secret(home: Path, rater_of: Callable[[str], Any]) -> None:
    process, printed = start(home)
    rater = rater_of(printed["url"])
    proxied = {"Host": "study.example", "Origin": "https://study.example"}
    assert rater.request("rater", {"name": "Ann"}, **proxied).status == 303
    assert "1 of 6" in rater.request("", Host="study.example").text
    outside = rater_of("/".join([*printed["url"].split("/")[:3], ""]))
    assert outside.request("", Host="study.example").status == 403
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_0_and_a_count_and_the_next_call_goes_on(
    home: Path, rater_of: Callable[[str], Any], number: int
) -> None:
    process, printed = start(home)
    rater = rater_of(printed["url"])
    rater.enter("Ann")
    rater.vote()
    rater.vote()
    page = rater.page()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    *_, line, last = err.splitlines()
    assert last == f"ended; 2 votes so far, in {printed['votes']}"
    assert re.fullmatch(r"20[-0-9]+ [:0-9]+ to 20[-0-9]+ [:0-9]+ UTC: 2 votes by Ann, link 1", line)
    assert "Traceback" not in err
    assert not Path(f"{printed['votes']}-wal").exists()
    links = printed["links"]
    process, printed = start(home)
    assert [url.split("/")[-2] for url in printed["links"]] == [url.split("/")[-2] for url in links]
    assert len(set(links)) == 10 and printed["links"][0] == printed["url"]
    again = rater_of(printed["url"])
    again.cookie = rater.cookie
    assert again.page() == page
    process.kill()
    process.communicate()
