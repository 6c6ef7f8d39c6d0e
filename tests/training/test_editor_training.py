"""An editor that learns to follow instructions from pairs."""

import io
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from helpers.tiny_training import tiny_unet
from training.editor import PairLatents, read_pairs, train_editor, widened
from training.export import assemble
from training.instructions import INSTRUCTIONS, askable, held_out, rows
from training.networks import build_text_encoder
from training.schedule import Schedule
from training.tokenizer import build_tokenizer
from wordbrush.errors import DataError
from wordbrush.pairs.sample import Sample, tar_bytes
from wordbrush.scenes.render import render
from wordbrush.scenes.vocabulary import known_words


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A set of two scenes, each before and after its instructions, as they would be rendered."""
    files = []
    for number, (scene, asked) in enumerate(held_out(2)):
        before = png(Image.fromarray(render(scene)[0]))
        for instruction in asked:
            after = png(Image.new("RGB", (128, 128), (20 * len(files), 90, 60)))
            files += Sample(f"{number}-{len(files)}", before, after, {"instruction": instruction}).files()
    (tmp_path / "set" / "data").mkdir(parents=True)
    (tmp_path / "set" / "data" / "00000.tar").write_bytes(tar_bytes(files))
    return tmp_path / "set"


@pytest.fixture
def start(vae):
    torch.manual_seed(0)
    unet, text = tiny_unet(), build_text_encoder(build_tokenizer(known_words()))
    return assemble(vae, {"unet": unet.state_dict(), "text_encoder": text.state_dict()}, tiny_unet())


def test_a_widened_unet_begins_as_what_it_was():
    torch.manual_seed(1)
    unet = tiny_unet().eval()
    wide = widened(unet).eval()
    noisy, before, words = torch.randn(2, 4, 16, 16), torch.randn(2, 4, 16, 16), torch.randn(2, 24, 128)
    with torch.no_grad():
        own = unet(noisy, 500, encoder_hidden_states=words).sample
        its = wide(torch.cat([noisy, before], 1), 500, encoder_hidden_states=words).sample
    torch.testing.assert_close(its, own, atol=1e-5, rtol=1e-5)


def test_pairs_are_encoded_in_their_order(pairs, start):
    latents = PairLatents.read(pairs, start.vae, start.tokenizer)
    samples = list(read_pairs(pairs))
    assert len(samples) == len(latents.before) == len(latents.after) == len(latents.ids) == 8
    assert torch.equal(latents.before[0], latents.before[3])
    assert not torch.equal(latents.before[0], latents.before[4])
    assert not torch.equal(latents.after[0], latents.after[1])
    with pytest.raises(DataError, match="has no pairs"):
        PairLatents.read(pairs / "data", start.vae, start.tokenizer)


def test_an_editor_learns_from_pairs_and_edits_by_diffusers_own_pipeline(pairs, start, tmp_path):
    editor = train_editor(tmp_path / "run", pairs, start, Schedule(2e-3, 30), "cpu", batch_size=4)
    assert editor.unet.config.in_channels == 2 * start.unet.config.in_channels
    assert editor.unet.conv_in.weight[:, 4:].abs().max() > 0
    editor.set_progress_bar_config(disable=True)
    picture = Image.open(io.BytesIO(next(read_pairs(pairs)).before))
    edited = editor("make it a sketch", image=picture, num_inference_steps=2).images[0]
    assert edited.size == picture.size


def test_rows_have_four_of_the_five_instructions_and_none_of_the_scenes_that_are_held_out():
    made = rows(50)
    assert len({json.dumps(row) for row in made}) == 50
    assert {instruction for row in made for instruction in row["instruction"]} == set(INSTRUCTIONS)
    for row in made:
        assert len(row["target"]) == len(row["instruction"]) == 4
        assert row["source"] not in row["target"]
    held = {(scene.cast.subject, scene.cast.partner) for scene, _ in held_out(200)}
    said = [f"{row['source']} " for row in made]
    assert not [source for source in said for one, other in held if f" {one} " in source and f" {other} " in source]
    assert all(askable(scene.cast) == asked for scene, asked in held_out(5))
