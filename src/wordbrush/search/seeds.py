"""One edit from several seeds, made in batches and ranked."""

from collections.abc import Sequence
from pathlib import Path

from wordbrush.edits.settings import EditSettings
from wordbrush.errors import SettingsError
from wordbrush.runs.counter import RunCounter
from wordbrush.runs.making import Making
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.search.ranking import Ranking, Scored
from wordbrush.search.scorer import refuse_loras
from wordbrush.search.trials import clip_of, in_batches, score_of
from wordbrush.settled import whole


def listed_seeds(seeds: int | Sequence[int]) -> list[int]:
    """Seeds as a list: given as one, or counted from 0. Raises `SettingsError` for none, or one that is there twice.

    >>> listed_seeds(3)
    [0, 1, 2]
    """
    numbers = list(range(seeds)) if isinstance(seeds, int) else [whole(seed, "seed") for seed in seeds]
    if not numbers or len(set(numbers)) < len(numbers):
        raise SettingsError("seeds to explore are none, or one is given twice; give each once")
    return numbers


def rank_seeds(
    making: Making,
    generation: GenerationSettings,
    settings: EditSettings,
    seeds: Sequence[int],
    clip: str | Path | None = None,
    on_step: OnStep | None = None,
) -> Ranking:
    """The sources and edits of these seeds, best first; `clip` is a CLIP model's folder.

    Raises `SettingsError` for LoRAs of single branches, and `ModelError` for a CLIP model that cannot be loaded.
    """
    refuse_loras("a ranking of seeds", generation, settings)
    network = clip_of(clip)
    batches = in_batches(seeds)
    counter = RunCounter(on_step, len(batches))
    scored = []
    for batch in batches:
        for results in making.seeds(generation, batch, settings, counter.next()):
            source = results[0].source
            score = score_of(making.adapter, source, settings, results[0].latents, network)
            scored.append(Scored(results[0], score, f"seed {source.settings.seed}"))
    return Ranking.of(scored)
