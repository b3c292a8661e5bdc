"""Who is let in at all, and which forms are read: by host, token and origin."""

from __future__ import annotations

import hmac
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, Request
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LONGEST_FORM = 4096  # bytes

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not no-referrer: a form would then be sent with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def guard(app: ASGIApp, token: str | None) -> ASGIApp:
    """`app` for those who may reach it.

    Args:
        token: first part of every path, without which a request is refused with 403; None for a server that only
            this machine reaches, which then answers to this machine's own names alone.
    """
    if token is None:
        return TrustedHostMiddleware(app, allowed_hosts=[*LOOPBACK, "[::1]"])
    return _behind(token, app)


def _behind(token: str, app: ASGIApp) -> ASGIApp:
    """`app` under /token/; everything else is refused."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        first, slash, rest = scope["path"].removeprefix("/").partition("/")
        if not hmac.compare_digest(first.encode(), token.encode()):
            refusal = PlainTextResponse("This page needs the whole link.", 403, headers=HEADERS)
            return await refusal(scope, receive, send)
        if not slash:
            return await RedirectResponse(f"/{token}/", 303, headers=HEADERS)(scope, receive, send)
        return await app({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)

    return guarded


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form that this server's own page sent.

    Raises:
        HTTPException: another site's page sent it, or it is too long.
    """
    origin = urlsplit(request.headers.get("origin", ""))
    if origin.netloc != request.headers.get("host") or not origin.netloc:
        raise HTTPException(
            403,
            "This form was not sent from this page: open the link again. If that does not help, tell whoever runs this "
            "study that a proxy must pass on the browser's Host header (nginx: proxy_set_header Host $http_host).",
        )
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_FORM:
            raise HTTPException(413, "This form is too long.")
    fields = parse_qs(body.decode("ascii", "replace"), errors="replace")
    return {key: values[-1] for key, values in fields.items()}


Form = Annotated[dict[str, str], Depends(read_form)]
