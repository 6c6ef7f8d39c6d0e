"""Many clients of the server at once: what they are answered, how fast it still says that it works, what it holds.

    python benchmarks/server_load.py [--clients 50] [--seconds 600] [--steps 5]

The server is a process of its own, asked over HTTP. Each client draws a picture, edits it, looks at it and begins
again, with a session of its own; told to come back later, it does. Prints Markdown.
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import random
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from threading import Thread

import httpx2
import uvicorn

from wordbrush import Editor
from wordbrush.server.app import make_app
from wordbrush.server.run import bind

LOOK = 0.05
"""Seconds between two questions whether the server works."""


class Timed:
    """An application that also notes how long it takes for `/health`, and gives the notes away at `/noted`."""

    def __init__(self, app):
        self.app, self.health, self.late = app, [], []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] not in ("/health", "/noted"):
            await self.app(scope, receive, send)
        elif scope["path"] == "/health":
            began = time.perf_counter()
            await self.app(scope, receive, send)
            self.health.append(time.perf_counter() - began)
        else:
            noted = json.dumps({"health": self.health, "late": self.late}).encode()
            self.health, self.late = [], []
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": noted})

    async def watch(self):
        """Note how much later than asked for the server's loop goes on: what any answer waits at most."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LOOK)
            self.late.append(time.perf_counter() - began - LOOK)


def serve(told):
    """The server: tells its port, and serves until it is ended."""
    listening = bind("127.0.0.1", 0)
    app = Timed(make_app(Editor.from_pretrained(), page=False, picture_bytes=4 << 20, source_bytes=128 << 20))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1))

    async def run():
        watching = asyncio.create_task(app.watch())
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(LOOK)
        told.send(listening.getsockname()[1])
        await serving
        watching.cancel()

    asyncio.run(run())


class Load:
    """What the clients saw. `answers` are counts by status, `jobs` by how they ended, `health` seconds; `silent` are
    answers of a busy server that did not say when to come back.
    """

    def __init__(self, port, steps, seconds):
        self.port, self.steps, self.until = port, steps, time.monotonic() + seconds
        self.answers, self.jobs, self.health, self.silent = Counter(), Counter(), [], 0

    async def person(self, number):
        chance = random.Random(number)
        while time.monotonic() < self.until:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=None) as client:
                options = {"seed": chance.randrange(10**6), "num_inference_steps": self.steps}
                source = await self.made(client, "generate", {"prompt": "a dog eating an apple", "options": options})
                if source is not None and time.monotonic() < self.until:
                    await self.made(client, "edit", {"source": source, "target": "a cat eating an apple"})
                    for what in ("", "/file", "/maps"):
                        answer = await client.get(f"/api/pictures/{source}{what}")
                        self.answers[answer.status_code] += 1

    async def made(self, client, what, body):
        while True:
            answer = await client.post(f"/api/{what}", json=body)
            self.answers[answer.status_code] += 1
            if answer.status_code == 202:
                break
            if answer.status_code not in (429, 503):
                return None
            self.silent += "retry-after" not in answer.headers
            await asyncio.sleep(min(int(answer.headers.get("retry-after", 1)), 5))
            if time.monotonic() > self.until:
                return None
        job = answer.json()
        while job["state"] in ("waiting", "running"):
            await asyncio.sleep(0.2)
            job = (await client.get(f"/api/jobs/{job['id']}")).json()
        self.jobs[job["state"]] += 1
        return job["pictures"][0] if job["pictures"] else None

    def watch(self):
        """Ask whether the server works, in a thread of its own, which does not wait for the other clients."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port)) as asking:
            while time.monotonic() < self.until:
                began = time.perf_counter()
                asking.request("GET", "/health")
                assert json.loads(asking.getresponse().read())["status"] == "ok"
                self.health.append(time.perf_counter() - began)
                time.sleep(LOOK)

    async def run(self, clients, first):
        watching = Thread(target=self.watch)
        watching.start()
        await asyncio.gather(*(self.person(first + i) for i in range(clients)))
        watching.join()
        return self


def resident_bytes(process):
    """What a process holds in memory now."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096


def noted(port):
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as asking:
        asking.request("GET", "/noted")
        return json.loads(asking.getresponse().read())


def within(seconds, part):
    """The time, in milliseconds, within which this part of all was."""
    return 1000 * sorted(seconds)[int(part * (len(seconds) - 1))]


def measured(process, port, clients, seconds, steps):
    """The load after a warm-up of a fifth of its time; the server's notes of it; its memory before and after."""
    asyncio.run(Load(port, steps, seconds / 5).run(clients, 0))
    before = resident_bytes(process)
    noted(port)
    load = asyncio.run(Load(port, steps, seconds).run(clients, clients))
    return load, noted(port), before, resident_bytes(process)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--steps", type=int, default=5)
    asked = parser.parse_args()
    process_of = multiprocessing.get_context("spawn")
    told, tells = process_of.Pipe(duplex=False)
    server = process_of.Process(target=serve, args=(tells,))
    server.start()
    try:
        load, notes, before, after = measured(server.pid, told.recv(), asked.clients, asked.seconds, asked.steps)
    finally:
        server.terminate()
        server.join()
    print(f"{asked.clients} clients for {asked.seconds:g} s, {asked.steps} steps a picture\n")
    print("| what | seen |\n|---|---|")
    print(f"| answers by status | {', '.join(f'{n} x {status}' for status, n in sorted(load.answers.items()))} |")
    print(f"| answers 429 and 503 without `Retry-After` | {load.silent} |")
    print(f"| jobs by how they ended | {', '.join(f'{n} {state}' for state, n in sorted(load.jobs.items()))} |")
    for part in (0.5, 0.99):
        seen, inside, late = (within(times, part) for times in (load.health, notes["health"], notes["late"]))
        print(
            f"| `/health`, {100 * part:g} of 100 within | {seen:.0f} ms for a client; in the server {inside:.1f} ms, "
            f"which its loop began {late:.1f} ms late |"
        )
    print(f"| `/health`, the slowest of {len(load.health)} | {within(load.health, 1):.0f} ms |")
    print(
        f"| memory of the server | {before >> 20} MiB after warm-up, {(after - before) / 2**20:+.0f} MiB in the end |"
    )


if __name__ == "__main__":
    main()
