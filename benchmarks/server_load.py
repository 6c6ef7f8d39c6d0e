"""Many clients of the server at once: what they are answered, how fast it still says that it works, what it holds.

    python benchmarks/server_load.py [--clients 50] [--seconds 600] [--steps 5]

Clients and server are one process, without a network between them. Each client draws a picture, edits it, looks at it
and begins again, with a session of its own; told to come back later, it does. Prints Markdown.
"""

import argparse
import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import httpx2

from wordbrush import Editor
from wordbrush.server.app import make_app

ADDRESS = "http://localhost"


class Load:
    """What the clients saw. `answers` are counts by status, `health` seconds, `jobs` counts by how they ended."""

    def __init__(self, app, steps, until):
        self.app, self.steps, self.until = app, steps, until
        self.answers, self.jobs, self.health = Counter(), Counter(), []

    def client(self):
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url=ADDRESS, timeout=None)

    async def person(self, number):
        chance = random.Random(number)
        while time.monotonic() < self.until:
            async with self.client() as client:
                options = {"seed": chance.randrange(10**6), "num_inference_steps": self.steps}
                source = await self.made(client, "generate", {"prompt": "a dog eating an apple", "options": options})
                if source is not None:
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
            await asyncio.sleep(min(int(answer.headers["retry-after"]), 5))
            if time.monotonic() > self.until:
                return None
        job = answer.json()
        while job["state"] in ("waiting", "running"):
            await asyncio.sleep(0.2)
            job = (await client.get(f"/api/jobs/{job['id']}")).json()
        self.jobs[job["state"]] += 1
        return job["pictures"][0] if job["pictures"] else None

    async def watch(self):
        async with self.client() as client:
            while time.monotonic() < self.until:
                began = time.perf_counter()
                (await client.get("/health")).raise_for_status()
                self.health.append(time.perf_counter() - began)
                await asyncio.sleep(0.05)


def resident_bytes():
    """What this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def run(app, clients, seconds, steps):
    warm = Load(app, steps, time.monotonic() + seconds / 5)
    await asyncio.gather(*(warm.person(i) for i in range(clients)))
    before = resident_bytes()
    load = Load(app, steps, time.monotonic() + seconds)
    await asyncio.gather(load.watch(), *(load.person(clients + i) for i in range(clients)))
    return load, resident_bytes() - before


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--steps", type=int, default=5)
    asked = parser.parse_args()
    app = make_app(Editor.from_pretrained(), page=False, picture_bytes=32 << 20, source_bytes=128 << 20)
    load, grown = asyncio.run(run(app, asked.clients, asked.seconds, asked.steps))
    slowest = sorted(load.health)
    print(f"{asked.clients} clients for {asked.seconds:g} s, {asked.steps} steps a picture\n")
    print("| what | seen |\n|---|---|")
    print(f"| answers by status | {', '.join(f'{n} x {status}' for status, n in sorted(load.answers.items()))} |")
    print(f"| jobs by how they ended | {', '.join(f'{n} {state}' for state, n in sorted(load.jobs.items()))} |")
    print(f"| `/health`, 99 of 100 within | {1000 * slowest[int(0.99 * (len(slowest) - 1))]:.0f} ms |")
    print(f"| memory, more than after warm-up | {grown / 2**20:.0f} MiB |")


if __name__ == "__main__":
    main()
