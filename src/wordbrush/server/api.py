"""The API: each endpoint of the server, in terms of the jobs, the shelf and the studio."""

from functools import partial
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from wordbrush.maps.arrays import Floats
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.server import about, again, wire
from wordbrush.server.body import json_body, limited_body
from wordbrush.server.endpoint import Endpoint
from wordbrush.server.events import changes
from wordbrush.server.job import Job
from wordbrush.server.jobs import MAX_WAITING, JobQueue
from wordbrush.server.openapi import description
from wordbrush.server.picture import Picture
from wordbrush.server.problems import Problem
from wordbrush.server.sessions import session_of
from wordbrush.server.shelf import Shelf
from wordbrush.server.studio import Studio
from wordbrush.server.uploads import MAX_BYTES, MEDIA_TYPES, keep_upload
from wordbrush.server.words import explain

_EVENTS = "text/event-stream"


class Api:
    """What the server answers."""

    def __init__(self, studio: Studio, shelf: Shelf, jobs: JobQueue, *, keeps: bool) -> None:
        """Answer for these; `keeps` says whether they outlive the server."""
        self._studio, self._shelf, self._jobs, self._keeps = studio, shelf, jobs, keeps
        self._decoders = anyio.CapacityLimiter(2)

    def endpoints(self) -> list[Endpoint]:
        """All of them, in the order in which they are documented."""
        job = partial(Endpoint, status=202)
        return [
            Endpoint("GET", "/health", "Whether the server works, and how many jobs wait", self.health),
            Endpoint("GET", "/openapi.json", "This description", self.openapi),
            Endpoint("GET", "/api/model", "The model, its defaults, and what can be chosen", self.model),
            Endpoint("GET", "/api/session", "The pictures and unfinished jobs of this session", self.session),
            Endpoint("POST", "/api/words", "How two prompts differ", self.words, wire.WordsRequest),
            job("POST", "/api/generate", "Draw a picture (a job)", self.generate, wire.GenerateRequest),
            Endpoint("POST", "/api/uploads", "Upload a file", self.upload, MEDIA_TYPES, status=201),
            job("POST", "/api/invert", "Make a source of a photograph (a job)", self.invert, wire.InvertRequest),
            job("POST", "/api/edit", "Edit a source (a job)", self.edit, wire.EditRequest),
            Endpoint("GET", "/api/jobs/{id}", "How far a job is", self.job),
            Endpoint(
                "GET", "/api/jobs/{id}/events", "The same as events, until it is over", self.events, None, _EVENTS
            ),
            Endpoint("DELETE", "/api/jobs/{id}", "Cancel a job, within a step", self.cancel),
            Endpoint("GET", "/api/pictures/{id}", "What made a picture, and what is said of it", self.picture),
            Endpoint("PATCH", "/api/pictures/{id}", "Name a picture", self.rename, wire.RenameRequest),
            Endpoint(
                "DELETE", "/api/pictures/{id}", "Forget a picture, and what was made of it", self.forget, status=204
            ),
            Endpoint("GET", "/api/pictures/{id}/file", "Its file, with its record", self.file, None, "image/png"),
            Endpoint("GET", "/api/pictures/{id}/maps", "What each word looks at, as numbers", self.maps),
            Endpoint("GET", "/api/pictures/{id}/mask", "Where it could change", self.mask, None, "image/png"),
            Endpoint("GET", "/api/pictures/{id}/code", "Python and the command that make it", self.code),
        ]

    async def health(self, request: Request) -> Response:
        """Answer at once, whatever runs."""
        waiting = {"waiting": self._jobs.waiting, "at_most": MAX_WAITING}
        return JSONResponse({"status": "ok", **waiting, "keeps": self._keeps})

    async def openapi(self, request: Request) -> Response:
        """The description of all endpoints."""
        return JSONResponse(description(self.endpoints()))

    async def model(self, request: Request) -> Response:
        """The model that is loaded."""
        return JSONResponse(about.model_facts(self._studio.editor))

    async def session(self, request: Request) -> Response:
        """What this session has, so that a page that is loaded again shows it."""
        name = session_of(request)
        pictures = [picture.to_json() for picture in self._shelf.of(name)]
        jobs = [job.to_json() for job in self._jobs.unfinished(name)]
        return JSONResponse({"pictures": pictures, "jobs": jobs})

    async def words(self, request: Request) -> Response:
        """The difference of two prompts, and what an edit would do, without running the model."""
        asked = wire.parse(wire.WordsRequest, await json_body(request))
        return JSONResponse(await run_in_threadpool(explain, self._studio.editor, asked))

    async def generate(self, request: Request) -> Response:
        """Start a job that draws."""
        return await self._start(request, "generate")

    async def invert(self, request: Request) -> Response:
        """Start a job that inverts."""
        return await self._start(request, "invert")

    async def edit(self, request: Request) -> Response:
        """Start a job that edits."""
        return await self._start(request, "edit")

    async def upload(self, request: Request) -> Response:
        """Keep a file."""
        data = await limited_body(request, MEDIA_TYPES, MAX_BYTES)
        keep = partial(keep_upload, self._shelf, self._studio.editor, session_of(request), data)
        return JSONResponse(await anyio.to_thread.run_sync(keep, limiter=self._decoders), status_code=201)

    async def job(self, request: Request) -> Response:
        """A job as it is now."""
        return JSONResponse(self._job(request).to_json())

    async def events(self, request: Request) -> Response:
        """A job, each time that it changes."""
        return StreamingResponse(changes(self._job(request)), media_type=_EVENTS)

    async def cancel(self, request: Request) -> Response:
        """Cancel a job."""
        job = await run_in_threadpool(self._jobs.cancel, session_of(request), request.path_params["id"])
        return JSONResponse(job.to_json())

    async def picture(self, request: Request) -> Response:
        """What is known of a picture."""
        return JSONResponse(self._picture(request).to_json())

    async def rename(self, request: Request) -> Response:
        """Name a picture."""
        asked = wire.parse(wire.RenameRequest, await json_body(request))
        named = await run_in_threadpool(self._shelf.rename, session_of(request), request.path_params["id"], asked.name)
        return JSONResponse(named.to_json())

    async def forget(self, request: Request) -> Response:
        """Forget a picture, and what was made of it."""
        await run_in_threadpool(self._studio.forget, session_of(request), request.path_params["id"])
        return Response(status_code=204)

    async def file(self, request: Request) -> Response:
        """A picture's file."""
        picture = self._picture(request)
        return _file(picture.data, picture.media_type)

    async def mask(self, request: Request) -> Response:
        """A picture's mask."""
        picture = self._picture(request)
        if picture.mask is None:
            raise Problem(404, "the whole picture could change: it was made without a region and without a mask")
        return _file(picture.mask, "image/png")

    async def maps(self, request: Request) -> Response:
        """A picture's maps."""
        picture = self._picture(request)
        if picture.maps is None:
            raise Problem(404, "an upload has no words, and so no maps; invert it first")
        return JSONResponse(_maps_json(picture.maps))

    async def code(self, request: Request) -> Response:
        """What makes a picture elsewhere, and the files that it needs."""
        model = self._studio.editor.model
        program, files = again.program_of(self._shelf, session_of(request), request.path_params["id"], model)
        return JSONResponse({"python": program.python(), "command": program.command(), "files": files})

    async def _start(self, request: Request, kind: str) -> Response:
        asked, session = wire.parse(wire.JOBS[kind], await json_body(request)), session_of(request)
        job = await run_in_threadpool(self._jobs.submit, Job(session, kind, asked))  # it may be written to a disk
        return JSONResponse(job.to_json(), status_code=202, headers={"Location": f"/api/jobs/{job.id}"})

    def _job(self, request: Request) -> Job:
        return self._jobs.find(session_of(request), request.path_params["id"])

    def _picture(self, request: Request) -> Picture:
        return self._shelf.get(session_of(request), request.path_params["id"])


def _file(data: bytes, media_type: str) -> Response:
    # An id never names other bytes.
    return Response(data, media_type=media_type, headers={"cache-control": "private, max-age=86400, immutable"})


def _shortened(map_hw: Floats) -> list[list[float]]:
    """Numbers of four digits: more cannot be seen, and would be most of the answer."""
    return [[float(f"{value:.4g}") for value in row] for row in map_hw]


def _maps_json(maps: AttentionMaps) -> dict[str, Any]:
    first = maps.word(maps.words[0])
    return {
        "prompt": maps.info.prompt,
        "height": first.shape[0],
        "width": first.shape[1],
        "says": maps.aggregation,
        "words": [{"word": word, "values": _shortened(maps.word(word))} for word in maps.words],
    }
