"""The LoRAs of a run's branches, from its settings to what the loop asks for; and what they cannot go with."""

from collections.abc import Sequence

from wordbrush.edits.branch_scales import BranchScales
from wordbrush.edits.lora_window import named_loras
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import SettingsError
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.conditioning import BranchLoras, Conditioning
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.text import Text
from wordbrush.sampling.text_memory import TextMemory


def branch_scales(
    adapter: Adapter, settings: GenerationSettings, edit: EditSettings | None, num_steps: int
) -> BranchScales | None:
    """What acts in source and targets at each step; None where neither names a LoRA, and the model stays as it is.

    Raises `SettingsError` for a LoRA that is not loaded, and for an edit by which branches cannot differ.
    """
    targets = None if edit is None else edit.target_adapters
    if settings.source_adapters is None and targets is None:
        return None
    if edit is None:
        targets = settings.source_adapters
    scales = BranchScales.of(settings.source_adapters, targets, adapter.loras.scales, num_steps)
    if edit is not None and scales.differ:
        _check(edit)
    return scales


def branch_loras(
    adapter: Adapter, settings: GenerationSettings, targets: Sequence[str], scales: BranchScales | None
) -> BranchLoras | None:
    """The same, ready for one run: each text is read with every set of scales."""
    if scales is None:
        return None
    texts = {}
    for each in scales.every:
        with adapter.with_loras(each):
            positive = tuple(map(adapter.encode, (settings.prompt, *targets)))
            texts[each] = Conditioning(positive, negative_text(adapter, settings))
    return BranchLoras(scales, texts, adapter.with_loras)


def negative_text(adapter: Adapter, settings: GenerationSettings, memory: TextMemory | None = None) -> Text | None:
    """The negative text of a run, if its guidance reads one: encoders may take as long as steps. `memory` has those
    of other runs.
    """
    if not adapter.guidance.has_negative(settings.guidance_scale):
        return None
    return (memory or TextMemory()).negative(adapter, settings.negative_prompt)


def described(edit: EditSettings, two_calls: int, num_steps: int) -> str:
    """What LoRAs did in the targets, and what it cost, in words."""
    named = "LoRAs as they are loaded" if edit.target_adapters is None else named_loras(edit.target_adapters)
    cost = f"; source and target in calls of their own at {two_calls} of {num_steps} steps" if two_calls else ""
    return f"with {named}{cost}"


def _check(edit: EditSettings) -> None:
    """Raise `SettingsError` for what needs the source's rows, or earlier steps, in the same call as the targets'."""
    for name in ("mutual_self_attention", "plug_and_play"):
        if getattr(edit, name) is not None:
            raise SettingsError(
                f"{name} reads the source in the same model call, and with target_adapters or source_adapters the "
                "targets have one of their own; leave one of them out"
            )
    if edit.fast.cache_interval > 1 or edit.fast.region_interval > 1:
        raise SettingsError(
            "a fast edit that re-uses deep features or regions does not go with LoRAs of single branches "
            "(target_adapters, source_adapters); use fast='exact', or Shortcuts with cache_interval=1 and "
            "region_interval=1"
        )
