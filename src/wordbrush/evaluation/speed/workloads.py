"""What is compared: plain pictures, edits of ours, and the same edits with every map formed, on one loaded model."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from materialised import PublishedBlend, plan_published, published_edit
from torch import Tensor

from wordbrush.attention.tape import SourceTape
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.settings import EditSettings
from wordbrush.maps.capture import Capture
from wordbrush.maps.request import MapsRequest
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush.runs import run_edit, run_source, run_together
from wordbrush.sampling.loop import Conditioning, denoise
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.types import SOURCE as SOURCE_BRANCH

SOURCE = "a dog eating an apple"
SWAPPED = "a cat eating an apple"
ADDED = "a big dog eating an apple"
SWAPPED_TOO, SWAPPED_BOTH = "a dog eating an orange", "a cat eating an orange"
CROSS, SELF, GUIDANCE, KEEP_BYTES = 0.8, 0.4, 7.5, 1 << 30

Run = Callable[[], Tensor]
"""Makes pictures, without decoding them: latents (pictures, C, h, w)."""


@dataclass(frozen=True)
class Case:
    """One comparison. `runs` always has "plain" and "wordbrush"; `goal` bounds their ratio where one is set.

    "materialised" makes the source anew with each edit, as the published code does.
    """

    title: str
    goal: float | None
    runs: Mapping[str, Run]


@dataclass(frozen=True, eq=False)
class Model:
    """One model, as a diffusers pipeline and as ours, on the same weights."""

    pipeline: StableDiffusionPipeline
    adapter: StableDiffusion

    @classmethod
    def load(cls, folder: Path, device: str, dtype: torch.dtype) -> "Model":
        pipeline = StableDiffusionPipeline.from_pretrained(
            folder, dtype=dtype, safety_checker=None, feature_extractor=None, local_files_only=True
        ).to(device)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
        adapter = StableDiffusion(
            pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae, pipeline.scheduler.config
        )
        return cls(pipeline, adapter)


def cases(model: Model, num_steps: int, size: int) -> dict[str, Case]:
    """All comparisons by name. Each run encodes its prompts, plans its edit and denoises; none decodes."""
    settings = GenerationSettings(SOURCE, "", 7, num_steps, GUIDANCE, size, size)
    tape = SourceTape(KEEP_BYTES, 16**2)
    kept = run_source(model.adapter, settings, tape)
    if tape.num_steps < min(num_steps, int(CROSS * (num_steps + 1))):
        raise SystemExit(f"a kept source of {num_steps} steps does not fit {KEEP_BYTES} bytes; take fewer --steps")

    def together(targets: list[str], blend: LocalBlend | None = None) -> Tensor:
        kept, run = run_together(model.adapter, settings, _edit(targets, blend))
        return torch.cat([kept.latents[-1], run.latents])

    def later(target: str, blend: LocalBlend | None = None) -> Tensor:
        return run_edit(model.adapter, settings, _edit([target], blend), kept).latents

    def kept_source() -> Tensor:
        return run_source(model.adapter, settings, SourceTape(KEEP_BYTES, 16**2)).latents[-1]

    def seen(request: MapsRequest) -> Tensor:
        capture = Capture(model.adapter, request, settings, {SOURCE_BRANCH: SOURCE}, "benchmark")
        latents = run_source(model.adapter, settings, None, watches=[capture.watch]).latents[-1]
        assert capture.maps(SOURCE_BRANCH) is not None
        return latents

    def maps(title: str, request: MapsRequest) -> Case:
        stored = {"materialised": partial(_stored, model, settings)}
        return Case(f"{title} / 1 picture", 1.05, {**plain([SOURCE]), "wordbrush": partial(seen, request), **stored})

    def plain(prompts: list[str]) -> dict[str, Run]:
        return {
            "plain": partial(_plain, model, settings, prompts),
            "StableDiffusionPipeline": partial(_pipeline, model, settings, prompts),
        }

    def materialised(kind: str, *targets: str, words: list[list[str]] | None = None) -> dict[str, Run]:
        return {"materialised": partial(_materialised, model, settings, kind, [SOURCE, *targets], words)}

    def batch(title: str, kind: str, *targets: str) -> Case:
        ours: dict[str, Run] = {"wordbrush": partial(together, list(targets))}
        return Case(title, 1.05, {**plain([SOURCE, *targets]), **ours, **materialised(kind, *targets)})

    def afterwards(title: str, kind: str, target: str) -> Case:
        return Case(
            title, 1.05, {**plain([target]), "wordbrush": partial(later, target), **materialised(kind, target)}
        )

    words, blend = [["dog"], ["cat"]], LocalBlend()
    return {
        "swap": batch("source and 1 target (a word swapped) / 2 pictures", "replace", SWAPPED),
        "add": batch("source and 1 target (a word added) / 2 pictures", "refine", ADDED),
        "three": batch(
            "source and 3 targets (words swapped) / 4 pictures", "replace", SWAPPED, SWAPPED_TOO, SWAPPED_BOTH
        ),
        "later-swap": afterwards("later edit (a word swapped) / 1 picture", "replace", SWAPPED),
        "later-add": afterwards("later edit (a word added) / 1 picture", "refine", ADDED),
        "blend": Case(
            "source and 1 target (a word swapped, local blend) / 2 pictures",
            1.05,
            {
                **plain([SOURCE, SWAPPED]),
                "wordbrush": partial(together, [SWAPPED], blend),
                **materialised("replace", SWAPPED, words=words),
            },
        ),
        "later-blend": Case(
            "later edit (a word swapped, local blend) / 1 picture",
            1.05,
            {
                **plain([SWAPPED]),
                "wordbrush": partial(later, SWAPPED, blend),
                **materialised("replace", SWAPPED, words=words),
            },
        ),
        "keep": Case("source, kept for later edits / 1 picture", None, {**plain([SOURCE]), "wordbrush": kept_source}),
        "maps-word": maps("the maps of a word", MapsRequest("dog")),
        "maps-all": maps("the maps of every word, each step apart", MapsRequest(per_step=True)),
    }


def _edit(targets: list[str], blend: LocalBlend | None) -> EditSettings:
    return EditSettings.parse(targets, "auto", CROSS, SELF, local_blend=blend)


def _plain(model: Model, settings: GenerationSettings, prompts: list[str]) -> Tensor:
    adapter = model.adapter
    text = Conditioning(tuple(map(adapter.encode, prompts)), adapter.encode(settings.negative_prompt))
    noise = adapter.noise(settings.seed, settings.height, settings.width)
    solver = adapter.solver(settings.num_inference_steps)
    *_, last = denoise(adapter, solver, noise, text, range(len(prompts)), settings.guidance_scale)
    return last.latents


def _pipeline(model: Model, settings: GenerationSettings, prompts: list[str]) -> Tensor:
    noise = model.adapter.noise(settings.seed, settings.height, settings.width)
    latents: Tensor = model.pipeline(
        prompts,
        num_inference_steps=settings.num_inference_steps,
        guidance_scale=settings.guidance_scale,
        latents=noise.expand(len(prompts), -1, -1, -1),
        output_type="latent",
    ).images
    return latents


def _materialised(
    model: Model, settings: GenerationSettings, kind: str, prompts: list[str], words: list[list[str]] | None
) -> Tensor:
    steps = settings.num_inference_steps
    noise = model.adapter.noise(settings.seed, settings.height, settings.width)
    edit = plan_published(
        model.pipeline.tokenizer, prompts, kind, num_steps=steps, cross_replace_steps=CROSS, self_replace_steps=SELF
    ).to(model.adapter.device, model.adapter.dtype)
    blend = None
    if words is not None:
        # The coarsest resolution of the U-Net's down blocks with cross-attention: 16 x 16 of SD v1-4's 64 x 64.
        crossing = sum("CrossAttn" in kind for kind in model.pipeline.unet.config["down_block_types"])
        grid = tuple(side // 2 ** (crossing - 1) for side in noise.shape[2:])
        blend = PublishedBlend(model.pipeline.tokenizer, prompts, words, grid, start=int(0.2 * steps))
    return published_edit(
        model.pipeline,
        prompts,
        edit,
        num_steps=steps,
        guidance_scale=settings.guidance_scale,
        noise=noise,
        blend=blend,
    )


def _stored(model: Model, settings: GenerationSettings) -> Tensor:
    """The published store: all maps of up to 32 x 32 pixels, formed and summed over the steps."""
    sums: dict[int, Tensor] = {}
    calls: Counter[int] = Counter()

    def store(maps: Tensor, is_cross: bool, step: int) -> Tensor:
        layer = calls[step]
        calls[step] += 1
        if maps.shape[2] <= 32**2:
            sums[layer] = sums[layer] + maps if layer in sums else maps.clone()
        return maps

    noise = model.adapter.noise(settings.seed, settings.height, settings.width)
    steps, scale = settings.num_inference_steps, settings.guidance_scale
    return published_edit(model.pipeline, [SOURCE], store, num_steps=steps, guidance_scale=scale, noise=noise)
