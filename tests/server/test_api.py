"""The API as a program uses it, on the bundled model."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from helpers.http_client import STEPS, drawn, edited, finished, pixels
from wordbrush.server.app import make_app


def png(size=(64, 48), colour=(200, 30, 30)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def upload(client, data, media_type="image/png"):
    return client.post("/api/uploads", content=data, headers={"content-type": media_type})


def test_a_picture_and_its_edit_are_the_editors_own(client, editor):
    source = drawn(client, seed=6)
    edit = edited(client, source)
    expected = editor.generate("a dog eating an apple", seed=6, **STEPS)
    assert pixels(client, source) == expected.image.tobytes()
    assert pixels(client, edit) == editor.edit(expected, "a cat eating an apple").image.tobytes()
    facts = client.get(f"/api/pictures/{edit}").json()
    assert facts["source"] == source
    assert "'dog' -> 'cat', by the prompt alone" in facts["said"]


def test_every_word_of_a_picture_has_its_map(client, editor):
    source = drawn(client, seed=6)
    maps = client.get(f"/api/pictures/{source}/maps").json()
    expected = editor.maps(editor.generate("a dog eating an apple", seed=6, **STEPS))
    assert [word["word"] for word in maps["words"]] == list(expected.words)
    values = next(word["values"] for word in maps["words"] if word["word"] == "dog")
    assert np.allclose(values, expected.word("dog"), rtol=1e-3, atol=0)
    assert (len(values), len(values[0])) == (maps["height"], maps["width"])


def test_a_job_tells_how_far_it_is_and_ends_with_its_pictures(client):
    response = client.post("/api/generate", json={"prompt": "a dog", "options": {"num_inference_steps": 4}})
    assert response.headers["location"] == f"/api/jobs/{response.json()['id']}"
    job = finished(client, response)
    assert (job["state"], job["step"], job["total"], len(job["pictures"])) == ("done", 4, 4, 1)
    assert client.get(f"/api/jobs/{job['id']}").json() == job


def previews(client, path, body):
    """The previews of a job's events, and the job as it ended."""
    job, seen = client.post(path, json=body).json(), []
    with client.stream("GET", f"/api/jobs/{job['id']}/events") as events:
        for line in events.iter_lines():
            job = json.loads(line.removeprefix("data: ")) if line else job
            if line and "preview" in job:
                data = base64.b64decode(job["preview"].removeprefix("data:image/jpeg;base64,"))
                seen.append(Image.open(io.BytesIO(data)))
    assert job["state"] == "done"
    return seen, job


def test_a_picture_is_seen_while_it_is_made(client):
    options = {"seed": 6, "num_inference_steps": 16}
    seen, job = previews(client, "/api/generate", {"prompt": "a dog eating an apple", "options": options})
    assert seen
    assert "preview" not in job
    source = job["pictures"][0]
    edits, job = previews(client, "/api/edit", {"source": source, "target": "a cat eating an apple"})
    assert edits
    assert {picture.size for picture in (*seen, *edits)} == {(128, 128)}
    made = Image.frombytes("RGB", (128, 128), pixels(client, source))
    assert np.abs(np.asarray(seen[-1], float) - np.asarray(made)).mean() < 40  # a picture of the dog, not of noise


def test_the_edit_of_a_photograph_is_seen_at_its_own_shape(client):
    photo = upload(client, png()).json()["id"]
    body = {"picture": photo, "prompt": "a dog", "method": "direct", "options": {"num_inference_steps": 10}}
    source = finished(client, client.post("/api/invert", json=body))["pictures"][0]
    seen, _ = previews(client, "/api/edit", {"source": source, "target": "a cat"})
    assert {picture.size for picture in seen} == {(64, 48)}


def test_a_job_is_cancelled_within_a_step(client):
    response = client.post("/api/generate", json={"prompt": "a dog", "options": {"num_inference_steps": 250}})
    job = client.delete(f"/api/jobs/{response.json()['id']}").json()
    job = finished(client, response)
    assert job["state"] == "cancelled"
    assert job["step"] < 250
    assert job["pictures"] == []


