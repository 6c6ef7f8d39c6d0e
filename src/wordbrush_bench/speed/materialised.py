"""The published algorithm with every attention map formed: the oracle of the tests, the other side of the comparison.

Written from the description of Prompt-to-Prompt (Hertz et al. 2022) and the constants of its code, independently of
`wordbrush`: maps as tensors, whole batches, the conditional half edited in place of the model's own processors.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

EditMaps = Callable[[Tensor, bool, int], Tensor]
"""Takes maps (prompts, heads, pixels, keys) of the conditional rows, whether they are of text, and the step."""


@dataclass(frozen=True)
class Published:
    """An edit of `prompts[0]` into the others as the published controllers do it; maps are edited after the softmax.

    `mapper` (targets, S, T) for replacement; for refinement `mapper` (targets, T) source indices and `alphas`
    (targets, T); `equalizer` (targets, T); `cross_alpha` (steps + 1, targets, T); `self_steps` a range.
    """

    kind: str
    mapper: Tensor
    alphas: Tensor | None
    equalizer: Tensor
    cross_alpha: Tensor
    self_steps: range
    self_limit: int

    def to(self, device: torch.device, dtype: torch.dtype) -> "Published":
        """The same edit on a device and in a dtype."""
        mapper = self.mapper.to(device, dtype if self.mapper.is_floating_point() else None)
        alphas = None if self.alphas is None else self.alphas.to(device, dtype)
        equalizer, cross_alpha = self.equalizer.to(device, dtype), self.cross_alpha.to(device, dtype)
        return replace(self, mapper=mapper, alphas=alphas, equalizer=equalizer, cross_alpha=cross_alpha)

    def __call__(self, maps_PHQK: Tensor, is_cross: bool, step: int) -> Tensor:
        """The maps after the edit, the source's first."""
        base, targets = maps_PHQK[:1], maps_PHQK[1:]
        if is_cross:
            if self.kind == "replace":
                edited = torch.einsum("hqs,pst->phqt", base[0], self.mapper)
            elif self.kind == "refine":
                assert self.alphas is not None
                alphas = self.alphas[:, None, None, :]
                edited = base[0][:, :, self.mapper].permute(2, 0, 1, 3) * alphas + targets * (1 - alphas)
            else:
                edited = base
            edited = edited * self.equalizer[:, None, None, :]
            alpha = self.cross_alpha[step][:, None, None, :]
            targets = edited * alpha + (1 - alpha) * targets
        elif step in self.self_steps and maps_PHQK.shape[2] <= self.self_limit:
            targets = base.expand_as(targets)
        return torch.cat([base, targets])


def plan_published(
    tokenizer: Any,
    prompts: list[str],
    kind: str,
    *,
    num_steps: int,
    cross_replace_steps: float | Mapping[str, float] = 0.8,
    self_replace_steps: float = 0.4,
    self_limit: int = 16**2,
    equalizer: Mapping[str, float] | None = None,
) -> Published:
    """Build the edit from prompts of single-token words, or of equal token counts for "replace".

    `kind` is "replace", "refine" or "reweight" (alone); `equalizer` is chained after any of them.
    """
    length = tokenizer.model_max_length
    ids = [tokenizer(prompt, truncation=True, max_length=length).input_ids for prompt in prompts]
    windows = (
        dict(cross_replace_steps) if isinstance(cross_replace_steps, Mapping) else {"default_": cross_replace_steps}
    )
    alpha = torch.zeros(num_steps + 1, len(prompts) - 1, length)
    alpha[: int(windows.get("default_", 1.0) * (num_steps + 1))] = 1
    weights = torch.ones(len(prompts) - 1, length)
    for p, prompt in enumerate(prompts[1:]):
        for word, end in windows.items():
            if word != "default_" and word in prompt.split():
                alpha[:, p, _positions(tokenizer, prompt, word)] = 0
                alpha[: int(end * (num_steps + 1)), p, _positions(tokenizer, prompt, word)] = 1
        for word, factor in (equalizer or {}).items():
            if word in prompt.split():
                weights[p, _positions(tokenizer, prompt, word)] = factor
    alphas = None
    if kind == "refine":
        found = [_global_alignment(ids[0], target, length) for target in ids[1:]]
        mapper = torch.stack([indices for indices, _ in found])
        alphas = torch.stack([alpha_T for _, alpha_T in found])
    else:
        if any(len(target) != len(ids[0]) for target in ids):
            raise ValueError("the published replacement is only right for prompts of equal token counts")
        mapper = torch.eye(length).expand(len(prompts) - 1, -1, -1)
    self_steps = range(int(num_steps * self_replace_steps))
    return Published(kind, mapper, alphas, weights, alpha, self_steps, self_limit)


