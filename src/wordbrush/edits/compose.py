"""From two prompts and an edit's settings to the plan for one target."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from wordbrush.edits.auto import auto
from wordbrush.edits.borrowed import plan_borrowed
from wordbrush.edits.describe import describe, describe_borrowed
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.edits.focus import find_focus
from wordbrush.edits.own import own
from wordbrush.edits.plan import CrossEdit, EditPlan, TargetPlan
from wordbrush.edits.refine import refine
from wordbrush.edits.replace import replace
from wordbrush.edits.resize import find_resizes
from wordbrush.edits.reweight import reweight, reweight_new
from wordbrush.edits.schedule import cross_weights
from wordbrush.edits.settings import EditKind, EditSettings
from wordbrush.edits.target_control import TargetControl
from wordbrush.edits.token_map import TokenMap
from wordbrush.edits.window import DEFAULT, Window
from wordbrush.errors import IdleEditError, PromptError, cited
from wordbrush.tokens.align import pair_every_word
from wordbrush.tokens.pair import PromptPair, Prompts, require_word
from wordbrush.tokens.prompt_tokens import PromptTokens

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
    *,
    other_weights: bool = False,
) -> tuple[EditPlan, tuple[tuple[str, ...], ...]]:
    """The plan for all targets, and what the edit does to each target, in words.

    With `other_weights` the targets' model is not the source's, so that prompts may be the same and windows closed.

    Raises `PromptError` for a word that is in no target or for prompts that ask for nothing, `IdleEditError` for an
    edit that would act at no step, and `ControlError` for a model without the layers that the settings need.
    """
    for word in [*settings.equalizer, *(w for w in settings.cross_replace_steps if w != DEFAULT)]:
        require_word(word, prompts.targets)
    planned = [
        _plan_target(pair, settings, control, layers, num_steps, device, dtype, other_weights)
        for pair, control in zip(prompts.pairs, settings.controls, strict=True)
    ]
    for pair, (target, _) in zip(prompts.pairs, planned, strict=True):
        if not (other_weights or target.acts):
            raise IdleEditError(
                f"cross_replace_steps and self_replace_steps select none of the {num_steps} steps, so the result "
                f"would be a plain picture of '{cited(pair.target.text)}'; widen a window, or generate that prompt"
            )
    return EditPlan(tuple(target for target, _ in planned)), tuple(lines for _, lines in planned)


def _plan_target(
    pair: PromptPair,
    settings: EditSettings,
    control: TargetControl,
    layers: EditableLayers,
    num_steps: int,
    device: torch.device | str,
    dtype: torch.dtype,
    other_weights: bool,
) -> tuple[TargetPlan, tuple[str, ...]]:
    target = pair.target
    named = {word: factor for word, factor in settings.equalizer.items() if target.places(word)}
    weights = {word: factor for word, factor in named.items() if factor != 1}
    if not weights and pair.same_words and not other_weights:
        if named:
            raise IdleEditError(
                f"the weight of '{next(iter(named))}' is 1 and the prompt '{cited(target.text)}' is the source's, so "
                "the result would be the source; give another weight, or change a word"
            )
        but = "" if pair.source.text == target.text else " except for case and spaces"
        raise PromptError(
            f"source and target are both '{cited(target.text)}'{but}; change a word, or give a weight to a word"
        )
    windows = {
        word: Window(*bounds)
        for word, bounds in control.cross_replace_steps.items()
        if word == DEFAULT or target.places(word)
    }
    schedule_NT = cross_weights(target, windows, num_steps)
    freed = _freed(target, weights, windows, schedule_NT)
    focus, where = find_focus(pair, weights) if settings.weight_region == "noun" else ((), {})
    everywhere = {word: factor for word, factor in weights.items() if word not in where}
    resizes, sizes = find_resizes(pair, settings.resize)
    aligned = _EDITS[settings.edit](pair)
    borrowed = plan_borrowed(settings, control.self_replace_steps, layers, num_steps)
    boosted = reweight_new(pair, settings.new_word_factor, named)

    def build(factors: Mapping[str, float]) -> TargetPlan:
        held = {word: factor for word, factor in factors.items() if word not in freed}
        always = {word: factor for word, factor in factors.items() if word in freed}
        return TargetPlan.build(
            aligned.then(reweight(target, held)).then(boosted),
            schedule_NT,
            borrowed,
            device,
            dtype,
            own_mass=settings.text_mass == "target",
            always=reweight(target, always) if always else None,
        )

    inside = tuple((noun.tokens, build({**everywhere, **noun.equalizer})) for noun in focus)
    outside = build(everywhere)
    steps = _where_parts_act(outside.steps, inside, pair, device, dtype)
    # What was done is told from the maps that were made, not from what was asked for.
    open_T = (schedule_NT != 0).any(dim=0)
    from_source_T = (aligned.transfer_ST != 0).any(dim=0) & open_T
    factor = settings.new_word_factor if bool(((boosted.keep_T != 1) & open_T).any()) else 1.0
    words = pair_every_word(pair.source, pair.target) if settings.edit == "replace" else pair.pairs
    lines = describe(pair, words, weights, from_source_T, where, factor)
    return TargetPlan(steps, borrowed, resizes, inside), (*lines, *sizes, *describe_borrowed(borrowed))


def _where_parts_act(
    steps: Sequence[CrossEdit | None],
    inside: Sequence[tuple[tuple[int, ...], TargetPlan]],
    pair: PromptPair,
    device: torch.device | str,
    dtype: torch.dtype,
) -> tuple[CrossEdit | None, ...]:
    """Keep a step that changes nothing if a part of the picture is edited in it, since its layers must still run."""
    identity = TokenMap.identity(pair.source.length, pair.target.length).to(device, dtype)
    unchanged = CrossEdit(identity, uses_source=False, uses_target=True)
    parts = [any(plan.steps[step] is not None for _, plan in inside) for step in range(len(steps))]
    return tuple(unchanged if edit is None and acts else edit for edit, acts in zip(steps, parts, strict=True))


def _freed(
    target: PromptTokens, weights: Mapping[str, float], windows: Mapping[str, Window], schedule_NT: Tensor
) -> frozenset[str]:
    """The weights that act at every step, because their word has no window of its own and no shared window is open for
    it.

    Raises `IdleEditError` for a weight whose word has its own window, which selects no step.
    """
    freed = []
    for word in weights:
        tokens = set(target.find(word))
        if bool(schedule_NT[:, list(tokens)].any()):
            continue
        its = next((name for name in windows if name != DEFAULT and tokens & set(target.find(name))), None)
        if its is not None:
            raise IdleEditError(
                f"the weight of '{word}' acts at none of the {len(schedule_NT)} steps, because cross_replace_steps of "
                f"'{its}' selects none; widen that window, or leave it out"
            )
        freed.append(word)
    return frozenset(freed)
