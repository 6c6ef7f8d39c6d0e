"""A job while it is watched, as server-sent events."""

import json
from collections.abc import AsyncIterator

import anyio

from wordbrush.server.jobs import Job

_POLL_SECONDS = 0.05


async def changes(job: Job) -> AsyncIterator[str]:
    """An event whenever a job has changed, until it is over; one with a `preview` when there is a new one.

    The job is looked at often: its thread, which is busy, need not know who watches.
    """
    last: dict[str, object] = {}
    shown = None
    while True:
        over, preview, now = job.over, job.preview, job.to_json()
        if now != last or preview != shown:
            event = now if preview in (None, shown) else now | {"preview": preview}
            yield f"data: {json.dumps(event)}\n\n"
            last, shown = now, preview
        if over:
            return
        await anyio.sleep(_POLL_SECONDS)
