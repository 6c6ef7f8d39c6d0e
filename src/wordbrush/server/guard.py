"""Who may ask, and from where: a token, the host that was meant, requests of the same origin, headers that protect.

A page elsewhere can make a browser send requests to a server on loopback, and a name elsewhere can be pointed at it
(DNS rebinding). So the host must be one that this server answers to, and what changes something must come from its
own origin.
"""

import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN_COOKIE = "wordbrush-token"
_SAFE = ("GET", "HEAD", "OPTIONS")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Answers requests that may not pass, and lets all others through to `app`."""

    def __init__(self, app: ASGIApp, token: str | None, hosts: Collection[str] | None) -> None:
        """`token`, if there is one, must be shown; `hosts` are the names that the server answers to, None for any."""
        self._app = app
        self._token = token
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        request = Request(scope)
        answer = self._refusal(request)
        await (answer or self._app)(scope, receive, protected)

    def _refusal(self, request: Request) -> Response | None:
        if self._hosts is not None and request.url.hostname not in self._hosts:
            return _refused(421, "this server answers to localhost alone; open it by that name")
        if request.method not in _SAFE and not _same_origin(request.headers):
            return _refused(403, "the request comes from another site")
        if self._token is None or request.url.path == "/health":
            return None
        return self._token_refusal(request, self._token)

    def _token_refusal(self, request: Request, token: str) -> Response | None:
        shown = request.query_params.get("token")
        if request.method == "GET" and request.url.path == "/" and shown is not None and _equal(shown, token):
            page = RedirectResponse("/", status_code=303)
            page.set_cookie(TOKEN_COOKIE, token, httponly=True, samesite="strict")
            return page
        header = request.headers.get("authorization", "").removeprefix("Bearer ")
        if _equal(header, token) or _equal(request.cookies.get(TOKEN_COOKIE, ""), token):
            return None
        return _refused(
            401, "a token is needed: open the address with ?token=..., or send 'Authorization: Bearer ...'"
        )


def _same_origin(headers: Headers) -> bool:
    """Whether a browser says that its own page sent this; other programs say nothing."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _equal(shown: str, token: str) -> bool:
    return hmac.compare_digest(shown.encode(), token.encode())


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status_code=status)
