"""How many requests are answered at a time: more are told when to come back."""

from starlette.types import ASGIApp, Receive, Scope, Send

from wordbrush.server.endpoint import problem_response
from wordbrush.server.problems import Problem

MAX_REQUESTS = 200
"""Requests at a time; whoever watches a job holds one."""


class Crowd:
    """Lets a number of requests through to `app`, and answers all others with 503 and `Retry-After`.

    Whether the server works can be asked always.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        """Let `most` through at a time."""
        self._app = app
        self._most = most
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] == "/health":
            await self._app(scope, receive, send)
            return
        if self._inside >= self._most:
            busy = Problem(503, f"{self._inside} requests are being answered; come back in a second", 1)
            await problem_response(busy)(scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1
