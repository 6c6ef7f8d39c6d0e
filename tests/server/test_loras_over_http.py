"""LoRAs and words of one's own that a server was started with: what a client is told of them, and can do with them."""

import io
import shlex
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from helpers.adapter_files import concept, random_lora
from helpers.http_client import drawn, edited, pixels
from wordbrush import Editor
from wordbrush.server.app import make_app
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

STEPS = {"seed": 4, "num_inference_steps": 3}
TARGET = [{"name": "style", "scale": 0.8, "start": 0.25, "end": 1.0}]


@pytest.fixture(scope="module")
def styled(tiny_folder, tmp_path_factory):
    """An editor with two LoRAs and a concept."""
    folder = tmp_path_factory.mktemp("adapters")
    editor = Editor.from_pretrained(tiny_folder)
    editor.load_lora(random_lora(tiny_pipeline(), folder / "style.safetensors"), 0.0)
    editor.load_lora(random_lora(tiny_pipeline(), folder / "toy.safetensors", seed=1), 0.5)
    editor.load_concept(concept(folder / "my-dog.safetensors"))
    return editor


@pytest.fixture
def client(styled):
    with TestClient(make_app(styled, page=True), base_url="http://localhost:7860") as client:
        yield client


def test_a_client_is_told_of_them_and_of_no_path(client, styled):
    facts = client.get("/api/model").json()
    assert facts["adapters"] == [
        {"kind": "concept", "name": "<my-dog>", "scale": 1.0},
        {"kind": "lora", "name": "style", "scale": 0.0},
        {"kind": "lora", "name": "toy", "scale": 0.5},
    ]
    assert str(Path(styled.model.adapters[-1].file).parent) not in str(facts["adapters"])


def test_a_lora_of_the_target_alone_is_the_editors_own(client, styled):
    source = drawn(client, "a dog", **STEPS)
    styling = edited(client, source, "a dog", options={"target_adapters": TARGET, "self_replace_steps": 0.5})
    made = styled.generate("a dog", **STEPS)
    result = styled.edit(made, "a dog", target_adapters=[_window(TARGET[0])], self_replace_steps=0.5)
    assert pixels(client, styling) == result.image.tobytes()
    assert pixels(client, styling) != pixels(client, source)
    said = client.get(f"/api/pictures/{styling}").json()["said"]
    assert any("with LoRA 'style' x 0.8 from 0.25" in line for line in said)


@pytest.mark.parametrize(
    ("source", "target"),
    [(None, TARGET), ({"style": 0.5}, None), ({}, {"toy": 1.0}), (None, {}), (None, None)],
    ids=["target", "source", "both", "none in the target", "as loaded"],
)
def test_what_is_copied_gives_the_same_pixels(client, command_line, source, target):
    before = drawn(client, "a dog", **STEPS, **({} if source is None else {"source_adapters": source}))
    options = {} if target is None else {"target_adapters": target}
    edit = edited(client, before, "a <my-dog> in a hat", options=options)
    code = client.get(f"/api/pictures/{edit}/code").json()
    made = {}
    exec(code["python"], made)
    assert made["result"].image.tobytes() == pixels(client, edit)
    name, *arguments = shlex.split(code["command"])
    code, _, errors, _ = command_line(*arguments, "--out", "made", "--quiet", "--no-comparison")
    assert (name, code) == ("wordbrush", 0), errors
    assert Image.open("made/edited.png").convert("RGB").tobytes() == pixels(client, edit)


def test_a_picture_that_is_dropped_back_restores_them(client):
    source = drawn(client, "a dog", **STEPS, source_adapters={"toy": 1.0})
    edit = edited(client, source, "a cat", options={"target_adapters": TARGET})
    file = client.get(f"/api/pictures/{edit}/file").content
    back = client.post("/api/uploads", content=file, headers={"content-type": "image/png"}).json()["remembered"]
    assert back["edits"][0]["options"]["target_adapters"] == TARGET
    again = drawn(client, **{"prompt": back["generate"]["prompt"], **back["generate"]["options"]})
    assert pixels(client, edited(client, again, **back["edits"][0])) == pixels(client, edit)
    assert Image.open(io.BytesIO(file)).convert("RGB").tobytes() == pixels(client, edit)


def test_an_own_word_is_one_word_and_a_lora_may_be_all_that_changes(client):
    said = client.post("/api/words", json={"prompt": "a dog", "target": "a <my-dog>"}).json()
    assert [(chip["text"], chip["kind"]) for chip in said["chips"]] == [("a", "kept"), ("<my-dog>", "replaced")]
    body = {"prompt": "a dog", "target": "a dog", "options": {"target_adapters": {"style": 1.0}}}
    assert client.post("/api/words", json=body).json()["problem"] is None
    assert client.post("/api/words", json={**body, "generation": {"source_adapters": {"style": 1.0}}}).json()[
        "problem"
    ]
    unknown = client.post("/api/words", json={**body, "options": {"target_adapters": {"gone": 1.0}}}).json()
    assert "'gone'" in unknown["problem"]


def _window(plain):
    from wordbrush import LoraWindow

    return LoraWindow(**plain)