def test_a_job_that_waits_is_cancelled_before_it_starts(client):
    first = client.post("/api/generate", json={"prompt": "a dog", "options": {"num_inference_steps": 100}})
    second = client.post("/api/generate", json={"prompt": "a cat", "options": STEPS})
    assert client.delete(f"/api/jobs/{second.json()['id']}").json()["state"] == "cancelled"
    client.delete(f"/api/jobs/{first.json()['id']}")
    assert finished(client, second)["step"] == 0


def test_what_cannot_be_fails_with_the_editors_own_words(client):
    source = drawn(client)
    for body, said in (
        ({"options": {"equalizer": {"horse": 2}}}, "'horse'"),
        ({"target": "a dog eating an apple"}, "are both"),
        ({"options": {"cross_replace_steps": 7}}, "cross_replace_steps"),
    ):
        request = {"source": source, "target": "a cat eating an apple", **body}
        job = finished(client, client.post("/api/edit", json=request))
        assert job["state"] == "failed", job
        assert said in job["error"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/api/generate", {}, "prompt"),
        ("/api/generate", {"prompt": 3}, "prompt"),
        ("/api/generate", {"prompt": "a", "options": {"path": "/etc/passwd"}}, "options.path"),
        ("/api/edit", {"source": "../../x", "target": "a"}, "source"),
        ("/api/edit", {"source": "x", "target": "a", "options": {"mask": "/etc/passwd"}}, "options.mask"),
        ("/api/edit", {"source": "x", "target": "a", "options": {"local_blend": {"threshold": 5}}}, "threshold"),
        ("/api/generate", [], "body"),
    ],
)
def test_a_wrong_field_is_named(client, path, body, said):
    response = client.post(path, json=body)
    assert response.status_code == 422
    assert said in response.json()["error"]


