"""One endpoint of the API as data: how it is reached, what it takes, what it answers, and what is said of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wordbrush.errors import WordbrushError
from wordbrush.server import wire
from wordbrush.server.problems import Problem
from wordbrush.server.sessions import keep_session

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """`takes` is the model of its JSON body, or the media types of a file; `answers` the media type of its answer.

    `status` is that of success.
    """

    method: str
    path: str
    says: str
    handler: Handler
    takes: type[wire.Request] | tuple[str, ...] | None = None
    answers: str = "application/json"
    status: int = 200

    def route(self, session_seconds: int | None) -> Route:
        """Its route: problems become answers, and a session its cookie; see `keep_session`."""

        async def handle(request: Request) -> Response:
            try:
                response = await self.handler(request)
            except Problem as problem:
                response = problem_response(problem)
            except WordbrushError as error:
                response = problem_response(Problem(422, str(error)))
            keep_session(request, response, session_seconds)
            response.headers.setdefault("cache-control", "no-store")
            return response

        return Route(self.path, handle, methods=[self.method])


def problem_response(problem: Problem) -> Response:
    """A problem as a client is told of it."""
    headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    return JSONResponse({"error": str(problem)}, status_code=problem.status, headers=headers)
