"""What is kept over a restart: the pictures and jobs of all sessions, in one file of a folder.

The file is SQLite's: a change is on the disk, whole, before the call that makes it returns.
"""

import io
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from threading import Lock
from typing import Any

from wordbrush.errors import SettingsError
from wordbrush.files import expanded
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.file import maps_bytes, read_maps
from wordbrush.runs.record import RunRecord
from wordbrush.server import wire
from wordbrush.server.job import Job, JobState
from wordbrush.server.picture import Picture
from wordbrush.server.problems import Problem

FILE = "wordbrush.sqlite"
_SCHEMA = 1
_TABLES = """
    CREATE TABLE IF NOT EXISTS pictures (
        id TEXT PRIMARY KEY, session TEXT, facts TEXT, record TEXT, data BLOB, maps BLOB, mask BLOB);
    CREATE TABLE IF NOT EXISTS jobs (
        id TEXT PRIMARY KEY, session TEXT, kind TEXT, request TEXT, model TEXT, state TEXT, pictures TEXT, error TEXT);
"""
_PRAGMAS = ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", "secure_delete = ON")
_BESIDE = ("id", "record", "data", "maps", "mask", "number")
"""What of a picture is not among its facts."""
_FACTS = tuple(f.name for f in fields(Picture) if f.name not in _BESIDE)


class Kept:
    """Pictures and jobs on the disk; safe between threads, and of one server at a time."""

    def __init__(self, folder: str | Path, model: str) -> None:
        """Open what a folder holds, which is made where it is not there. `model` is the fingerprint of the model that
        works now. Raises `SettingsError`.
        """
        self._model, self._lock = model, Lock()
        self.folder = expanded(folder)
        try:
            self._open(self.folder / FILE)
        except (OSError, ValueError, sqlite3.Error) as error:
            reason = "another server keeps its pictures there" if "locked" in str(error) else str(error)
            raise SettingsError(f"--keep '{folder}' cannot be used ({reason}); give another folder") from None

    def _open(self, file: Path) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # prompts and pictures are nobody else's to read
        self._base = sqlite3.connect(file, timeout=0.2, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._base.execute(f"PRAGMA {pragma}")
        self._base.executescript(_TABLES)
        (schema,) = self._base.execute("PRAGMA user_version").fetchone()
        if schema not in (0, _SCHEMA):
            raise ValueError(f"it has schema {schema}, and this wordbrush reads {_SCHEMA}")
        self._base.execute(f"PRAGMA user_version = {_SCHEMA}")

    def put_picture(self, session: str, picture: Picture) -> None:
        """Keep a picture, or what has changed of it. Raises `Problem` 503 where the disk does not take it."""
        row = {
            "id": picture.id,
            "session": session,
            "facts": json.dumps({name: getattr(picture, name) for name in _FACTS}),
            "record": None if picture.record is None else picture.record.to_json(),
            "data": picture.data,
            "maps": None if picture.maps is None else maps_bytes(picture.maps),
            "mask": picture.mask,
        }
        self._put("pictures", row)

    def drop_pictures(self, ids: Iterable[str]) -> None:
        """Let go of pictures. Raises `Problem` 503."""
        self._drop("pictures", ids)

    def pictures(self) -> Iterator[tuple[str, Picture]]:
        """Each picture with its session, in the order in which they were made."""
        columns = "session, id, facts, record, data, maps, mask"
        for session, id_, facts, record, data, maps, mask in self._rows("pictures", columns):
            known: dict[str, Any] = json.loads(facts)
            known["said"] = tuple(known["said"])
            yield (
                session,
                Picture(
                    id=id_,
                    record=None if record is None else RunRecord.from_json(record, f"a record in '{self.folder}'"),
                    data=data,
                    maps=None if maps is None else AttentionMaps(*read_maps(io.BytesIO(maps), self.folder)),
                    mask=mask,
                    **known,
                ),
            )

    def put_job(self, job: Job, state: JobState) -> None:
        """Keep a job that is in a state. Raises `Problem` 503 where the disk does not take it."""
        row = {
            "id": job.id,
            "session": job.session,
            "kind": job.kind,
            "request": job.request.model_dump_json(exclude_none=True),
            "model": self._model,
            "state": state,
            "pictures": json.dumps(job.pictures),
            "error": job.error,
        }
        self._put("jobs", row)

    def drop_jobs(self, ids: Iterable[str]) -> None:
        """Forget jobs. Raises `Problem` 503."""
        self._drop("jobs", ids)

    def jobs(self) -> list[Job]:
        """All jobs in the order in which they were asked for. One that was asked of another model has failed."""
        return [
            self._job(*row) for row in self._rows("jobs", "id, session, kind, request, model, state, pictures, error")
        ]

    def _job(
        self,
        id_: str,
        session: str,
        kind: str,
        request: str,
        model: str,
        state: JobState,
        pictures: str,
        error: str | None,
    ) -> Job:
        job = Job(session, kind, wire.parse(wire.JOBS[kind], request.encode()), id_)
        job.kept, job.state, job.error, job.pictures = True, state, error, tuple(json.loads(pictures))
        if not job.over and model != self._model:
            job.state, job.error = "failed", "the server was started again with another model; ask once more"
            self.put_job(job, job.state)
        return job

    def close(self) -> None:
        """Close the file; another server may open it."""
        with self._lock:
            self._base.close()

    def _put(self, table: str, row: dict[str, Any]) -> None:
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        changed = ", ".join(f"{name} = excluded.{name}" for name in row)
        with self._changing():  # an update leaves a row at its place
            self._base.execute(
                f"INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT (id) DO UPDATE SET {changed}", row
            )

    def _drop(self, table: str, ids: Iterable[str]) -> None:
        with self._changing():
            for id_ in ids:
                self._base.execute(f"DELETE FROM {table} WHERE id = ?", (id_,))

    def _rows(self, table: str, columns: str) -> list[Any]:
        with self._lock:
            return self._base.execute(f"SELECT {columns} FROM {table} ORDER BY rowid").fetchall()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise Problem(503, f"the server cannot keep this ({error}); come back later", 60) from None
