"""The runs that are compared: plain pictures, edits of ours, and the same edits by others, on one loaded model.

Each encodes its prompts, plans its edit and denoises; none decodes, so that a picture's cost is that of its steps.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from wordbrush.attention.batch import SOURCE as SOURCE_BRANCH
from wordbrush.attention.tape import SourceTape
from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.settings import PROMPT_TO_PROMPT_MAX_PIXELS, EditOptions, EditSettings
from wordbrush.edits.shortcuts import FastName
from wordbrush.errors import SettingsError
from wordbrush.inversion.direct import Direct
from wordbrush.inversion.task import InversionTask
from wordbrush.maps.capture import Capture
from wordbrush.maps.request import MapsRequest
from wordbrush.runs.run import run_edit, run_source, run_together, solver_of
from wordbrush.sampling.conditioning import Conditioning
from wordbrush.sampling.loop import Run, denoise
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings
from wordbrush_bench.peers.community_p2p import CommunityPrompt2Prompt
from wordbrush_bench.peers.shared import SharedModel
from wordbrush_bench.speed.materialised import PublishedBlend, plan_published, published_edit

SOURCE = "a dog eating an apple"
CROSS, SELF, KEEP_BYTES = 0.8, 0.4, 1 << 30
BLENDED = [["dog"], ["cat"]]
"""The words of the blend in the source and in the target, for the twin that is told them."""


@dataclass(frozen=True)
class Bench:
    """One model with the settings of all runs: latents (pictures, C, h, w) are what each run gives.

    `community` is diffusers' community pipeline on the same weights, where a checkout was given.
    """

    model: SharedModel
    settings: GenerationSettings
    community: CommunityPrompt2Prompt | None

    def plain(self, prompts: Sequence[str]) -> Tensor:
        """The same loop without an edit, from the same noise."""
        adapter, settings = self.model.adapter, self.settings
        text = Conditioning(tuple(map(adapter.encode, prompts)), adapter.encode_negative(settings.negative_prompt))
        solver = solver_of(adapter, settings)
        run = Run(text, range(len(prompts)), settings.guidance_scale)
        *_, last = denoise(adapter, solver, self._noise(), run)
        return last.latents

    def pipeline(self, prompts: Sequence[str]) -> Tensor:
        """Diffusers' own `StableDiffusionPipeline` at the same batch."""
        latents: Tensor = self.model.pipeline(
            list(prompts),
            num_inference_steps=self.settings.num_inference_steps,
            guidance_scale=self.settings.guidance_scale,
            latents=self._noise().expand(len(prompts), -1, -1, -1),
            output_type="latent",
        ).images
        return latents

    def together(self, targets: Sequence[str], blend: LocalBlend | None = None) -> Tensor:
        """Source and targets in one batch."""
        kept, run = run_together(self.model.adapter, self.settings, _edit(targets, blend))
        return torch.cat([kept.latents[-1], run.latents])

    def later(self, target: str, blend: LocalBlend | None = None, fast: FastName = "exact") -> Tensor:
        """An edit of a source whose queries and keys were kept."""
        return run_edit(self.model.adapter, self.settings, _edit([target], blend, fast), self.kept).latents

    def middle(self, share: float) -> LocalBlend:
        """A blend that lets a rectangle in the middle change, of this share of the picture."""
        size = self.model.adapter.latent_size(self.settings.height, self.settings.width)
        mask_hw = torch.zeros(size, dtype=torch.bool)
        rows, columns = (round(side * share**0.5) for side in size)
        top, left = (size[0] - rows) // 2, (size[1] - columns) // 2
        mask_hw[top : top + rows, left : left + columns] = True
        return LocalBlend((), mask=LatentMask.of(mask_hw))

    def later_from_latents(self, target: str) -> Tensor:
        """An edit of a source of which only the latents were kept: its prompt runs again inside the window."""
        kept = replace(self.kept, tape=None)
        return run_edit(self.model.adapter, self.settings, _edit([target], None), kept).latents

    def photo(self, target: str) -> Tensor:
        """A picture inverted by the default method, which keeps its latents alone, and edited."""
        return run_edit(self.model.adapter, self.settings, _edit([target], None), self._inverted()).latents

    def later_of_photo(self, target: str) -> Tensor:
        """An edit of a picture that was inverted before."""
        return run_edit(self.model.adapter, self.settings, _edit([target], None), self._kept_photo).latents

    def kept_source(self) -> Tensor:
        """A source with all that later edits need."""
        tape = SourceTape(KEEP_BYTES, PROMPT_TO_PROMPT_MAX_PIXELS)
        return run_source(self.model.adapter, self.settings, tape).latents[-1]

    def seen(self, request: MapsRequest) -> Tensor:
        """A picture and the maps that are asked of it."""
        capture = Capture(
            self.model.adapter,
            request,
            self.settings,
            {SOURCE_BRANCH: self.model.adapter.tokenize(SOURCE)},
            self.settings.num_inference_steps,
            "benchmark",
        )
        latents = run_source(self.model.adapter, self.settings, None, watches=[capture.watch]).latents[-1]
        assert capture.maps(SOURCE_BRANCH) is not None
        return latents

    def materialised(self, kind: str, targets: Sequence[str], blended: bool = False) -> Tensor:
        """The published algorithm, its maps formed; it makes the source anew with each edit."""
        prompts, steps, noise = [SOURCE, *targets], self.settings.num_inference_steps, self._noise()
        pipeline, adapter = self.model.pipeline, self.model.adapter
        edit = plan_published(
            pipeline.tokenizer, prompts, kind, num_steps=steps, cross_replace_steps=CROSS, self_replace_steps=SELF
        ).to(adapter.device, adapter.dtype)
        blend = None
        if blended:
            # The coarsest resolution of the U-Net's down blocks with cross-attention: 16 x 16 of SD v1-4's 64 x 64.
            blocks = pipeline.unet.config["down_block_types"]
            coarsest = max(level for level, block in enumerate(blocks) if "CrossAttn" in block)
            height, width = (side // 2**coarsest for side in noise.shape[2:])
            blend = PublishedBlend(pipeline.tokenizer, prompts, BLENDED, (height, width), start=int(0.2 * steps))
        scale = self.settings.guidance_scale
        return published_edit(pipeline, prompts, edit, num_steps=steps, guidance_scale=scale, noise=noise, blend=blend)

    def stored(self) -> Tensor:
        """The published store: all maps of up to 32 x 32 pixels, formed and summed over the steps."""
        sums: dict[int, Tensor] = {}
        calls: Counter[int] = Counter()

        def store(maps: Tensor, is_cross: bool, step: int) -> Tensor:
            layer = calls[step]
            calls[step] += 1
            if maps.shape[2] <= 32**2:
                sums[layer] = sums[layer] + maps if layer in sums else maps.clone()
            return maps

        steps, scale = self.settings.num_inference_steps, self.settings.guidance_scale
        return published_edit(
            self.model.pipeline, [SOURCE], store, num_steps=steps, guidance_scale=scale, noise=self._noise()
        )

    def by_community(self, kind: str, targets: Sequence[str]) -> Tensor:
        """The same edit by diffusers' community pipeline."""
        assert self.community is not None
        steps, scale = self.settings.num_inference_steps, self.settings.guidance_scale
        return self.community.latents([SOURCE, *targets], self._noise(), kind, CROSS, SELF, steps, scale)

    @cached_property
    def kept(self) -> Replay:
        """A source with all that later edits need, made once."""
        steps = self.settings.num_inference_steps
        tape = SourceTape(KEEP_BYTES, PROMPT_TO_PROMPT_MAX_PIXELS)
        kept = run_source(self.model.adapter, self.settings, tape)
        if tape.num_steps < min(steps, int(CROSS * (steps + 1))):
            raise SettingsError(
                f"a source of {steps} steps does not fit {KEEP_BYTES >> 20} MiB, so its later edits cannot be timed; "
                "give fewer --steps, a smaller --size, or other --cases"
            )
        return kept

    @cached_property
    def _picture(self) -> Tensor:
        """The finished latents of a source: what a photograph is encoded into."""
        return run_source(self.model.adapter, self.settings, None).latents[-1]

    @cached_property
    def _kept_photo(self) -> Replay:
        return self._inverted()

    def _inverted(self) -> Replay:
        adapter, settings = self.model.adapter, self.settings
        task = InversionTask(
            adapter,
            solver_of(adapter, settings),
            self._picture,
            adapter.encode(settings.prompt),
            adapter.encode_negative(settings.negative_prompt),
            settings.guidance_scale,
            settings.seed,
        )
        return Direct().invert(task)

    def _noise(self) -> Tensor:
        return self.model.adapter.noise(self.settings.seed, self.settings.height, self.settings.width)


def _edit(targets: Sequence[str], blend: LocalBlend | None, fast: FastName = "exact") -> EditSettings:
    options = EditOptions(cross_replace_steps=CROSS, self_replace_steps=SELF, local_blend=blend, fast=fast)
    return EditSettings.of(targets, **options)
