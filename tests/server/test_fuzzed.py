"""Requests of every shape that the API's description allows, and of others: none breaks the server."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from helpers.http_client import drawn, finished
from wordbrush.server.app import make_app

schemathesis = pytest.importorskip("schemathesis", reason="NO FUZZING: install schemathesis")
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
UNFORESEEN = re.compile(r"\w+(Error|Exception|Exit|Interrupt|Warning): ")


@pytest.fixture(scope="module")
def fuzzed(editor):
    with TestClient(make_app(editor, page=True), base_url="http://localhost") as client:
        yield client, schemathesis.openapi.from_dict(client.get("/openapi.json").json()), real(client)


def real(client):
    """The ids of a source and of a photograph, so that requests get as far as the editor."""
    source = drawn(client, seed=6, num_inference_steps=2)
    data = client.get(f"/api/pictures/{source}/file").content
    photo = client.post("/api/uploads", content=data, headers={"content-type": "image/png"}).json()["id"]
    return {"source": source, "picture": photo, "mask": photo}


@pytest.mark.parametrize("examples", [4, pytest.param(100, marks=pytest.mark.slow)])  # of each endpoint
@pytest.mark.parametrize("mode", MODES, ids=["as described", "not as described"])
@pytest.mark.filterwarnings("ignore::wordbrush.errors.PromptWarning")
def test_no_request_breaks_the_server(fuzzed, mode, examples):
    client, schema, ids = fuzzed
    operations = [found.ok() for found in schema.get_all_operations()]
    if mode is schemathesis.GenerationMode.NEGATIVE:
        # Any text may be an id, and any bytes a file.
        operations = [one for one in operations if [body.media_type for body in one.body] == ["application/json"]]
    assert len(operations) >= 5
    for operation in operations:
        statuses = fuzz(client, operation, mode, ids, examples)
        assert statuses - {413, 415}, operation.label


def fuzz(client, operation, mode, ids, examples):
    """Send requests of one kind; returns the statuses of their answers."""
    statuses = set()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=HealthCheck)
    def ask(case):
        response = client.request(**sent(case, ids))
        statuses.add(response.status_code)
        assert response.status_code < 500
        if response.status_code == 202:
            job = finished(client, response)
            assert not UNFORESEEN.match(job["error"] or ""), job
        elif response.status_code >= 400 and response.headers["content-type"] == "application/json":
            assert response.json()["error"]

    ask()
    return statuses


def sent(case, ids):
    """A generated request as the client takes it: of pictures that are there, and of few steps and pixels."""
    given = case.as_transport_kwargs(base_url="http://localhost")
    content, headers = given.get("data"), dict(given["headers"])
    if "json" in given:
        content = json.dumps(sized(given["json"], ids)).encode()
        headers["content-type"] = "application/json"
    return {"method": given["method"], "url": given["url"], "headers": headers, "content": content}


def sized(body, ids):
    if not isinstance(body, dict):
        return body
    body = {name: ids.get(name, value) if value is not None else None for name, value in body.items()}
    options = body.get("options")
    if isinstance(options, dict):
        steps = options.get("num_inference_steps")
        small = {"num_inference_steps": min(steps, 2)} if isinstance(steps, int) else {}
        body["options"] = {name: value for name, value in options.items() if name != "size"} | small
    return body
