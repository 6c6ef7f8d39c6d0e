"""Cross-attention with every map formed: diffusers' own pipeline runs source and target as a batch, and each attention
of its network is a plain softmax in which the target's map is edited by hand.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.formed_kernel import FormedKernel


@dataclass
class Formed:
    """What is done to the target's map: of the text it becomes `source @ transfer + own * keep` in the first
    `text_steps`; of the picture it is the source's in the first `image_steps`. Nothing is done to the map of an
    IP-Adapter's picture.
    """

    transfer_ST: Tensor
    keep_T: Tensor
    text_steps: int
    image_steps: int
    step: int = 0
    calls: int = 0

    def attention(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        self.calls += 1
        source, target = len(q) - 2, len(q) - 1  # the last rows are those with the prompts
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        maps = (scores if mask is None else scores + mask).softmax(dim=-1)
        reads_text, reads_itself = k.shape[2] == len(self.keep_T), k.shape[2] == q.shape[2]
        if reads_text and self.step < self.text_steps:
            maps[target] = maps[source] @ self.transfer_ST + maps[target] * self.keep_T
        elif reads_itself and self.step < self.image_steps:
            maps[target] = maps[source]
        return maps @ v


def formed_edit(pipeline, network, formed: Formed, prompts: list[str], latents: Tensor, **call) -> Tensor:
    """Finished latents of [source, target]."""
    mode = FormedKernel(formed)

    def leave(*_: object) -> None:
        mode.__exit__(None, None, None)
        formed.step += 1

    before = network.register_forward_pre_hook(lambda *_: mode.__enter__() and None)
    after = network.register_forward_hook(leave, always_call=True)
    try:
        with torch.no_grad():
            return pipeline(prompts, latents=latents, output_type="latent", return_dict=False, **call)[0]
    finally:
        before.remove()
        after.remove()
