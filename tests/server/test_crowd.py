"""More requests than can be answered at a time."""

import anyio
from starlette.testclient import TestClient

from wordbrush.server.app import make_app
from wordbrush.server.crowd import Crowd


def test_one_too_many_is_told_when_to_come_back_and_the_next_is_let_in():
    statuses = []

    async def crowd_of_three():
        go, inside = anyio.Event(), []

        async def app(scope, receive, send):
            inside.append(scope)
            await go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async def ask(path="/"):
            async def send(message):
                if message["type"] == "http.response.start":
                    statuses.append((message["status"], dict(message["headers"]).get(b"retry-after")))

            await crowd({"type": "http", "path": path, "method": "GET", "headers": []}, None, send)

        crowd = Crowd(app, 2)
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(ask)
            group.start_soon(ask, "/health")
            while len(inside) < 3:
                await anyio.sleep(0)
            await ask()
            assert statuses == [(503, b"1")]
            go.set()
        await ask()

    anyio.run(crowd_of_three)
    assert statuses == [(503, b"1"), *[(200, None)] * 4]


def test_the_server_has_such_a_bound(editor, monkeypatch):
    monkeypatch.setattr("wordbrush.server.app.MAX_REQUESTS", 0)
    with TestClient(make_app(editor, page=True), base_url="http://localhost") as client:
        answer = client.get("/api/session")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "come back" in answer.json()["error"]
        assert "content-security-policy" in answer.headers
        assert client.get("/health").status_code == 200
