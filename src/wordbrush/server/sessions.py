"""Whose pictures are whose: a random name in a cookie that scripts cannot read."""

import hashlib
import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

_NAME = re.compile(r"[A-Za-z0-9_-]{43}")


def session_of(request: Request) -> str:
    """The name of the session that a request belongs to; of a new one where it has none.

    It is a hash of the cookie: whoever reads what is kept on the disk is not let in by it.
    """
    cookie = request.cookies.get(_cookie(request), "")
    if not _NAME.fullmatch(cookie):
        cookie = getattr(request.state, "session", None) or secrets.token_urlsafe(32)
    request.state.session = cookie
    return hashlib.sha256(cookie.encode()).hexdigest()


def keep_session(request: Request, response: Response, seconds: int | None) -> None:
    """Have the client keep the session of its request: for so long from now on, or until the browser is closed."""
    session = getattr(request.state, "session", None)
    if session is not None and (seconds is not None or request.cookies.get(_cookie(request)) != session):
        response.set_cookie(_cookie(request), session, max_age=seconds, httponly=True, samesite="strict")


def _cookie(request: Request) -> str:
    # Browsers share cookies between ports: two servers on one machine must not share a session.
    return f"wordbrush-{request.url.port or 80}"
