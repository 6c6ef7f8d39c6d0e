"""A job: what a client asked for, how far it is, and how it ends. It can be watched, and cancelled within a step."""

import secrets
import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, Literal

from PIL.Image import Image

from wordbrush.errors import WordbrushError
from wordbrush.server.candidate import Candidates
from wordbrush.server.preview import preview_address

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]


class Cancelled(Exception):
    """The job was cancelled between two steps."""


class Job:
    """One `request` of a session, of a `kind`. `pictures` are the ids of what it made, `error` why it failed.

    `preview` is how a picture looks while it is made, as an address that a browser shows, `candidates` what a search
    for an edit tries. `kept` says that the job
    will be done even if the server ends before.
    """

    def __init__(self, session: str, kind: str, request: Any, id_: str | None = None) -> None:
        """Wait."""
        self.id = id_ or secrets.token_urlsafe(12)
        self.session = session
        self.kind = kind
        self.request = request
        self.state: JobState = "waiting"
        self.step = self.total = 0
        self.pictures: tuple[str, ...] = ()
        self.error: str | None = None
        self.preview: str | None = None
        self.candidates = Candidates()
        self.kept = False
        self.seconds = 0.0
        self._stop = Event()
        self._stopped: JobState = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")

    def to_json(self) -> dict[str, object]:
        """What a client sees of it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "step": self.step,
            "total": self.total,
            "pictures": list(self.pictures),
            "error": self.error,
            "kept": self.kept,
            "candidates": [candidate.to_json() for candidate in list(self.candidates)],
        }

    def cancel(self) -> None:
        """Stop before it starts, or after the step that it is at; what is over stays as it is."""
        self._stop.set()
        if self.state == "waiting":
            self.state = "cancelled"

    def interrupt(self) -> None:
        """Stop after the step that it is at, and wait to be done once more."""
        self._stopped = "waiting"
        self._stop.set()

    def run(self, work: Callable[["Job"], Sequence[str]]) -> None:
        """Have the work done, and end in a state that says how it went. `work` tells this job how far it is."""
        began = time.monotonic()
        self.state = "running"
        try:
            self.pictures = tuple(work(self))
            self.state = "done"
        except Cancelled:
            self.state = self._stopped
        except WordbrushError as error:
            self.error, self.state = str(error), "failed"
        except Exception as error:  # a client must hear of it: nobody reads this thread's traceback
            self.error, self.state = f"{type(error).__name__}: {error}", "failed"
        finally:
            self.preview = None
            self.seconds = time.monotonic() - began

    def on_step(self, done: int, total: int) -> None:
        """Note how far it is. Raises `Cancelled` for a job that was cancelled."""
        if self._stop.is_set():
            raise Cancelled
        self.step, self.total = done, total

    def show(self, picture: Image) -> None:
        """Note how the picture looks."""
        self.preview = preview_address(picture)
