"""Whose pictures are whose: a random name in a cookie that scripts cannot read."""

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

_NAME = re.compile(r"[A-Za-z0-9_-]{43}")


def session_of(request: Request) -> str:
    """The name of the session that a request belongs to; of a new one where it has none."""
    cookie = request.cookies.get(_cookie(request), "")
    if not _NAME.fullmatch(cookie):
        cookie = getattr(request.state, "session", None) or secrets.token_urlsafe(32)
    request.state.session = cookie
    return cookie


def keep_session(request: Request, response: Response) -> None:
    """Have the client keep the session that was given to its request."""
    session = getattr(request.state, "session", None)
    if session is not None and request.cookies.get(_cookie(request)) != session:
        response.set_cookie(_cookie(request), session, httponly=True, samesite="strict")


def _cookie(request: Request) -> str:
    # Browsers share cookies between ports: two servers on one machine must not share a session.
    return f"wordbrush-{request.url.port or 80}"