class PublishedBlend:
    """LocalBlend as published: maps stored after their edit, or before with `own`; summed over steps, thresholded.

    `words` has for each prompt those whose region may change, `subtract` those whose may not. `grid` is that of the
    layers that are used (16 x 16 at 512 pixels) and `masks` gets (prompts - 1, h, w) at each blended step.
    """

    def __init__(
        self,
        tokenizer: Any,
        prompts: list[str],
        words: list[list[str]],
        grid: tuple[int, int],
        start: int,
        subtract: list[list[str]] | None = None,
        thresholds: tuple[float, float] = (0.3, 0.3),
        own: bool = False,
    ) -> None:
        """Store nothing before the first step."""
        self._alpha = _layers(tokenizer, prompts, words)
        self._subtract = None if subtract is None else _layers(tokenizer, prompts, subtract)
        self._grid, self._start, self._thresholds, self._own = grid, start, thresholds, own
        self._maps: dict[int, Tensor] = {}
        self._layer = 0
        self.masks: list[Tensor] = []

    def watching(self, edit: EditMaps) -> EditMaps:
        """The same edit, with the maps of the chosen layers stored."""

        def stored(maps_PHQK: Tensor, is_cross: bool, step: int) -> Tensor:
            edited = edit(maps_PHQK, is_cross, step)
            if is_cross and maps_PHQK.shape[2] == self._grid[0] * self._grid[1]:
                kept = maps_PHQK if self._own else edited
                self._maps[self._layer] = self._maps.get(self._layer, 0) + kept
                self._layer += 1
            return edited

        return stored

    def after_step(self, latents: Tensor, step: int) -> Tensor:
        """The targets' latents (prompts, C, h, w) held to the source's outside of the mask, which is kept."""
        self._layer = 0
        if step < self._start:
            return latents
        stored = torch.cat(list(self._maps.values()), dim=1)
        maps = stored.reshape(*stored.shape[:2], *self._grid, -1) / (step + 1)
        mask = self._mask(maps, self._alpha, (latents.shape[2], latents.shape[3]), self._thresholds[0], grow=True)
        if self._subtract is not None:
            mask &= ~self._mask(
                maps, self._subtract, (latents.shape[2], latents.shape[3]), self._thresholds[1], grow=False
            )
        self.masks.append(mask[1:, 0])
        return latents[:1] + mask.to(latents) * (latents - latents[:1])

    def _mask(self, maps: Tensor, alpha: Tensor, size: tuple[int, int], threshold: float, grow: bool) -> Tensor:
        seen = (maps * alpha[:, None, None, None, :].to(maps)).sum(-1).mean(1, keepdim=True)
        if grow:
            seen = torch.nn.functional.max_pool2d(seen, (3, 3), (1, 1), padding=(1, 1))
        seen = torch.nn.functional.interpolate(seen, size=size)
        seen = seen / seen.amax(dim=(2, 3), keepdim=True)
        mask = seen > threshold
        return mask[:1] | mask


@contextmanager
def materialised(unet: Any, edit: EditMaps | None, step: list[int]) -> Iterator[None]:
    """A scope in which the U-Net forms every map and `edit` sees those of the conditional half; `step[0]` is read."""
    before = unet.attn_processors
    unet.set_attn_processor({name: _Materialise(edit, step) for name in before})
    try:
        yield
    finally:
        unet.set_attn_processor(before)


