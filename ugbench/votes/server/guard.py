"""Which requests are answered, and which forms are read: decided by link and origin."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, Request
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

LONGEST_FORM = 4096  # bytes

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    # With no-referrer, browsers would send forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def guard(app: ASGIApp, links: Collection[str]) -> ASGIApp:
    """The application `app`, which then answers only requests whose path begins with a link.

    The link is taken off the path and given to the application as `scope["link"]`. Other requests are refused with 403,
    also those of other users of this machine.

    Args:
        links: the first parts of paths.
    """
    # Digests are compared, so that the time of an answer tells nothing about a link.
    known = {_digest(link): link for link in links}

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        first, slash, rest = scope["path"].removeprefix("/").partition("/")
        if (link := known.get(_digest(first))) is None:
            refusal = PlainTextResponse(
                "This page opens only with the complete link that you were given.", 403, headers=HEADERS
            )
            return await refusal(scope, receive, send)
        if not slash:
            return await RedirectResponse(f"/{link}/", 303, headers=HEADERS)(scope, receive, send)
        return await app({**scope, "link": link, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)

    return guarded


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form that was sent from a page of this server.

    Raises:
        HTTPException: 403 where the form was sent from another site, 413 where it is too long.
    """
    origin = urlsplit(request.headers.get("origin", ""))
    if origin.netloc != request.headers.get("host") or not origin.netloc:
        raise HTTPException(
            403,
            "This form was not sent from this page. Please open the link again. If that does not help, tell the person "
            "who runs this study that a proxy must pass on the browser's Host header (nginx: proxy_set_header Host "
            "$http_host).",
        )
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            raise HTTPException(413, "This form is too long.")
    fields = parse_qs(body.decode("ascii", "replace"), errors="replace")
    return {key: values[-1] for key, values in fields.items()}


Form = Annotated[dict[str, str], Depends(read_form)]
