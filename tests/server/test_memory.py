"""What is kept has a budget, and what was let go is made once more."""

import json

from starlette.testclient import TestClient

from helpers.http_client import STEPS, drawn, edited, pixels
from wordbrush.server import wire
from wordbrush.server.app import make_app
from wordbrush.server.job import Job
from wordbrush.server.shelf import Shelf
from wordbrush.server.studio import Studio


def test_a_source_that_was_let_go_is_made_once_more_with_the_same_pixels(editor):
    with TestClient(make_app(editor, page=False, source_bytes=1), base_url="http://localhost") as client:
        first = drawn(client, seed=6)
        expected = pixels(client, edited(client, first))
        drawn(client, seed=7)  # the budget is one byte: the newest source alone is kept
        assert pixels(client, edited(client, first)) == expected


def test_an_edit_that_was_let_go_is_edited_further_with_the_same_pixels(editor):
    body = {"target": "a cat eating an orange"}
    with TestClient(make_app(editor, page=False), base_url="http://localhost") as client:
        expected = pixels(client, edited(client, edited(client, drawn(client, seed=6)), **body))
    with TestClient(make_app(editor, page=False, source_bytes=1), base_url="http://localhost") as client:
        first = edited(client, drawn(client, seed=6))
        drawn(client, seed=7)
        assert pixels(client, edited(client, first, **body)) == expected


def test_nothing_is_kept_of_a_picture_that_is_forgotten(editor):
    studio = Studio(editor, Shelf(1 << 20), 1 << 30)
    job = Job(
        "me", "generate", wire.parse(wire.GenerateRequest, json.dumps({"prompt": "a dog", "options": STEPS}).encode())
    )
    studio.work(job)
    assert studio._insides.bytes > 0
    studio.forget("me", job.id)
    assert studio._insides.bytes == 0
    assert studio.shelf.of("me") == []


def test_pictures_that_do_not_fit_are_let_go_the_oldest_first(editor):
    with TestClient(make_app(editor, page=False, picture_bytes=200_000), base_url="http://localhost") as client:
        made = [drawn(client, seed=seed) for seed in range(8)]
        left = [picture["id"] for picture in client.get("/api/session").json()["pictures"]]
    assert left == made[-len(left) :]
    assert 1 < len(left) < 8
