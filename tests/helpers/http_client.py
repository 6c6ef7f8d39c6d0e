"""What tests ask of the server, as a program does."""

import io
import json
from typing import Any

from PIL import Image
from starlette.testclient import TestClient

STEPS = {"num_inference_steps": 3}


def finished(client: TestClient, response: Any) -> dict[str, Any]:
    """A job, once it is over."""
    assert response.status_code == 202, response.text
    last: dict[str, Any] = {}
    with client.stream("GET", f"/api/jobs/{response.json()['id']}/events") as events:
        for line in events.iter_lines():
            if line:
                last = json.loads(line.removeprefix("data: "))
    return last


def drawn(client: TestClient, prompt: str = "a dog eating an apple", **options: Any) -> str:
    """The id of a picture."""
    return _made(client, "generate", {"prompt": prompt, "options": {**STEPS, **options}})


def edited(client: TestClient, source: str, target: str = "a cat eating an apple", **body: Any) -> str:
    """The id of an edit."""
    return _made(client, "edit", {"source": source, "target": target, **body})


def pixels(client: TestClient, id_: str) -> bytes:
    """A picture's pixels."""
    return Image.open(io.BytesIO(client.get(f"/api/pictures/{id_}/file").content)).convert("RGB").tobytes()


def _made(client: TestClient, what: str, body: dict[str, Any]) -> str:
    job = finished(client, client.post(f"/api/{what}", json=body))
    assert job["state"] == "done", job
    return str(job["pictures"][0])
