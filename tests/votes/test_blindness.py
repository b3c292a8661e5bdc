"""Before the vote nothing that reaches a browser tells which method made which picture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

Serve = Callable[..., Any]
KEY, COOKIE = re.compile(r"[0-9a-f]{32}"), re.compile(r"rater-[0-9a-f]{8}")


def everything(served: Any) -> list[Any]:
    """All replies to a rater who looks at every question and votes until the end."""
    rater = served.rater()
    replies = [rater.request(""), rater.request("page.css"), rater.request("page.js"), rater.enter("Ann")]
    for _ in range(6):
        page = rater.request("")
        replies += [page, *rater.pictures(page.text), rater.vote()]
    return [*replies, rater.request("")]


def test_no_name_of_a_method_run_file_or_data_set_reaches_the_browser(served: Any) -> None:
    poll = served.pictures.poll
    telling = {"zebrafish", "dugong", "walrus", "external", "A2B", "outputs", poll.id, poll.pictures, str(served.home)}
    telling |= {candidate.run for candidate in poll.candidates}
    telling |= {digest for digests in served.pictures.digests.values() for digest in digests}
    replies = everything(served)
    assert len(replies) == 4 + 6 * (1 + 5 + 1) + 1
    for reply in replies:
        # Three letters turn up in a random key or a picture's bytes by chance.
        body = reply.body if b"PNG" in reply.body else KEY.sub("", reply.text).encode()
        sent = (KEY.sub("", str(reply.headers)).encode() + body).lower()
        words = {word for word in telling if len(word) > 3} if b"PNG" in reply.body else telling
        assert [word for word in words if word.lower().encode() in sent] == []


def test_answers_with_pictures_differ_in_their_pixels_alone(served: Any) -> None:
    rater = served.rater()
    rater.enter()
    source, *examples, first, second = rater.pictures(rater.page())
    assert first.body != second.body
    for reply in (source, *examples, first, second):
        assert {**reply.headers, "date": ""} == {**first.headers, "date": ""}
        assert len(reply.body) == len(first.body)
    assert set(first.headers) & {"etag", "last-modified", "server", "expires", "age"} == set()
    assert first.headers["cache-control"] == "no-store"


def test_methods_with_exchanged_outputs_look_alike(serve: Serve) -> None:
    replies, exchanged = everything(serve(zebrafish=1, dugong=2)), everything(serve(zebrafish=2, dugong=1))

    def alike(reply: Any) -> tuple[int, str, str]:
        heads = {name: value for name, value in reply.headers.items() if name != "date"}
        body = str(len(reply.body)) if b"PNG" in reply.body else reply.text
        return reply.status, COOKIE.sub("rater", KEY.sub("KEY", str(heads))), KEY.sub("KEY", body)

    assert list(map(alike, replies)) == list(map(alike, exchanged))
    sent = [Counter(reply.body for reply in group if b"PNG" in reply.body) for group in (replies, exchanged)]
    assert sent[0] == sent[1]


def test_each_rater_and_question_has_keys_of_its_own(served: Any) -> None:
    ann, ben = served.rater(), served.rater()
    ann.enter("Ann")
    ben.enter("Ben")
    first = set(KEY.findall(ann.page()))
    assert len(first) == 1 + 1 + 2 + 2
    ann.vote()
    # Examples are the same pictures all the time, so they may keep theirs.
    assert len(first & set(KEY.findall(ann.page()))) == 2
    assert first & set(KEY.findall(ben.page())) == set()
    assert ben.request(f"picture/{'/'.join(sorted(first)[:2])}").status == 404


def test_all_pictures_of_a_question_lie_in_memory_before_the_first_is_asked_for(served: Any) -> None:
    rater = served.rater()
    rater.enter()
    page = rater.page()
    for files in served.pictures.files.values():
        for file in files:
            file.unlink()
    assert [reply.status for reply in rater.pictures(page)] == [200] * 5
