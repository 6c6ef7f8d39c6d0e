"""What is exported is what diffusers loads."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from PIL import Image

from helpers.tiny_training import tiny_unet, train_tiny
from training.export import assemble, export
from training.sample_grid import draw_grid
from wordbrush.scenes.vocabulary import known_words


def test_the_export_is_a_pipeline_that_diffusers_loads(tmp_path: Path, vae: AutoencoderKL) -> None:
    run = train_tiny(tmp_path / "run", vae, 1)
    averages = {name: run.averaged(name) for name in ("unet", "text_encoder")}
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "README.md").write_text("the card")
    vae.save_pretrained(tmp_path / "vae")
    pipeline = assemble(AutoencoderKL.from_pretrained(tmp_path / "vae"), averages, tiny_unet())
    export(pipeline, folder, {"guidance_scale": 4.0})
    assert not [path for path in folder.rglob("*.json") if str(tmp_path) in path.read_text()]
    loaded = StableDiffusionPipeline.from_pretrained(folder)
    loaded.set_progress_bar_config(disable=True)
    image = loaded(
        "a dog", num_inference_steps=2, guidance_scale=4.0, output_type="np", generator=torch.Generator()
    ).images
    assert image.shape == (1, 128, 128, 3)
    exact = averages["unet"]["conv_in.weight"]
    assert torch.equal(loaded.unet.state_dict()["conv_in.weight"], exact.half().float())
    assert (folder / "README.md").read_text() == "the card"
    assert json.loads((folder / "wordbrush.json").read_text())["vocabulary"] == sorted(known_words())
    assert not (tmp_path / "weights.partial").exists()


def test_a_grid_has_a_cell_for_each_prompt_and_seed(tmp_path: Path, vae: AutoencoderKL) -> None:
    run = train_tiny(tmp_path / "run", vae, 1)
    averages = {name: run.averaged(name) for name in ("unet", "text_encoder")}
    draw_grid(
        assemble(vae, averages, tiny_unet()),
        tmp_path / "grid.png",
        prompts=("a dog", "a cat"),
        seeds=(1,),
        num_inference_steps=1,
    )
    with Image.open(tmp_path / "grid.png") as sheet:
        assert sheet.size == (256, 128 + 14)
