"""A sheet of pictures from fixed prompts and seeds, to see at a glance how far a training is."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from diffusers import StableDiffusion3Pipeline, StableDiffusionPipeline
from PIL import Image, ImageDraw

PROMPTS = (
    "a dog eating an apple",
    "a cat eating an apple",
    "a panda in the snow",
    "a lion",
    "a smiling cat in the garden",
    "a teddy bear riding on a bicycle",
    "a penguin riding on a scooter on the street",
    "a fox riding on a skateboard in the city",
    "a red car on a mountain in autumn",
    "a castle on a mountain in winter",
    "two dogs on the beach",
    "three apples",
    "a rabbit holding a blue balloon in the garden",
    "an owl wearing a crown at night",
    "a cow in front of a house on a farm",
    "a rocket above a robot in space",
    "a photo of a tiger in the forest",
    "a sketch of a horse",
    "an oil painting of an elephant in the desert",
    "a watercolor of a frog eating cherries",
    "pixel art of a monkey at the zoo",
    "a koala next to a golden guitar",
    "a turtle under the sea",
    "a small mouse eating a big cake",
)
CAPTION_HEIGHT = 14


def draw_grid(
    pipeline: StableDiffusionPipeline | StableDiffusion3Pipeline,
    path: Path,
    *,
    prompts: tuple[str, ...] = PROMPTS,
    seeds: tuple[int, ...] = (1, 2),
    guidance_scale: float = 4.0,
    num_inference_steps: int = 25,
    zoom: int = 1,
) -> None:
    """Write a PNG: a column for each prompt (eight in a row), a line for each seed, with the prompts below."""
    pipeline.set_progress_bar_config(disable=True)
    strips = [
        _strip(pipeline, list(prompts[start : start + 8]), seeds, guidance_scale, num_inference_steps, zoom)
        for start in range(0, len(prompts), 8)
    ]
    sheet = Image.new("RGB", (max(s.width for s in strips), sum(s.height for s in strips)), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    partial = path.with_suffix(".partial")
    sheet.save(partial, format="PNG")
    partial.replace(path)


def text_length(pipeline: StableDiffusionPipeline | StableDiffusion3Pipeline) -> dict[str, int]:
    """The option that pads the third text of Stable Diffusion 3 to as many places as it was trained with."""
    if isinstance(pipeline, StableDiffusionPipeline):
        return {}
    return {"max_sequence_length": pipeline.tokenizer_3.model_max_length}


def drawn(
    pipeline: StableDiffusionPipeline | StableDiffusion3Pipeline,
    prompts: Sequence[str],
    seeds: Iterable[int],
    *,
    guidance_scale: float,
    num_inference_steps: int,
    eta: float = 0.0,
) -> list[Image.Image]:
    """A picture of each prompt, in one batch, each from a seed of its own."""
    made: list[Image.Image] = pipeline(
        list(prompts),
        guidance_scale=guidance_scale,
        num_inference_steps=num_inference_steps,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        **({"eta": eta} if eta else {}),
        **text_length(pipeline),
    ).images
    return made


def _strip(
    pipeline: StableDiffusionPipeline | StableDiffusion3Pipeline,
    prompts: list[str],
    seeds: tuple[int, ...],
    guidance_scale: float,
    num_inference_steps: int,
    zoom: int,
) -> Image.Image:
    lines = [
        drawn(
            pipeline,
            prompts,
            range(seed * 1000, seed * 1000 + len(prompts)),
            guidance_scale=guidance_scale,
            num_inference_steps=num_inference_steps,
        )
        for seed in seeds
    ]
    side = lines[0][0].width * zoom
    strip = Image.new("RGB", (side * len(prompts), side * len(lines) + CAPTION_HEIGHT), "white")
    for row, pictures in enumerate(lines):
        for column, picture in enumerate(pictures):
            big = picture.resize((side, side), Image.Resampling.NEAREST)
            strip.paste(big, (column * side, row * side))
    writer = ImageDraw.Draw(strip)
    for column, prompt in enumerate(prompts):
        writer.text((column * side + 2, side * len(lines) + 1), prompt.removeprefix("a ")[: side // 6], "black")
    return strip
