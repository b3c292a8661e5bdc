"""Who is let in, what is refused, and that a refusal keeps nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from ugbench.data.datasets import open_dataset
from ugbench.runs.json_file import write_json
from ugbench.runs.run import list_runs
from ugbench.statistics.preferences import Vote
from ugbench.votes.server.pictures import prepare_pictures, render

Serve = Callable[..., Any]


def votes(served: Any) -> int:
    return int(served.store.count([served.pictures.poll]))


def test_a_choice_is_kept_under_the_candidate_whose_picture_was_chosen(served: Any) -> None:
    rater = served.rater()
    rater.enter("Ann")
    for place in (0, 1, 1, 0, 1, 0):
        page = rater.page()
        chosen = rater.pictures(page)[-2:][place].body
        assert rater.vote(place).status == 303
        newest = "SELECT image, choice FROM votes ORDER BY at DESC LIMIT 1"
        image, choice = served.store._connection.execute(newest).fetchone()
        assert render(served.pictures, image)[1 + choice] == chosen
    assert "all 6 questions" in rater.page()
    assert votes(served) == 6


def test_a_second_vote_is_refused_and_the_same_again_is_not(served: Any) -> None:
    rater = served.rater()
    rater.enter()
    question, (first, second) = rater.choices(rater.page())
    assert rater.request("vote", {"question": question, "choice": first}).status == 303
    assert rater.request("vote", {"question": question, "choice": first}).status == 303
    refused = rater.request("vote", {"question": question, "choice": second})
    assert refused.status == 409 and "the first one counts" in refused.text
    assert votes(served) == 1
    assert "2 of 6" in rater.page()


def test_another_origin_s_form_is_refused(served: Any) -> None:
    rater = served.rater()
    rater.enter()
    question, options = rater.choices(rater.page())
    form = {"question": question, "choice": options[0]}
    for origin in ("http://evil.example", "null", "", "http://127.0.0.1:1", None):
        assert rater.request("vote", form, Origin=origin).status == 403
        assert served.rater().request("rater", {"name": "Eve"}, Origin=origin).status == 403
    assert votes(served) == 0
    assert served.rater().enter("Eve").status == 303  # nobody has taken the name


def test_a_form_behind_a_proxy_that_sends_another_host_is_refused_with_the_mend(served: Any) -> None:
    refused = served.rater().request("rater", {"name": "Ann"}, Origin="https://study.example")
    assert refused.status == 403
    assert "a proxy must pass on the browser&#39;s Host header" in refused.text
    passed = served.rater().request("rater", {"name": "Ann"}, Origin="https://localhost", Host="localhost")
    assert passed.status == 303


def test_a_second_click_on_start_is_the_same_rater(served: Any, rater_of: Callable[[str], Any]) -> None:
    (given,) = re.findall(r'name="page" value="([0-9a-f]{32})"', rater_of(served.url).page())
    form = {"name": "Ann", "page": given}
    cookies = {rater_of(served.url).request("rater", form).headers["set-cookie"] for _ in range(2)}  # none has one yet
    assert len(cookies) == 1 and given not in cookies.pop()
    assert served.store._connection.execute("SELECT name FROM raters").fetchall() == [("Ann",)]
    assert rater_of(served.url).request("rater", {**form, "page": "0" * 32}).status == 403


def test_a_link_is_for_the_browser_that_starts_with_it(served: Any, rater_of: Callable[[str], Any]) -> None:
    for _ in range(3):  # to look at the first page, as the program that shows a mail does, starts nothing
        assert "Your name" in rater_of(served.url).page()
    first = rater_of(served.url)
    assert first.enter("Ann").status == 303
    for _ in range(30):
        other = rater_of(served.url)
        assert other.enter().status == 403
        refused = other.request("")
        assert refused.status == 403 and "in use in another browser" in refused.text
    assert "1 of 6" in first.page()
    assert len(served.store._connection.execute("SELECT * FROM raters").fetchall()) == 1


def test_a_name_that_is_taken_leaves_the_link_free(served: Any) -> None:
    assert served.rater().enter("Ann").status == 303
    ben = served.rater()
    assert ben.enter("Ann").status == 409
    assert ben.enter("Ben").status == 303


@pytest.mark.parametrize("chosen", ["0" * 32, "", "../x", "a" * 32])
def test_nobody_chooses_the_id_of_a_rater(served: Any, rater_of: Callable[[str], Any], chosen: str) -> None:
    name = served.rater().enter("Ann").headers["set-cookie"].partition("=")[0]
    rater = rater_of(next(served.links))
    rater.cookie = f"{name}={chosen}"
    rater.request("rater", {"name": "Ben", "rater": chosen, "page": chosen})
    ids = [identifier for (identifier,) in served.store._connection.execute("SELECT id FROM raters")]
    assert chosen not in ids and len(set(ids)) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", identifier) for identifier in ids)
    assert not set(ids) & {url.split("/")[-2] for url in (served.url, rater.url)}


def test_the_cookie_of_one_link_is_none_of_another(served: Any) -> None:
    ann, ben = served.rater(), served.rater()
    ann.enter("Ann")
    ben.cookie = ann.cookie
    assert "Your name" in ben.page()
    cookie = ben.enter("Ben").headers["set-cookie"]
    assert f"; Path=/{ben.url.split('/')[-2]}/;" in cookie


def test_the_cookie_is_out_of_a_script_s_reach(served: Any) -> None:
    assert "httponly" in served.rater().enter().headers["set-cookie"].lower()


def test_a_browser_that_is_known_stays_the_rater_it_is(served: Any) -> None:
    rater = served.rater()
    rater.enter("Ann")
    cookie = rater.cookie
    assert "set-cookie" not in rater.enter().headers
    assert "set-cookie" not in rater.enter("Ann").headers
    assert rater.cookie == cookie
    assert served.store._connection.execute("SELECT name FROM raters").fetchall() == [("Ann",)]


@pytest.mark.parametrize("path", ["picture/{q}/{o}", "example/{q}/{o}", "vote"])
def test_an_unknown_browser_gets_the_first_page_alone(served: Any, rater_of: Callable[[str], Any], path: str) -> None:
    known, unknown = served.rater(), rater_of(next(served.links))
    known.enter()
    question, options = known.choices(known.page())
    form = {"question": question, "choice": options[0]} if path == "vote" else None
    assert unknown.request(path.format(q=question, o=options[0]), form).status == 403
    assert "Your name" in unknown.page()
    assert votes(served) == 0


@pytest.mark.parametrize(
    "path", ["picture/{q}/..%2f..%2fvotes.sqlite", "picture/../../votes.sqlite", "picture/{q}/0", "votes.sqlite",
             "templates/page.css", "..%2fstore.py", "docs", "openapi.json"],
)  # fmt: skip
def test_no_path_leads_to_a_file(served: Any, path: str) -> None:
    rater = served.rater()
    rater.enter()
    question, _ = rater.choices(rater.page())
    assert rater.request(path.format(q=question)).status == 404


def test_keys_of_another_rater_or_of_nobody_are_refused(served: Any) -> None:
    ann, ben = served.rater(), served.rater()
    ann.enter("Ann")
    ben.enter("Ben")
    question, options = ann.choices(ann.page())
    question_of_ben, _ = ben.choices(ben.page())
    for form in (
        {"question": question, "choice": options[0]},
        {"question": question_of_ben, "choice": options[0]},
        {"choice": "0"},
    ):
        assert ben.request("vote", form).status == 404
    assert votes(served) == 0


def test_a_form_that_is_too_long_is_refused(served: Any) -> None:
    assert served.rater().request("rater", {"name": "x" * 5000}).status == 413


def test_a_name_is_markup_to_nobody_and_taken_once(served: Any) -> None:
    name = "<script>alert(1)</script>"
    assert served.rater().enter(name).status == 303
    taken = served.rater().enter(f"  {name}\n ")
    assert taken.status == 409
    assert name not in taken.text and html.escape(name) in taken.text
    assert "set-cookie" not in taken.headers


@pytest.mark.parametrize("path", ["", "page.css", "picture/0/0", "nothing"])
def test_without_a_link_every_request_is_refused(served: Any, rater_of: Callable[[str], Any], path: str) -> None:
    root, key = f"http://{urlsplit(served.url).netloc}/", served.url.split("/")[-2]
    for url in (root, f"{root}{key[:-1]}/", f"{root}{key}x/", f"{root}x/{key}/", f"{root}{'0' * 32}/"):
        outside = rater_of(url)
        assert outside.request(path).status == 403
        assert outside.request("rater", {"name": "Eve"}).status == 403
    rater = served.rater()
    assert rater.enter("Eve").status == 303  # nobody has taken the name outside
    assert [reply.status for reply in rater.pictures(rater.page())] == [200] * 5
    assert rater.vote().status == 303
    assert rater_of(root).request(key).headers["location"] == f"/{key}/"


def test_each_rater_gets_as_many_questions_as_asked_for(serve: Serve) -> None:
    served = serve(most=2)
    rater = served.rater()
    rater.enter()
    assert "1 of 2" in rater.page()
    rater.vote()
    rater.vote()
    assert "all 2 questions" in rater.page()


def test_what_goes_wrong_is_said_to_whoever_runs_the_study_alone(served: Any) -> None:
    for _, first, second in served.pictures.files.values():
        first.write_bytes(second.read_bytes())
    rater = served.rater()
    rater.enter()
    reply = rater.request("")
    assert reply.status == 503
    assert "Please tell the person who runs this study" in reply.text and "walrus" not in reply.text
    assert "has changed since the poll was opened" in served.logged[-1]


def test_pictures_whose_names_are_not_utf8_are_voted_on(serve: Serve) -> None:
    served = serve()
    for folder in (served.home / "data" / "testA", *served.home.glob("results/*/*/*/outputs/A2B")):
        for file in sorted(folder.glob("*.png"))[:2]:
            file.rename(file.with_name(f"{file.stem}\udce9.png"))
    runs, data = list_runs(served.home / "results"), open_dataset(served.home / "data")
    for run in runs:
        write_json(run.outputs_note("A2B"), {"step": 1, "sources": data.fingerprint(["testA"])})
    pictures = prepare_pictures(runs, data, "data", "A2B")
    assert sum("%E9" in name for name in pictures.files) == 2
    served.store.add_poll(pictures.poll)
    served.store.add_rater("a" * 32, None)
    for image in pictures.files:
        served.store.vote(pictures.poll.id, Vote("a" * 32, image, 0), (0, 1))
        assert len(render(pictures, image)) == 3
    assert served.store.answered("a" * 32) == {(pictures.poll.id, image) for image in pictures.files}