class _Materialise:
    """Attention as written: `softmax(q k^T / sqrt(d)) v`, with the map in between."""

    def __init__(self, edit: EditMaps | None, step: list[int]) -> None:
        self._edit = edit
        self._step = step

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,
        temb: None = None,
    ) -> Tensor:
        rows = hidden_states.shape[0]
        text = hidden_states if encoder_hidden_states is None else encoder_hidden_states

        def heads(x: Tensor) -> Tensor:
            return x.reshape(*x.shape[:2], attn.heads, -1).transpose(1, 2)

        q, k, v = heads(attn.to_q(hidden_states)), heads(attn.to_k(text)), heads(attn.to_v(text))
        maps = (q @ k.transpose(-1, -2) * attn.scale).softmax(dim=-1)
        if self._edit is not None:
            half = rows // 2
            edited = self._edit(maps[half:], encoder_hidden_states is not None, self._step[0])
            maps = torch.cat([maps[:half], edited])
        out = (maps @ v).transpose(1, 2).flatten(2)
        projected: Tensor = attn.to_out[1](attn.to_out[0](out))
        return projected


@torch.no_grad()
def published_edit(
    pipeline: Any,
    prompts: list[str],
    edit: EditMaps | None,
    *,
    num_steps: int,
    guidance_scale: float,
    noise: Tensor,
    blend: PublishedBlend | None = None,
    source_path: Sequence[Tensor] | None = None,
) -> Tensor:
    """Run algorithm 1 on a `StableDiffusionPipeline` from noise (1, C, h, w): latents (prompts, C, h, w).

    `source_path` (1, C, h, w) before each step and after the last is what the source is held to: direct inversion.
    """

    def encode(prompt: str) -> Tensor:
        length = pipeline.tokenizer.model_max_length
        ids = pipeline.tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        states: Tensor = pipeline.text_encoder(ids.input_ids.to(pipeline.device))[0]
        return states

    text = torch.cat([encode("")] * len(prompts) + [encode(prompt) for prompt in prompts])
    pipeline.scheduler.set_timesteps(num_steps, device=pipeline.device)
    latents = noise.expand(len(prompts), -1, -1, -1)
    step = [0]
    if blend is not None:
        assert edit is not None
        edit = blend.watching(edit)
    with materialised(pipeline.unet, edit, step):
        for step[0], timestep in enumerate(pipeline.scheduler.timesteps):
            predicted = pipeline.unet(torch.cat([latents] * 2), timestep, encoder_hidden_states=text).sample
            negative, positive = predicted.chunk(2)
            predicted = negative + guidance_scale * (positive - negative)
            latents = pipeline.scheduler.step(predicted, timestep, latents).prev_sample
            if source_path is not None:
                latents = torch.cat([source_path[step[0] + 1], latents[1:]])
            if blend is not None:
                latents = blend.after_step(latents, step[0])
    return latents


def _layers(tokenizer: Any, prompts: list[str], words: list[list[str]]) -> Tensor:
    """Ones (prompts, T) at the tokens of words."""
    layers = torch.zeros(len(prompts), tokenizer.model_max_length)
    for row, prompt, wanted in zip(layers, prompts, words, strict=True):
        for word in wanted:
            row[_positions(tokenizer, prompt, word)] = 1
    return layers


def _positions(tokenizer: Any, prompt: str, word: str) -> list[int]:
    """Token positions of every occurrence of a word between spaces."""
    positions: list[int] = []
    at = 1
    for part in prompt.split():
        count = len(tokenizer(part, add_special_tokens=False).input_ids)
        if part == word:
            positions += range(at, at + count)
        at += count
    return positions


def _global_alignment(source: list[int], target: list[int], length: int) -> tuple[Tensor, Tensor]:
    """Needleman-Wunsch: gap 0, match 1, mismatch -1, ties to insertion, then deletion; indices and alphas (T,)."""
    n, m = len(source), len(target)
    score = [[0] * (m + 1) for _ in range(n + 1)]
    came = [["end"] + ["insert"] * m] + [["delete"] + [""] * m for _ in range(n)]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            inserted, deleted = score[i][j - 1], score[i - 1][j]
            diagonal = score[i - 1][j - 1] + (1 if source[i - 1] == target[j - 1] else -1)
            score[i][j] = max(inserted, deleted, diagonal)
            came[i][j] = "insert" if score[i][j] == inserted else "delete" if score[i][j] == deleted else "match"
    indices, alphas = torch.arange(length), torch.ones(length)
    i, j = n, m
    while came[i][j] != "end":
        if came[i][j] == "match":
            i, j = i - 1, j - 1
            indices[j] = i
        elif came[i][j] == "insert":
            j -= 1
            indices[j], alphas[j] = -1, 0
        else:
            i -= 1
    return indices, alphas
