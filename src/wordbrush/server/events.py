"""A job while it is watched, as server-sent events."""

import json
from collections.abc import AsyncIterator

import anyio

from wordbrush.server.job import Job

_POLL_SECONDS = 0.05


async def changes(job: Job) -> AsyncIterator[str]:
    """An event whenever a job has changed, until it is over. One with a `preview` when there is a new one; with
    `previews` of all candidates, by their places, when one of them is new.

    The job is looked at often: its thread, which is busy, need not know who watches.
    """
    last: dict[str, object] = {}
    shown: dict[str, object] = {"preview": None, "previews": {}}
    while True:
        over, now = job.over, job.to_json()
        tried = {place: one.preview for place, one in enumerate(list(job.candidates)) if one.preview}
        seen: dict[str, object] = {"preview": job.preview, "previews": tried}
        if now != last or seen != shown:
            new = {name: value for name, value in seen.items() if value and value != shown[name]}
            yield f"data: {json.dumps(now | new)}\n\n"
            last, shown = now, seen
        if over:
            return
        await anyio.sleep(_POLL_SECONDS)
