"""The queue of jobs: one runs at a time, a bounded number waits, and what was promised to be kept is done at last."""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Condition, Lock, Thread

from wordbrush.server.job import Job
from wordbrush.server.kept import Kept
from wordbrush.server.problems import Problem

MAX_WAITING = 32
"""How many jobs wait at most, of all sessions together."""
MAX_WAITING_OF_ONE = 8
"""How many of one session."""
MAX_FINISHED = 500
"""How many finished jobs can still be asked about."""


class JobQueue:
    """Runs jobs one after the other in a thread of its own.

    With `kept` a job is on the disk before it is taken, and those that an earlier server did not finish come first.
    """

    def __init__(self, work: Callable[[Job], Sequence[str]], kept: Kept | None = None) -> None:
        """Start the thread. `work` does a job, and returns the ids of the pictures that it made."""
        self._work, self._kept = work, kept
        self._all = OrderedDict((job.id, job) for job in (kept.jobs() if kept else ()))
        self._waiting = deque(job for job in self._all.values() if not job.over)
        self._changed, self._writing = Condition(), Lock()
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
        with self._writing:
            self._check_room(job)
            self._keep(job)
            with self._changed:
                self._waiting.append(job)
                self._all[job.id] = job
                forgotten = self._forget()
                self._changed.notify()
            if self._kept is not None:
                self._kept.drop_jobs(forgotten)
        return job

    def _check_room(self, job: Job) -> None:
        with self._changed:
            waiting = [other for other in self._waiting if other.state == "waiting"]
            later = max(1, round(self._mean_seconds * (len(waiting) + 1)))
            if sum(other.session == job.session for other in waiting) >= MAX_WAITING_OF_ONE:
                raise Problem(429, f"{MAX_WAITING_OF_ONE} of your pictures wait already; wait for one of them", later)
            if len(waiting) >= MAX_WAITING:
                raise Problem(503, f"{MAX_WAITING} pictures wait already; come back in about {later} s", later)

    def _keep(self, job: Job) -> None:
        if self._kept is not None:
            self._kept.put_job(job, job.state)
            job.kept = True

    def cancel(self, session: str, id_: str) -> Job:
        """Cancel a session's job. Raises `Problem` 404."""
        job = self.find(session, id_)
        with self._writing:
            if not job.over and self._kept is not None:
                self._kept.put_job(job, "cancelled")
            job.cancel()
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
        """Stop what runs, and end the thread. What is not kept is cancelled."""
        with self._changed:
            self._closed = True
            for job in self._all.values():
                (job.cancel if self._kept is None else job.interrupt)()
            self._changed.notify()
        self._worker.join()

    def _forget(self) -> list[str]:
        over = [id_ for id_, job in self._all.items() if job.over]
        forgotten = over[: max(0, len(over) - MAX_FINISHED)]
        for id_ in forgotten:
            del self._all[id_]
        return forgotten

    def _next(self) -> Job | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return None if self._closed else self._waiting.popleft()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            if job.state == "waiting":
                job.run(self._work)
                self._mean_seconds += (job.seconds - self._mean_seconds) / 8
                self._keep_end(job)

    def _keep_end(self, job: Job) -> None:
        if self._kept is None or not job.over:
            return
        with self._writing, suppress(Problem):  # what the disk does not take is done once more after a restart
            self._kept.put_job(job, job.state)
