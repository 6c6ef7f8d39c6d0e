"""One-line explicit twins of what the library computes with fused kernels."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def explicit_maps(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention maps (..., queries, keys) of q and k (..., positions, D), and of a boolean mask."""
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(dim=-1)


def explicit_edit(q_source, k_source, q_target, k_target, v_target, transfer_ST, keep_T) -> Tensor:
    """`(A_source @ transfer + A_target * keep) @ v`, with both maps formed."""
    edited = explicit_maps(q_source, k_source) @ transfer_ST + explicit_maps(q_target, k_target) * keep_T
    return edited @ v_target


class FormedMaps:
    """Edits the maps of a materialised run as `edit` does, and keeps those of every call, (prompts, H, Q, K), a list a
    step: as edited, or each prompt's "own"; of self-attention only up to `self_max_pixels`.
    """

    def __init__(self, edit=None, reads: str = "edited", self_max_pixels: int = 0) -> None:
        self.edit, self.reads, self.self_max_pixels = edit, reads, self_max_pixels
        self.taken: dict[int, list[Tensor]] = {}

    def __call__(self, maps: Tensor, is_cross: bool, step: int) -> Tensor:
        edited = maps if self.edit is None else self.edit(maps, is_cross, step)
        if is_cross or maps.shape[2] <= self.self_max_pixels:
            self.taken.setdefault(step, []).append(edited if self.reads == "edited" else maps)
        return edited


@contextmanager
def explicit_borrowing(unet, step: list[int], content: dict, maps: dict, features: dict) -> Iterator[None]:
    """Mutual self-attention and Plug-and-Play with formed maps and plain hooks, for diffusers' guided batch: negative
    rows of source and targets, then those with their prompts. Each of the three says which steps a module acts in;
    `step[0]` is the current one.
    """

    def processor(name: str):
        def process(attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None) -> Tensor:
            def heads(x: Tensor) -> Tensor:
                return x.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

            text = hidden_states if encoder_hidden_states is None else encoder_hidden_states
            q, k, v = heads(attn.to_q(hidden_states)), heads(attn.to_k(text)), heads(attn.to_v(text))
            prompts = len(q) // 2
            targets = [row for row in range(2 * prompts) if row % prompts]
            if step[0] in maps.get(name, ()):
                q[targets], k[targets] = q[prompts].clone(), k[prompts].clone()
            elif step[0] in content.get(name, ()):
                for row in targets:
                    k[row], v[row] = k[row - row % prompts], v[row - row % prompts]
            out = (explicit_maps(q, k) @ v).transpose(1, 2).flatten(2)
            return attn.to_out[1](attn.to_out[0](out))

        return process

    def hook(name: str):
        def replace(module, inputs, output: Tensor) -> Tensor:
            prompts = len(output) // 2
            rows = [prompts if row % prompts else row for row in range(2 * prompts)]
            return output[rows] if step[0] in features[name] else output

        return replace

    before = unet.attn_processors
    unet.set_attn_processor(
        {f"{name}.processor": processor(name) for name in (p.removesuffix(".processor") for p in before)}
    )
    handles = [unet.get_submodule(f"{name}.conv2").register_forward_hook(hook(name)) for name in features]
    try:
        with torch.no_grad():
            yield
    finally:
        unet.set_attn_processor(before)
        for handle in handles:
            handle.remove()
