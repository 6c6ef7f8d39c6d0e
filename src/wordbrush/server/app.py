"""The server as one application: the API, the page, and what guards both."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from wordbrush.editor import Editor
from wordbrush.server.api import Api
from wordbrush.server.crowd import MAX_REQUESTS, Crowd
from wordbrush.server.guard import LOOPBACK, Guard
from wordbrush.server.jobs import JobQueue
from wordbrush.server.kept import Kept
from wordbrush.server.shelf import Shelf
from wordbrush.server.studio import Studio

SOURCE_BYTES = 1 << 30
"""How much of all sources' attention and latents is kept, 1 GiB: what was let go is made again when it is needed."""
PICTURE_BYTES = 512 << 20
"""How much of pictures, their maps and uploads is kept, 512 MiB."""
SESSION_SECONDS = 90 * 24 * 3600
"""How long a browser keeps the session whose pictures are kept."""
_PAGE = Path(__file__).parent / "page"


def make_app(
    editor: Editor,
    *,
    page: bool,
    token: str | None = None,
    hosts: Collection[str] | None = LOOPBACK,
    source_bytes: int = SOURCE_BYTES,
    picture_bytes: int = PICTURE_BYTES,
    keep: Path | None = None,
) -> Starlette:
    """The application for one editor.

    page: whether the page is served beside the API.
    token: what a client must show; None lets everybody in who reaches the server.
    hosts: the names that it answers to; None for any.
    source_bytes, picture_bytes: how much is kept in memory.
    keep: a folder in which pictures and jobs outlive the server; None keeps them in memory alone.

    Raises `SettingsError` for a folder that cannot be used.
    """
    kept = None if keep is None else Kept(keep, editor.model.fingerprint)
    shelf = Shelf(picture_bytes, kept)
    studio = Studio(editor, shelf, source_bytes)
    jobs = JobQueue(studio.work, kept)
    api = Api(studio, shelf, jobs, keeps=kept is not None)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        jobs.close()
        if kept is not None:
            kept.close()

    seconds = None if kept is None else SESSION_SECONDS
    routes = [endpoint.route(seconds) for endpoint in api.endpoints()]
    pages = [Mount("/", StaticFiles(directory=_PAGE, html=True))] if page else []
    guards = [Middleware(Guard, token=token, hosts=hosts), Middleware(Crowd, most=MAX_REQUESTS)]
    return Starlette(routes=[*routes, *pages], middleware=guards, lifespan=lifespan)
