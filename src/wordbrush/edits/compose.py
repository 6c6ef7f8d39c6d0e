"""From two prompts and an edit's settings to the plan of one target."""

from collections.abc import Callable, Mapping

import torch

from wordbrush.edits.auto import auto
from wordbrush.edits.borrowed import plan_borrowed
from wordbrush.edits.describe import describe, describe_borrowed
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.edits.plan import EditPlan, TargetPlan
from wordbrush.edits.refine import refine
from wordbrush.edits.replace import replace
from wordbrush.edits.reweight import reweight
from wordbrush.edits.schedule import DEFAULT, Window, cross_weights
from wordbrush.edits.settings import Control, EditKind, EditSettings
from wordbrush.edits.token_map import TokenMap
from wordbrush.errors import IdleEditError, PromptError, cited
from wordbrush.tokens.pair import PromptPair, Prompts, require_word

_EDITS: Mapping[EditKind, Callable[[PromptPair], TokenMap]] = {
    "auto": auto,
    "replace": replace,
    "refine": refine,
}


def plan_edit(
    prompts: Prompts,
    settings: EditSettings,
    num_steps: int,
    layers: EditableLayers,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> tuple[EditPlan, tuple[tuple[str, ...], ...]]:
    """The plan of all targets, and for each target what its edit does, in words.

    Raises `PromptError` for a word that is in no target, or for prompts that ask for nothing, `IdleEditError` when an
    edit would act at no step, and `ControlError` for a model without the layers that the settings ask for.
    """
    for word in [*settings.equalizer, *(w for w in settings.cross_replace_steps if w != DEFAULT)]:
        require_word(word, prompts.targets)
    planned = [
        _plan_target(pair, settings, control, layers, num_steps, device, dtype)
        for pair, control in zip(prompts.pairs, settings.controls, strict=True)
    ]
    for target, _ in planned:
        if not any(step.acts for step in target.borrowed) and all(edit is None for edit in target.steps):
            raise IdleEditError(
                f"cross_replace_steps and self_replace_steps select none of the {num_steps} steps, so the result "
                "would be a plain picture of the target prompt; widen a window, or generate the target prompt"
            )
    return EditPlan(tuple(target for target, _ in planned)), tuple(lines for _, lines in planned)


def _plan_target(
    pair: PromptPair,
    settings: EditSettings,
    control: Control,
    layers: EditableLayers,
    num_steps: int,
    device: torch.device | str,
    dtype: torch.dtype,
) -> tuple[TargetPlan, tuple[str, ...]]:
    target = pair.target
    equalizer = {word: factor for word, factor in settings.equalizer.items() if target.places(word)}
    if not equalizer and pair.source.text == target.text:
        raise PromptError(
            f"source and target are both '{cited(target.text)}'; change a word, or give a weight for one"
        )
    windows = {
        word: Window(*bounds)
        for word, bounds in control.cross_replace_steps.items()
        if word == DEFAULT or target.places(word)
    }
    token_map = _EDITS[settings.edit](pair).then(reweight(target, equalizer))
    borrowed = plan_borrowed(settings, control.self_replace_steps, layers, num_steps)
    plan = TargetPlan.build(token_map, cross_weights(target, windows, num_steps), borrowed, device, dtype)
    return plan, (*describe(pair, equalizer), *describe_borrowed(borrowed))
