"""Joint attention with every map formed: diffusers' own pipeline runs source and target as a batch, and each attention
of its transformer is a plain softmax in which the target's map is edited by hand.
"""

from dataclasses import dataclass, field

from torch import Tensor

from helpers.formed_kernel import FormedKernel
from helpers.oracles import explicit_maps


@dataclass
class Formed:
    """What is done to the target's map: its block (picture, text) becomes `source @ transfer + own * keep` in the
    first `text_steps`, of the target's own mass or not; its image q and k are the source's in the first `image_steps`.
    """

    transfer_ST: Tensor
    keep_T: Tensor
    text: range
    image: range
    text_steps: int = 0
    image_steps: int = 0
    own_mass: bool = False
    step: int = 0
    calls: int = field(default=0)

    def attention(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        assert mask is None
        self.calls += 1
        source, target = len(q) - 2, len(q) - 1  # the last rows are those with the prompts
        joint = k.shape[2] > len(self.image)
        at = slice(self.image.start, self.image.stop) if joint else slice(None)
        own_source = explicit_maps(q[source], k[source])
        if self.step < self.image_steps:
            q, k = q.clone(), k.clone()
            q[target, :, at], k[target, :, at] = q[source, :, at], k[source, :, at]
        maps = explicit_maps(q, k)
        if joint and self.step < self.text_steps:
            words = slice(self.text.start, self.text.stop)
            theirs, own = own_source[:, at, words], maps[target][:, at, words].clone()
            if self.own_mass:
                theirs = theirs / theirs.sum(-1, keepdim=True) * own.sum(-1, keepdim=True)
            maps[target, :, at, words] = theirs @ self.transfer_ST + own * self.keep_T
        return maps @ v


def formed_edit(pipeline, formed: Formed, prompts: list[str], latents: Tensor, **call) -> Tensor:
    """Finished latents of [source, target], as the pipeline packs them."""
    mode = FormedKernel(formed)
    before = pipeline.transformer.register_forward_pre_hook(lambda *_: mode.__enter__() and None)
    after = pipeline.transformer.register_forward_hook(lambda *_: mode.__exit__(None, None, None), always_call=True)

    def next_step(pipeline, step: int, timestep, given):
        formed.step = step + 1
        return {}

    try:
        return pipeline(
            prompts, latents=latents, output_type="latent", callback_on_step_end=next_step, return_dict=False, **call
        )[0]
    finally:
        before.remove()
        after.remove()
