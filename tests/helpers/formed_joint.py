"""Joint attention with every map formed: diffusers' own pipeline runs source and target as a batch, and each attention
of its transformer is a plain softmax in which the target's map is edited by hand.
"""

from dataclasses import dataclass, field

from torch import Tensor

from helpers.formed_kernel import FormedKernel
from helpers.oracles import explicit_maps
from wordbrush.edits.own import own
from wordbrush.edits.refine import refine
from wordbrush.edits.replace import replace
from wordbrush.tokens.pair import PromptPair


@dataclass
class Formed:
    """What is done to the target's map: its block (picture, text) becomes `source @ transfer + own * keep` in the
    first `text_steps`, of the target's own mass or not; its image q and k are the source's in the first `image_steps`.

    `text` and `image` are those of the batch; `rows` those of source and target in it. Where the pipeline calls its
    network twice a step, the second is of negative rows.
    """

    transfer_ST: Tensor
    keep_T: Tensor
    text: range
    image: range
    text_steps: int = 0
    image_steps: int = 0
    own_mass: bool = False
    rows: tuple[int, int] = (-2, -1)
    twice: bool = False
    step: int = 0
    calls: int = field(default=0)
    network_calls: int = field(default=0)

    def attention(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        negative = self.twice and self.network_calls % 2 == 0
        reads_picture, reads_text = k.shape[2] >= len(self.image), k.shape[2] > (self.text.start or len(self.image))
        if negative or not reads_picture:
            return explicit_maps(q, k, mask) @ v
        self.calls += 1
        source, target = self.rows
        first = self.image.start if reads_text else 0
        at = slice(first, first + len(self.image))
        own_source = explicit_maps(q, k, mask)[source]
        if self.step < self.image_steps:
            q, k = q.clone(), k.clone()
            q[target, :, at], k[target, :, at] = q[source, :, at], k[source, :, at]
        maps = explicit_maps(q, k, mask)
        if reads_text and self.step < self.text_steps:
            its, words = (slice(self.text.start, self.text.start + n) for n in self.transfer_ST.shape)
            theirs, own = own_source[:, at, its], maps[target][:, at, words].clone()
            if self.own_mass:
                theirs = theirs / theirs.sum(-1, keepdim=True) * own.sum(-1, keepdim=True)
            maps[target, :, at, words] = theirs @ self.transfer_ST + own * self.keep_T
        return maps @ v


def formed_edit(pipeline, formed: Formed, prompts: list[str], latents: Tensor, **call) -> Tensor:
    """Finished latents of [source, target], as the pipeline packs them."""
    mode, last = FormedKernel(formed), {}

    def enter(*_) -> None:
        formed.network_calls += 1
        mode.__enter__()

    before = pipeline.transformer.register_forward_pre_hook(enter)
    after = pipeline.transformer.register_forward_hook(lambda *_: mode.__exit__(None, None, None), always_call=True)

    def next_step(pipeline, step: int, timestep, given):
        formed.step = step + 1
        last.update(given)
        return {}

    try:
        pipeline(prompt=prompts, latents=latents, output_type="latent", callback_on_step_end=next_step, **call)
        return last["latents"]
    finally:
        before.remove()
        after.remove()


def edited_map(pair: PromptPair, kind: str, factor: float) -> tuple[Tensor, Tensor]:
    """What an edit of a kind makes of a source's map and of the target's own, (S, T) and (T,), with a factor on the
    columns of the words that are new.
    """
    made = {"own": own, "replace": replace, "refine": refine}[kind](pair)
    keep_T, transfer_ST = made.keep_T.clone(), made.transfer_ST.clone()
    for words in pair.pairs:
        if words.kind in ("swapped", "new"):
            keep_T[list(pair.target.of(words.target))] *= factor
            transfer_ST[:, list(pair.target.of(words.target))] *= factor
    return transfer_ST, keep_T
