"""The laws of a family whose transformer has cross-attention: each is asked of PixArt, HunyuanDiT and Sana."""

from collections.abc import Mapping
from typing import Any

import torch

from helpers.formed_cross import Formed, formed_edit
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.replace import replace
from wordbrush.tokens.pair import PromptPair

PROMPT, TARGETS = "a photo of a Dog eating an apple", ["a photo of a cat eating an apple", "a big dog eating an apple"]
STEPS = 3

Options = Mapping[str, Any]


def run_of(size: tuple[int, int], guidance_scale: float) -> dict[str, Any]:
    """What a picture is made with here."""
    return {"seed": 3, "num_inference_steps": STEPS, "guidance_scale": guidance_scale, "size": size}


def call_of(size: tuple[int, int], guidance_scale: float) -> dict[str, Any]:
    """The same for the family's own pipeline."""
    return {
        "height": size[0],
        "width": size[1],
        "num_inference_steps": STEPS,
        "guidance_scale": guidance_scale,
        "use_resolution_binning": False,
    }


def drawn(pipeline: Any, call: Options, prompt: str = PROMPT, **more: Any) -> Any:
    """What the family's own pipeline makes of the same seed."""
    return pipeline(prompt, **{**call, "generator": torch.Generator().manual_seed(3), **more}).images


def assert_fused_is_formed(pipeline: Any, editor: Editor, run: Options, call: Options, held: float | None) -> Formed:
    """An edit equals one whose maps are formed by hand; `held` is the part of the steps that self-attention is kept,
    None where it forms no map.
    """
    target = "a photo of a castle eating an apple"  # of another number of tokens
    held_steps = {} if held is None else {"self_replace_steps": held}
    ours = editor.generate_and_edit(PROMPT, target, **run, edit="replace", cross_replace_steps=0.5, **held_steps)
    made = replace(PromptPair.of(*(editor._adapter.tokenize(prompt) for prompt in (PROMPT, target))))
    image_steps = int((held or 0) * STEPS)
    formed = Formed(made.transfer_ST, made.keep_T, text_steps=int(0.5 * (STEPS + 1)), image_steps=image_steps)
    start = editor.generate(PROMPT, **run).kept.latents[0].expand(2, -1, -1, -1)
    theirs = formed_edit(pipeline, pipeline.transformer, formed, [PROMPT, target], start.contiguous(), **call)
    plain = drawn(pipeline, call, target, output_type="latent")
    assert (theirs[1] - plain[0]).abs().max() > 1e-2  # the edit is seen
    torch.testing.assert_close(ours.source.latents, theirs[:1], rtol=0, atol=1e-4)
    torch.testing.assert_close(ours.latents, theirs[1:], rtol=0, atol=1e-4)
    return formed


def assert_targets_are_each_alone(editor: Editor, run: Options) -> None:
    """Several targets are what each is alone, of a kept source as of a fresh one, and their record replays."""
    source = editor.generate(PROMPT, **run)
    together = editor.generate_and_edit(PROMPT, TARGETS, **run)
    kept = editor.edit(source, TARGETS)
    for target, one, other in zip(TARGETS, together, kept, strict=True):
        single = editor.edit(source, target)
        for made in (one, other):
            torch.testing.assert_close(made.latents, single.latents, rtol=0, atol=1e-4)
        assert (single.latents - source.latents).abs().max() > 1e-3
    again = editor.replay(kept[0].record)
    assert all(torch.equal(a.latents, b.latents) for a, b in zip(again, kept, strict=True))


def assert_weights_windows_and_blend_act(editor: Editor, run: Options) -> None:
    """A weight in a window of its own is said and seen, and a blend holds what is outside of its region."""
    source = editor.generate(PROMPT, **run)
    strong = editor.edit(source, PROMPT, equalizer={"apple": 3.0}, cross_replace_steps={"apple": 0.5, "default_": 1.0})
    assert strong.record.acted == (("'apple' x 3",),)
    assert not torch.equal(strong.latents, source.latents)
    blended = editor.edit(source, TARGETS[0], local_blend=LocalBlend(["Dog", "cat"], threshold=0.9))
    held = ~blended.blend_masks[-1]
    assert held.any()
    assert torch.equal(blended.latents[0][:, held], source.latents[0][:, held])


def assert_a_photograph_is_edited(editor: Editor, run: Options, method: str, steps: int, scale: float) -> None:
    """A picture is inverted by a method, and an edit of it is another picture of its size."""
    photo = editor.generate(PROMPT, **run).image
    source = editor.invert(photo, PROMPT, method=method, num_inference_steps=steps, guidance_scale=scale)
    edited = editor.edit(source, TARGETS[0])
    assert edited.image.size == photo.size
    assert not torch.equal(edited.latents, source.latents)
