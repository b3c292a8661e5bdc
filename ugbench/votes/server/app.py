"""The voting page. What it sends before a vote tells nothing of which candidate made which picture.

Everything a browser gets is of its rater and question alone: orders, keys in links, pictures that were made alike
and lie in memory together before the first of them is asked for. There is no name, path or date in any of it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from ugbench.errors import UgbenchError
from ugbench.statistics.preferences import Vote
from ugbench.votes.poll import Poll
from ugbench.votes.server.ballot import Question, ballot, derived, example_keys
from ugbench.votes.server.guard import HEADERS, Form, guard
from ugbench.votes.server.pictures import Gallery, render
from ugbench.votes.store import NameTaken, Store, Voted

YEAR = 365 * 24 * 3600  # seconds that a browser keeps its rater
LONGEST_NAME = 80  # letters
KEPT_IN_MEMORY = 64  # questions whose pictures are held, so that raters do not wait for files


@dataclass(frozen=True)
class Study:
    """What is asked of raters.

    Attributes:
        galleries: the polls with their pictures.
        text: the question that stands over the pictures.
        seed: of the orders.
        most: questions a rater; None for all.
    """

    galleries: Mapping[Poll, Gallery]
    text: str
    seed: int = 0
    most: int | None = None

    @property
    def questions(self) -> int:
        """How many a rater gets."""
        every = sum(len(gallery.files) for gallery in self.galleries.values())
        return every if self.most is None else min(every, self.most)

    @property
    def polls(self) -> tuple[Poll, ...]:
        """What votes are kept for."""
        return tuple(self.galleries)


def make_app(study: Study, store: Store, say: Callable[[str], None], token: str | None = None) -> ASGIApp:
    """The page of a study.

    Args:
        store: where votes go; it knows the study's polls.
        say: told of what goes wrong, for whoever runs the study.
        token: as `guard` takes it.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_routes(study, store))

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
        # The sentence may name a file, and so a method: it is not for raters.
        say(f"error: {error}")
        return _page("message.html", 503, text="Something went wrong here. Please tell whoever runs this study.")

    return guard(app, token)


def _routes(study: Study, store: Store) -> APIRouter:
    router = APIRouter()
    cookie = f"rater-{derived(store.secret, 'cookie')[:8]}"  # servers on one host share its cookies
    images = {poll: tuple(gallery.files) for poll, gallery in study.galleries.items()}

    @lru_cache(KEPT_IN_MEMORY)
    def pictures(poll: Poll, image: str) -> tuple[bytes, ...]:
        return render(study.galleries[poll], image)

    @lru_cache(4096)
    def questions(rater: str) -> tuple[Question, ...]:
        return ballot(images, rater, store.secret, study.seed, study.most)

    def keyed_examples(poll: Poll, rater: str) -> dict[str, bytes]:
        examples = study.galleries[poll].examples
        return dict(zip(example_keys(poll, rater, store.secret, len(examples)), examples, strict=True))

    def rater_of(request: Request) -> str | None:
        rater = request.cookies.get(cookie, "")
        return rater if store.has_rater(rater) else None

    def known(request: Request) -> str:
        rater = rater_of(request)
        if rater is None:
            raise HTTPException(403, "This browser is not known here. Start from the first page.")
        return rater

    @router.get("/")
    def show(request: Request) -> Response:
        rater = rater_of(request)
        total = study.questions
        if rater is None:
            return _welcome(study)
        voted = store.voted(rater)
        open_ = [one for one in questions(rater) if (one.poll.id, one.image) not in voted]
        if not open_:
            return _page("end.html", total=total)
        question = open_[0]
        # All of the question's pictures are made before the first is asked for: none comes later than another.
        pictures(question.poll, question.image)
        examples = keyed_examples(question.poll, rater)
        place = total - len(open_) + 1
        return _page("question.html", question=question, examples=examples, text=study.text, place=place, total=total)

    @router.get("/picture/{question_key}/{key}")
    def picture(request: Request, question_key: str, key: str) -> Response:
        rater = known(request)
        question = _find(questions(rater), question_key)
        made = pictures(question.poll, question.image)
        places = {question.source_key: 0}
        places |= {one: 1 + index for one, index in zip(question.option_keys, question.shown, strict=True)}
        if key not in places:
            raise HTTPException(404, "There is no such picture.")
        return Response(made[places[key]], media_type="image/png")

    @router.get("/example/{question_key}/{key}")
    def example(request: Request, question_key: str, key: str) -> Response:
        rater = known(request)
        poll = _find(questions(rater), question_key).poll
        made = keyed_examples(poll, rater)
        if key not in made:
            raise HTTPException(404, "There is no such picture.")
        return Response(made[key], media_type="image/png")

    @router.post("/rater")
    def enter(request: Request, form: Form) -> Response:
        if rater_of(request) is not None:  # from a first page that was still open: one person stays one rater
            return RedirectResponse("./", 303)
        name = _cleaned(form.get("name", "")) if "anonymous" not in form else ""
        # From the page that was filled in: a second click on it is the same rater.
        given = form.get("rater", "")
        rater = given if re.fullmatch(r"[0-9a-f]{32}", given) else secrets.token_hex(16)
        try:
            store.add_rater(rater, name or None)
        except NameTaken:
            return _welcome(study, taken=name)
        response = RedirectResponse("./", 303)
        # Lax: who comes back by a link in a mail is known. What changes anything is a form, and its origin is read.
        response.set_cookie(cookie, rater, max_age=YEAR, httponly=True, samesite="lax")
        return response

    @router.post("/vote")
    def vote(request: Request, form: Form) -> Response:
        rater = known(request)
        question = _find(questions(rater), form.get("question", ""))
        choices = dict(zip(question.option_keys, question.shown, strict=True))
        if form.get("choice", "") not in choices:
            raise HTTPException(404, "There is no such choice.")
        try:
            store.vote(question.poll.id, Vote(rater, question.image, choices[form["choice"]]), question.shown)
        except Voted as error:
            raise HTTPException(409, f"{str(error).capitalize()} Go on with the next.") from None
        return RedirectResponse("./", 303)

    @router.get("/page.css")
    def style() -> Response:
        return Response(_text("page.css"), media_type="text/css")

    @router.get("/page.js")
    def script() -> Response:
        return Response(_text("page.js"), media_type="text/javascript")

    return router


def _find(questions: tuple[Question, ...], key: str) -> Question:
    for question in questions:
        if question.key == key:
            return question
    raise HTTPException(404, "There is no such question.")


def _cleaned(name: str) -> str:
    return re.sub(r"\s+", " ", "".join(filter(str.isprintable, name))).strip()[:LONGEST_NAME]


def _welcome(study: Study, taken: str = "") -> HTMLResponse:
    fields = {"total": study.questions, "text": study.text, "longest": LONGEST_NAME, "taken": taken}
    return _page("welcome.html", 409 if taken else 200, rater=secrets.token_hex(16), **fields)


def _page(template: str, status: int = 200, **fields: Any) -> HTMLResponse:
    return HTMLResponse(_environment().get_template(template).render(**fields), status)


def _text(name: str) -> str:
    return files("ugbench.votes.server").joinpath("templates", name).read_text(encoding="utf-8")


@lru_cache(1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("ugbench.votes.server"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
