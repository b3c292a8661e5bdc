"""Which requests are answered, and which forms are read: decided by host name, token and origin."""

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
    # With no-referrer, browsers would send forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def guard(app: ASGIApp, token: str | None) -> ASGIApp:
    """The application `app`, which then answers only requests that are allowed.

    Args:
        token: the first part of every path; requests without it are refused with 403. None for a server that only this
            machine can reach; requests to other host names than this machine's own are then refused with 400.
    """
    if token is None:
        return TrustedHostMiddleware(app, allowed_hosts=[*LOOPBACK, "[::1]"])

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        first, slash, rest = scope["path"].removeprefix("/").partition("/")
        if not hmac.compare_digest(first.encode(), token.encode()):
            refusal = PlainTextResponse(
                "This page opens only with the complete link that you were given.", 403, headers=HEADERS
            )
            return await refusal(scope, receive, send)
        if not slash:
            return await RedirectResponse(f"/{token}/", 303, headers=HEADERS)(scope, receive, send)
        return await app({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)

    return guarded


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
