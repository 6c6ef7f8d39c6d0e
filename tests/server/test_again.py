"""What is copied as Python and as a command makes the very pixels that the page shows."""

import io
import shlex
from pathlib import Path

import pytest
from PIL import Image

from helpers.http_client import STEPS, drawn, edited, finished, pixels
from wordbrush.panel.program import Edited, Program

EDITS = [
    {},
    {"recipe": "auto"},
    {
        "cross_replace_steps": {"default_": [0.0, 0.6], "cat": 0.3},
        "self_replace_steps": [0.1, 0.5],
        "equalizer": {"cat": 1.5, "apple": -1.0},
        "local_blend": {"words": ["dog", "cat"], "threshold": 0.4, "fill_steps": 0.5, "hold_pixels": True},
        "resize": 1.5,
        "weight_region": "noun",
    },
    {"cross_replace_steps": {"cat": 0.4}, "mutual_self_attention": {"start_step": 0.2}},
    {"plug_and_play": {}},
]


@pytest.mark.parametrize("options", EDITS)
def test_an_edit_as_python_and_as_a_command(client, command_line, options):
    source = drawn(client, seed=6)
    edit = edited(client, source, options=options)
    code = client.get(f"/api/pictures/{edit}/code").json()
    made = {}
    exec(code["python"], made)
    assert made["result"].image.tobytes() == pixels(client, edit)
    assert run(command_line, code["command"], "edited.png") == pixels(client, edit)


def test_a_drawn_picture(client, command_line):
    source = drawn(client, seed=3, negative_prompt="an apple", guidance_scale=5.0, size=[128, 192])
    code = client.get(f"/api/pictures/{source}/code").json()
    assert run(command_line, code["command"], "source.png") == pixels(client, source)


def test_an_edit_of_a_photograph_inside_of_a_mask(client, command_line):  # command_line stands in a fresh folder
    photo, mask = Image.new("RGB", (96, 64), (40, 120, 60)), Image.new("L", (96, 64))
    photo.paste((200, 60, 60), (20, 10, 60, 50))
    mask.paste(255, (16, 0, 80, 64))
    photo.save("photo.png")
    mask.save("mask.png")
    ids = [
        client.post("/api/uploads", content=Path(file).read_bytes(), headers={"content-type": "image/png"}).json()[
            "id"
        ]
        for file in ("photo.png", "mask.png")
    ]
    body = {
        "picture": ids[0],
        "prompt": "a dog",
        "method": "edit-friendly",
        "settings": {"skip": 0.4},
        "options": STEPS,
    }
    source = finished(client, client.post("/api/invert", json=body))["pictures"][0]
    edit = edited(client, source, "a cat", mask=ids[1], options={"local_blend": {"words": [], "hold_pixels": True}})
    code = client.get(f"/api/pictures/{edit}/code").json()
    assert "'photo.png'" in code["command"] or "photo.png" in shlex.split(code["command"])
    made = {}
    exec(code["python"], made)
    assert made["result"].image.tobytes() == pixels(client, edit)
    assert run(command_line, code["command"], "edited.png") == pixels(client, edit)
    assert code["files"] == {"photo.png": ids[0], "mask.png": ids[1]}
    assert client.get(f"/api/pictures/{ids[0]}/code").status_code == 422


def test_what_the_command_line_has_not_is_left_to_python():
    from wordbrush import LocalBlend

    program = Program(
        "bundled", "a dog", {}, None, (Edited("a cat", {"local_blend": LocalBlend("cat", spread=True)}),)
    )
    assert program.command() is None
    assert Program("bundled", "a dog", {}, None, (Edited("a cat"), Edited("a red cat"))).command() is None
    assert "spread=True" in program.python()


def run(command_line, command, file):
    name, *arguments = shlex.split(command)
    assert name == "wordbrush"
    arguments += ["--no-comparison"] if arguments[0] == "edit" else []
    arguments += ["--no-cache"] if "--photo" in arguments else []
    code, _, errors, _ = command_line(*arguments, "--out", "made", "--quiet")
    assert code == 0, errors
    return Image.open(io.BytesIO(Path("made", file).read_bytes())).convert("RGB").tobytes()
