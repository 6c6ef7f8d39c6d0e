"""A search for an edit's strength over HTTP: what it tries is seen while it does, and what it finds is an edit."""

import json

from helpers.http_client import drawn, edited, pixels

TARGET = "a cat eating an apple"


def searched(client, source, **options):
    """All events of a search, and the id of what it found."""
    body = {"source": source, "target": TARGET, "options": {"strength": "auto", **options}}
    job, seen = client.post("/api/edit", json=body).json(), []
    with client.stream("GET", f"/api/jobs/{job['id']}/events") as events:
        seen = [json.loads(line.removeprefix("data: ")) for line in events.iter_lines() if line]
    assert seen[-1]["state"] == "done", seen[-1]
    return seen, seen[-1]["pictures"][0]


def test_what_is_tried_is_seen_and_can_be_made_again(client, editor, command_line):
    source = drawn(client, seed=6, num_inference_steps=5)
    events, found = searched(client, source)
    tried = events[-1]["candidates"]
    assert 3 <= len(tried) <= 5
    assert all(0 <= one["score"] <= 1 for one in tried)
    waiting = [event for event in events if event["candidates"] and event["candidates"][0]["score"] is None]
    assert waiting  # each is there before it has a score
    shown = {place for event in events for place in event.get("previews", {})}
    assert len(shown) >= 2
    assert all(a.startswith("data:image/jpeg;") for event in events for a in event.get("previews", {}).values())
    # What it found is what the editor finds, and an edit like any other.
    made = editor.generate("a dog eating an apple", seed=6, num_inference_steps=5)
    expected = editor.edit(made, TARGET, strength="auto")
    assert pixels(client, found) == expected.image.tobytes()
    facts = client.get(f"/api/pictures/{found}").json()
    best = max(tried, key=lambda one: one["score"])
    options = facts["request"]["edit"]["options"]
    assert options == {"strength": best["strength"], "recipe": best["recipe"]}
    assert any(line.startswith(f"strength {best['strength']:g}") for line in facts["said"])
    assert pixels(client, edited(client, source, TARGET, options=options)) == pixels(client, found)
    code = {}
    exec(client.get(f"/api/pictures/{found}/code").json()["python"], code)
    assert code["result"].image.tobytes() == pixels(client, found)


def test_a_search_is_cancelled_within_a_step(client):
    source = drawn(client, seed=6, num_inference_steps=20)
    job = client.post("/api/edit", json={"source": source, "target": TARGET, "options": {"strength": "auto"}}).json()
    while not job["step"]:
        job = client.get(f"/api/jobs/{job['id']}").json()
    client.delete(f"/api/jobs/{job['id']}")
    while job["state"] == "running":
        job = client.get(f"/api/jobs/{job['id']}").json()
    assert job["state"] == "cancelled"
    assert all(one["score"] is None for one in job["candidates"])


def test_no_folder_of_the_machine_can_be_named(client):
    options = {"strength": {"candidates": 1, "good_enough": 0.9, "clip": "/etc"}}
    answer = client.post("/api/edit", json={"source": "x", "target": "a", "options": options})
    assert answer.status_code == 422
    assert "strength" in answer.json()["error"]
