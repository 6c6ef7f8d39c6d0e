"""Jobs: one runs at a time, a bounded number waits, each can be watched and cancelled within a step."""

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from threading import Condition, Event, Thread
from typing import Literal, Protocol

from PIL.Image import Image

from wordbrush.errors import WordbrushError
from wordbrush.server.preview import preview_address
from wordbrush.server.problems import Problem

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]

MAX_WAITING = 32
"""How many jobs wait at most, of all sessions together."""
MAX_WAITING_OF_ONE = 8
"""How many of one session."""
MAX_FINISHED = 500
"""How many finished jobs can still be asked about."""


class Cancelled(Exception):
    """The job was cancelled between two steps."""


class Progress(Protocol):
    """Where work is seen while it runs."""

    def on_step(self, done: int, total: int, /) -> None:
        """So many steps are done; raises `Cancelled` when they are enough."""
        ...

    def show(self, picture: Image, /) -> None:
        """How the picture looks now."""
        ...


class Job:
    """One run for a session. `pictures` are the ids of what it made, `error` why it failed.

    `preview` is how a picture looks while it is made, as an address that a browser shows.
    """

    def __init__(self, session: str, kind: str, work: Callable[[Progress], Sequence[str]]) -> None:
        """Wait. `work` makes pictures, and is given this job to tell how far it is."""
        self.id = secrets.token_urlsafe(12)
        self.session = session
        self.kind = kind
        self.state: JobState = "waiting"
        self.step = self.total = 0
        self.pictures: tuple[str, ...] = ()
        self.error: str | None = None
        self.preview: str | None = None
        self.seconds = 0.0
        self._work = work
        self._stop = Event()

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
        }

    def cancel(self) -> None:
        """Stop before it starts, or after the step that it is at; what is over stays as it is."""
        self._stop.set()
        if self.state == "waiting":
            self.state = "cancelled"

    def run(self) -> None:
        """Do the work, and end in a state that says how it went."""
        began = time.monotonic()
        self.state = "running"
        try:
            self.pictures = tuple(self._work(self))
            self.state = "done"
        except Cancelled:
            self.state = "cancelled"
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


class JobQueue:
    """Runs jobs one after the other in a thread of its own."""

    def __init__(self) -> None:
        """Start the thread; it waits."""
        self._waiting: deque[Job] = deque()
        self._all: OrderedDict[str, Job] = OrderedDict()
        self._changed = Condition()
        self._mean_seconds = 1.0
        self._closed = False
        self._worker = Thread(target=self._run, daemon=True, name="wordbrush jobs")
        self._worker.start()

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        with self._changed:
            return sum(job.state == "waiting" for job in self._waiting)

    def submit(self, job: Job) -> Job:
        """Take a job. Raises `Problem` 429 for a session that has too many, 503 when all have."""
        with self._changed:
            waiting = [other for other in self._waiting if other.state == "waiting"]
            later = max(1, round(self._mean_seconds * (len(waiting) + 1)))
            if sum(other.session == job.session for other in waiting) >= MAX_WAITING_OF_ONE:
                raise Problem(429, f"{MAX_WAITING_OF_ONE} of your pictures wait already; wait for one of them", later)
            if len(waiting) >= MAX_WAITING:
                raise Problem(503, f"{MAX_WAITING} pictures wait already; come back in about {later} s", later)
            self._waiting.append(job)
            self._all[job.id] = job
            self._forget()
            self._changed.notify()
        return job

    def find(self, session: str, id_: str) -> Job:
        """A session's job. Raises `Problem` 404."""
        with self._changed:
            job = self._all.get(id_)
        if job is None or job.session != session:
            raise Problem(404, "there is no such job here; jobs are forgotten some time after they end")
        return job

    def unfinished(self, session: str) -> list[Job]:
        """A session's jobs that wait or run, in order."""
        with self._changed:
            return [job for job in self._all.values() if job.session == session and not job.over]

    def close(self) -> None:
        """Cancel what is left, and end the thread."""
        with self._changed:
            self._closed = True
            for job in self._all.values():
                job.cancel()
            self._changed.notify()
        self._worker.join()

    def _forget(self) -> None:
        over = [id_ for id_, job in self._all.items() if job.over]
        for id_ in over[: max(0, len(over) - MAX_FINISHED)]:
            del self._all[id_]

    def _next(self) -> Job | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return None if self._closed else self._waiting.popleft()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            if job.state == "waiting":
                job.run()
                self._mean_seconds += (job.seconds - self._mean_seconds) / 8
