"""The voting page. Nothing that it sends before a vote reveals which candidate made which picture.

Orders and the keys in links are different for each rater and question. Pictures differ in their pixels alone, and all
pictures of a question are in memory before the first one is sent, so that none comes later than another. No answer
holds a name of a method, a path or a date.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from ugbench import templates
from ugbench.errors import UgbenchError
from ugbench.statistics.preferences import Vote
from ugbench.votes.poll import Poll
from ugbench.votes.server.ballot import Question, derive_key, example_keys, make_ballot
from ugbench.votes.server.guard import HEADERS, Form, guard
from ugbench.votes.server.links import rater_of_link
from ugbench.votes.server.pictures import PollPictures, render
from ugbench.votes.store import AlreadyVoted, NameTaken, VoteStore

PACKAGE = "ugbench.votes.server"
JINJA = templates.environment(PACKAGE)
YEAR = 365 * 24 * 3600  # seconds: how long a browser stores the rater's cookie
LONGEST_NAME = 80  # letters
CACHED_QUESTIONS = 64  # questions with pictures in memory, so that raters do not wait for files


@dataclass(frozen=True)
class Questionnaire:
    """What raters are asked.

    Attributes:
        pictures: the polls with their pictures.
        text: the question that stands above the pictures.
        seed: seed of the random orders.
        most: largest number of questions per rater; None for all.
    """

    pictures: Mapping[Poll, PollPictures]
    text: str
    seed: int = 0
    most: int | None = None

    @property
    def question_count(self) -> int:
        """How many questions each rater gets."""
        total = sum(len(pictures.files) for pictures in self.pictures.values())
        return total if self.most is None else min(total, self.most)

    @property
    def polls(self) -> tuple[Poll, ...]:
        """The polls that raters vote in."""
        return tuple(self.pictures)


def make_app(
    questionnaire: Questionnaire, store: VoteStore, log: Callable[[str], None], links: Collection[str]
) -> ASGIApp:
    """The web application that asks a questionnaire.

    Args:
        store: where votes are stored; it must hold the questionnaire's polls.
        log: called with a sentence for the person who runs the study when something goes wrong.
        links: one for each rater, see `ugbench.votes.server.links`.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    numbers = {link: number for number, link in enumerate(links, 1)}

    def on_start(link: str) -> None:
        log(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: a rater has started with link {numbers[link]}.")

    app.include_router(_routes(questionnaire, store, on_start))

    @app.middleware("http")
    async def same_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    @app.exception_handler(HTTPException)
    async def refuse(_: Request, error: HTTPException) -> Response:
        return _page("message.html", error.status_code, text=error.detail)

    @app.exception_handler(UgbenchError)
    async def fail(_: Request, error: UgbenchError) -> Response:
        # The sentence may name a file, and so a method, which raters must not see.
        log(f"error: {error}")
        text = "Something went wrong here. Please tell the person who runs this study."
        return _page("message.html", 503, text=text)

    return guard(app, links)


def _routes(questionnaire: Questionnaire, store: VoteStore, on_start: Callable[[str], None]) -> APIRouter:
    router = APIRouter()
    claims: dict[str, str] = {}  # by link: the key of the first page whose button was pressed
    images = {poll: tuple(pictures.files) for poll, pictures in questionnaire.pictures.items()}
    total = questionnaire.question_count

    @lru_cache(CACHED_QUESTIONS)
    def rendered(poll: Poll, image: str) -> tuple[bytes, ...]:
        return render(questionnaire.pictures[poll], image)

    @lru_cache(4096)
    def ballot_of(rater: str) -> tuple[Question, ...]:
        return make_ballot(images, rater, store.secret, questionnaire.seed, questionnaire.most)

    def examples_by_key(poll: Poll, rater: str) -> dict[str, bytes]:
        examples = questionnaire.pictures[poll].examples
        return dict(zip(example_keys(poll, rater, store.secret, len(examples)), examples, strict=True))

    def cookie_of(request: Request) -> str:
        # The name follows from the store and the link, since servers on one host share cookies.
        return f"rater-{derive_key(store.secret, 'cookie', request.scope['link'])[:8]}"

    def rater_of(request: Request) -> str | None:
        rater = rater_of_link(store.secret, request.scope["link"])
        same = hmac.compare_digest(request.cookies.get(cookie_of(request), "").encode(), rater.encode())
        return rater if same and store.has_rater(rater) else None

    def check_unused(request: Request) -> None:
        if store.has_rater(rater_of_link(store.secret, request.scope["link"])):
            raise HTTPException(
                403,
                "This link is in use in another browser. Please continue there, or ask the person who runs this study "
                "for a link of your own.",
            )

    def require_rater(request: Request) -> str:
        if (rater := rater_of(request)) is None:
            raise HTTPException(403, "This browser is not known here. Please start from the first page.")
        return rater

    @router.get("/")
    def show_page(request: Request) -> Response:
        if (rater := rater_of(request)) is None:
            check_unused(request)
            return _welcome(questionnaire)
        answered = store.answered(rater)
        open_questions = [
            question for question in ballot_of(rater) if (question.poll.id, question.image) not in answered
        ]
        if not open_questions:
            return _page("end.html", total=total)
        question = open_questions[0]
        rendered(question.poll, question.image)  # all at once, so that no picture comes later than another
        return _page(
            "question.html",
            question=question,
            examples=examples_by_key(question.poll, rater),
            text=questionnaire.text,
            place=total - len(open_questions) + 1,
            total=total,
        )

    @router.get("/picture/{question_key}/{key}")
    def send_picture(request: Request, question_key: str, key: str) -> Response:
        question = _find(ballot_of(require_rater(request)), question_key)
        source, *outputs = rendered(question.poll, question.image)
        options = zip(question.option_keys, (outputs[candidate] for candidate in question.shown), strict=True)
        return _png_of({question.source_key: source, **dict(options)}, key)

    @router.get("/example/{question_key}/{key}")
    def send_example(request: Request, question_key: str, key: str) -> Response:
        rater = require_rater(request)
        return _png_of(examples_by_key(_find(ballot_of(rater), question_key).poll, rater), key)

    @router.post("/rater")
    def enter(request: Request, form: Form) -> Response:
        if rater_of(request) is not None:  # sent from a first page that was still open: the rater stays the same
            return RedirectResponse("./", 303)
        letters = "" if "anonymous" in form else "".join(filter(str.isprintable, form.get("name", "")))
        name = " ".join(letters.split())[:LONGEST_NAME]
        link, page = request.scope["link"], form.get("page") or secrets.token_hex(16)
        rater = rater_of_link(store.secret, link)
        # A second click on the button of one page is the same browser, which may not have its cookie yet.
        if claims.get(link) != page:
            check_unused(request)
            try:
                if not store.add_rater(rater, name or None):
                    check_unused(request)
            except NameTaken:
                return _welcome(questionnaire, taken=name)
            claims[link] = page
            on_start(link)
        response = RedirectResponse("./", 303)
        # Lax: a rater who comes back by a link in a mail is known. Only forms change anything; their origin is checked.
        response.set_cookie(cookie_of(request), rater, max_age=YEAR, path=f"/{link}/", httponly=True, samesite="lax")
        return response

    @router.post("/vote")
    def vote(request: Request, form: Form) -> Response:
        rater = require_rater(request)
        question = _find(ballot_of(rater), form.get("question", ""))
        candidates = dict(zip(question.option_keys, question.shown, strict=True))
        if form.get("choice", "") not in candidates:
            raise HTTPException(404, "There is no such choice.")
        try:
            store.vote(question.poll.id, Vote(rater, question.image, candidates[form["choice"]]), question.shown)
        except AlreadyVoted as error:
            raise HTTPException(409, f"{str(error).capitalize()} Please continue with the next question.") from None
        return RedirectResponse("./", 303)

    @router.get("/page.css")
    def style() -> Response:
        return Response(templates.read(PACKAGE, "page.css"), media_type="text/css")

    @router.get("/page.js")
    def script() -> Response:
        return Response(templates.read(PACKAGE, "page.js"), media_type="text/javascript")

    return router


def _find(questions: tuple[Question, ...], key: str) -> Question:
    for question in questions:
        if question.key == key:
            return question
    raise HTTPException(404, "There is no such question.")


def _png_of(pictures: Mapping[str, bytes], key: str) -> Response:
    if key not in pictures:
        raise HTTPException(404, "There is no such picture.")
    return Response(pictures[key], media_type="image/png")


def _welcome(questionnaire: Questionnaire, taken: str = "") -> HTMLResponse:
    """The first page; `taken` is a name that the rater has tried and that another rater has."""
    return _page(
        "welcome.html",
        409 if taken else 200,
        page=secrets.token_hex(16),
        total=questionnaire.question_count,
        text=questionnaire.text,
        longest=LONGEST_NAME,
        taken=taken,
    )


def _page(template: str, status: int = 200, **fields: Any) -> HTMLResponse:
    return HTMLResponse(JINJA.get_template(template).render(**fields), status)
