"""From two prompts and an edit's settings to the plan of one target."""

from collections.abc import Callable, Mapping

import torch

from wordbrush.edits.auto import auto
from wordbrush.edits.borrowed import plan_borrowed
from wordbrush.edits.describe import describe, describe_borrowed
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.edits.focus import find_focus
from wordbrush.edits.own import own
from wordbrush.edits.plan import EditPlan, TargetPlan
from wordbrush.edits.refine import refine
from wordbrush.edits.replace import replace
from wordbrush.edits.resize import find_resizes
from wordbrush.edits.reweight import reweight, reweight_new
from wordbrush.edits.schedule import DEFAULT, Window, cross_weights
from wordbrush.edits.settings import EditKind, EditSettings
from wordbrush.edits.token_map import TokenMap
from wordbrush.errors import IdleEditError, PromptError, cited
from wordbrush.tokens.pair import PromptPair, Prompts, require_word

_EDITS: Mapping[EditKind, Callable[[PromptPair], TokenMap]] = {
    "auto": auto,
    "replace": replace,
    "refine": refine,
    "own": own,
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
    planned = [_plan_target(pair, settings, num_steps, device, dtype) for pair in prompts.pairs]
    plan = EditPlan(tuple(target for target, _ in planned), plan_borrowed(settings, layers, num_steps))
    for target, _ in planned:
        if not any(step.acts for step in plan.borrowed) and all(edit is None for edit in target.steps):
            raise IdleEditError(
                f"cross_replace_steps and self_replace_steps select none of the {num_steps} steps, so the result "
                "would be a plain picture of the target prompt; widen a window, or generate the target prompt"
            )
    shared = describe_borrowed(plan.borrowed)
    return plan, tuple((*lines, *shared) for _, lines in planned)


def _plan_target(
    pair: PromptPair,
    settings: EditSettings,
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
        for word, bounds in settings.cross_replace_steps.items()
        if word == DEFAULT or target.places(word)
    }
    focus, where = find_focus(pair, equalizer) if settings.weight_region == "noun" else ((), {})
    everywhere = {word: factor for word, factor in equalizer.items() if word not in where}
    resizes, sizes = find_resizes(pair, settings.resize)
    aligned, weights_NT = _EDITS[settings.edit](pair), cross_weights(target, windows, num_steps)
    boosted = reweight_new(pair, settings.new_word_factor, equalizer)

    def build(factors: Mapping[str, float]) -> TargetPlan:
        token_map = aligned.then(reweight(target, factors).then(boosted))
        return TargetPlan.build(token_map, weights_NT, device, dtype, own_mass=settings.text_mass == "target")

    inside = tuple((noun.tokens, build({**everywhere, **noun.equalizer})) for noun in focus)
    plan = TargetPlan(build(everywhere).steps, resizes, inside)
    return plan, (*describe(pair, equalizer, where, settings.new_word_factor), *sizes)