def test_only_json_is_taken_where_json_belongs(client):
    body = json.dumps({"prompt": "a dog"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert client.post("/api/generate", content=body, headers={"content-type": kind}).status_code == 415
    assert upload(client, png(), "text/plain").status_code == 415
    long = {"prompt": "a" * 300_000}
    assert client.post("/api/generate", json=long).status_code == 413


def test_a_photograph_is_inverted_and_edited(client, editor):
    photo = upload(client, png()).json()
    body = {"picture": photo["id"], "prompt": "a dog", "method": "direct", "options": STEPS}
    job = finished(client, client.post("/api/invert", json=body))
    source = job["pictures"][0]
    facts = client.get(f"/api/pictures/{source}").json()
    assert (facts["width"], facts["height"]) == (64, 48)
    assert any("dB" in line for line in facts["said"])
    edit = edited(client, source, "a cat")
    expected = editor.edit(editor.invert(png(), "a dog", method="direct", **STEPS), "a cat")
    assert pixels(client, edit) == expected.image.tobytes()


@pytest.mark.parametrize("data", [b"", b"GIF89a....", b"\x89PNG\r\n\x1a\n broken", png()[:60]])
def test_a_file_that_is_no_picture_is_refused(client, data):
    response = upload(client, data)
    assert response.status_code == 422
    assert "picture" in response.json()["error"]


def test_an_upload_has_a_largest_size(client, monkeypatch):
    monkeypatch.setattr("wordbrush.server.api.MAX_BYTES", 100)
    assert upload(client, png((300, 300))).status_code == 413
    monkeypatch.setattr("wordbrush.server.uploads.MAX_PIXELS", 1000)
    monkeypatch.undo()
    monkeypatch.setattr("wordbrush.server.uploads.MAX_PIXELS", 1000)
    assert "1000" not in upload(client, png((64, 64))).text
    assert upload(client, png((64, 64))).status_code == 422


def test_only_what_is_white_in_a_mask_changes(client):
    half = Image.new("L", (128, 128))
    half.paste(255, (64, 0, 128, 128))
    buffer = io.BytesIO()
    half.save(buffer, "PNG")
    mask = upload(client, buffer.getvalue()).json()["id"]
    source = drawn(client, seed=6)
    edit = edited(client, source, mask=mask, options={"local_blend": {"words": [], "hold_pixels": True}})
    before, after = (Image.frombytes("RGB", (128, 128), pixels(client, id_)) for id_ in (source, edit))
    left = (0, 0, 60, 128)
    assert before.crop(left).tobytes() == after.crop(left).tobytes()
    assert before.tobytes() != after.tobytes()
    shown = Image.open(io.BytesIO(client.get(f"/api/pictures/{edit}/mask").content))
    assert shown.getpixel((10, 10)) == 0
    assert shown.getpixel((100, 100)) == 255


def test_what_a_recipe_filled_in_is_left_to_it_again(client):
    source = drawn(client, seed=6)
    edit = edited(client, source, options={"recipe": "auto", "equalizer": {"cat": 2.0}})
    back = upload(client, client.get(f"/api/pictures/{edit}/file").content).json()["remembered"]["edits"][0]
    assert back["options"]["recipe"] == "auto"
    assert not {"cross_replace_steps", "self_replace_steps", "local_blend"} & set(back["options"])
    assert pixels(client, edited(client, source, **back)) == pixels(client, edit)


@pytest.mark.parametrize("masked", [False, True])
def test_a_picture_that_is_dropped_back_restores_its_settings(client, masked):
    source = drawn(client, seed=6)
    body = {
        "options": {
            "equalizer": {"cat": 2.0},
            "cross_replace_steps": {"default_": [0.0, 0.6], "cat": [0.0, 0.3]},
            "local_blend": ["cat"],
        }
    }
    if masked:
        white = Image.new("L", (128, 128), 255)
        white.paste(0, (0, 0, 128, 32))
        buffer = io.BytesIO()
        white.save(buffer, "PNG")
        body["mask"] = upload(client, buffer.getvalue()).json()["id"]
    edit = edited(client, source, **body)
    back = upload(client, client.get(f"/api/pictures/{edit}/file").content).json()["remembered"]
    again = finished(client, client.post("/api/generate", json=back["generate"]))["pictures"][0]
    assert pixels(client, again) == pixels(client, source)
    assert pixels(client, edited(client, again, **back["edits"][0])) == pixels(client, edit)


def test_an_edit_is_edited_further_as_the_editor_does_it(client, editor):
    source = drawn(client, seed=6)
    first = edited(client, source)
    second = edited(client, first, "a cat eating an orange", options={"recipe": "auto"})
    third = edited(client, second, "a cat eating a red orange")
    expected = editor.edit(editor.generate("a dog eating an apple", seed=6, **STEPS), "a cat eating an apple")
    expected = editor.edit(expected, "a cat eating an orange", recipe="auto")
    assert pixels(client, second) == expected.image.tobytes()
    assert pixels(client, third) == editor.edit(expected, "a cat eating a red orange").image.tobytes()
    facts = client.get(f"/api/pictures/{third}").json()
    assert facts["source"] == second
    # It is known as code, and the file brings all of it back.
    made = {}
    exec(client.get(f"/api/pictures/{third}/code").json()["python"], made)
    assert made["result"].image.tobytes() == pixels(client, third)
    back = upload(client, client.get(f"/api/pictures/{third}/file").content).json()["remembered"]
    assert [edit["target"] for edit in back["edits"]] == [
        "a cat eating an apple",
        "a cat eating an orange",
        "a cat eating a red orange",
    ]
    assert back["edits"][1]["options"]["recipe"] == "auto"
    again = drawn(client, **back["generate"]["options"])
    for edit in back["edits"]:
        again = edited(client, again, **edit)
    assert pixels(client, again) == pixels(client, third)


def test_an_upload_is_not_edited_before_it_is_inverted(client):
    response = client.post("/api/edit", json={"source": upload(client, png()).json()["id"], "target": "a cat"})
    assert "invert" in finished(client, response)["error"]


def test_a_picture_without_a_record_restores_nothing(client):
    assert "remembered" not in upload(client, png()).json()


@pytest.mark.filterwarnings("ignore::wordbrush.errors.PromptWarning")
def test_words_are_explained_without_running_the_model(client):
    body = {"prompt": "a dog eating an apple", "target": "a (smiling:1.5) cat eating a qwert"}
    said = client.post("/api/words", json=body).json()
    assert said["text"] == "a smiling cat eating a qwert"
    assert said["weights"] == {"smiling": 1.5}
    kinds = {chip["text"]: chip["kind"] for chip in said["chips"]}
    assert kinds["eating"] == "kept"
    assert kinds["cat"] == "replaced"
    assert next(chip["weight"] for chip in said["chips"] if chip["text"] == "smiling") == 1.5
    assert said["does"]
    assert said["problem"] is None
    assert any("qwert" in hint for hint in said["hints"])
    same = client.post("/api/words", json={"prompt": "a dog", "target": "a dog"}).json()
    assert same["problem"]
    assert same["does"] == []
    schedule = client.post("/api/words", json={"prompt": "a dog", "target": "a [dog:cat:0.5]"}).json()
    assert schedule["text"] == "a [dog:cat:0.5]"
    assert any("steps" in hint for hint in schedule["hints"])


def test_the_recipe_is_said_in_words(client):
    body = {"prompt": "a dog", "target": "a cat", "options": {"recipe": "auto"}}
    assert "swap of a thing" in client.post("/api/words", json=body).json()["recipe"][0]


def test_a_picture_has_a_name_and_can_be_forgotten(client):
    source = drawn(client)
    named = client.patch(f"/api/pictures/{source}", json={"name": "<b>first</b>"})
    assert named.json()["name"] == "<b>first</b>"
    assert [p["name"] for p in client.get("/api/session").json()["pictures"]] == ["<b>first</b>"]
    assert client.delete(f"/api/pictures/{source}").status_code == 204
    assert client.get(f"/api/pictures/{source}").status_code == 404


def test_what_was_made_of_a_forgotten_picture_goes_with_it(client):
    png = client.get(f"/api/pictures/{(other := drawn(client))}/file").content
    photo = upload(client, png).json()["id"]
    body = {"picture": photo, "prompt": "a dog", "method": "direct", "options": STEPS}
    source = finished(client, client.post("/api/invert", json=body))["pictures"][0]
    first = edited(client, source, "a cat")
    further = edited(client, first, "a cat in the snow")

    def left():
        return [picture["id"] for picture in client.get("/api/session").json()["pictures"]]

    assert left() == [other, photo, source, first, further]
    assert client.delete(f"/api/pictures/{first}").status_code == 204
    assert left() == [other, photo, source]
    edited(client, source, "a cat")
    assert client.delete(f"/api/pictures/{photo}").status_code == 204
    assert left() == [other]


def test_nobody_forgets_anothers_picture(client):
    source = drawn(client)
    mine = dict(client.cookies)
    client.cookies.clear()
    assert client.delete(f"/api/pictures/{source}").status_code == 404
    client.cookies.clear()
    client.cookies.update(mine)
    assert client.get(f"/api/pictures/{source}").status_code == 200


def test_an_edit_whose_picture_is_forgotten_meanwhile_leaves_nothing(client):
    source = drawn(client, num_inference_steps=15)
    asked = client.post("/api/edit", json={"source": source, "target": "a cat eating an apple"})
    client.delete(f"/api/pictures/{source}")
    job = finished(client, asked)
    assert (job["state"], job["pictures"]) == ("failed", [])
    assert source in job["error"]
    assert client.get("/api/session").json()["pictures"] == []


def test_a_session_is_whole_after_a_reload(client):
    source = drawn(client)
    edit = edited(client, source)
    waits = client.post("/api/generate", json={"prompt": "a dog", "options": {"num_inference_steps": 100}}).json()
    session = client.get("/api/session").json()
    assert [p["id"] for p in session["pictures"]] == [source, edit]
    assert session["pictures"][1]["request"]["edit"]["target"] == "a cat eating an apple"
    assert [job["id"] for job in session["jobs"]] == [waits["id"]]
    client.delete(f"/api/jobs/{waits['id']}")


def test_every_endpoint_is_described(client, editor):
    document = client.get("/openapi.json").json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    served = {
        (method, re.sub(r":\w+}", "}", route.path))
        for route in client.app.routes
        for method in getattr(route, "methods", None) or ()
        if method != "HEAD"
    }
    assert described == served
    options = document["components"]["schemas"]["EditOptions"]["properties"]
    assert {"cross_replace_steps", "equalizer", "local_blend"} <= set(options)
    assert "mask" not in options
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


def test_without_the_page_there_is_the_api_alone(editor):
    with TestClient(make_app(editor, page=False), base_url="http://localhost") as client:
        assert client.get("/").status_code == 404
        assert client.get("/health").json()["status"] == "ok"
