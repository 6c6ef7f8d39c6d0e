"""The search for one edit's strength, as a caller asks for it."""

from wordbrush.edits.settings import EditOptions
from wordbrush.edits.strength import StrengthSearch, one_step
from wordbrush.errors import SettingsError
from wordbrush.models.load import ModelInfo
from wordbrush.runs.counter import RunCounter
from wordbrush.runs.results import Source
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.search.beginnings import beginnings
from wordbrush.search.find import Found, find_strength
from wordbrush.search.scorer import refuse_loras
from wordbrush.search.trials import Choosing, Trials, clip_of
from wordbrush.tokens.pair import Prompts

_BATCHES = 3
"""Most that a search of five candidates makes."""


def search_strength(
    adapter: Adapter,
    model: ModelInfo,
    source: Source,
    target: str,
    options: EditOptions,
    on_step: OnStep | None = None,
) -> Found:
    """All strengths that were tried on a source, best first. An `on_step` that is `Choosing` hears of them.

    Raises `SettingsError` for prompts of the same words, of which a score compares nothing, and for LoRAs of single
    branches.
    """
    if Prompts.of(adapter.tokenize, source.prompt, [target]).pairs[0].same_words:
        raise SettingsError(
            "a search compares what two prompts say of a result, and these are the same words; give a strength"
        )
    search = StrengthSearch.asked(options.get("strength")) or StrengthSearch()
    begin = beginnings(adapter, model, source, target, options)
    refuse_loras("a search", source.settings, begin[0])
    count = RunCounter(on_step, _BATCHES)
    hears = on_step if isinstance(on_step, Choosing) else None
    trials = Trials(adapter, source, begin[0], clip_of(search.clip), count.next, hears)
    return find_strength(begin, search, one_step(source.kept.num_steps), trials.attempt)
