"""Candidates of one edit: the whole dial of strengths on one source, made in batches and ranked."""

from collections.abc import Sequence
from pathlib import Path

from wordbrush.edits.settings import EditOptions, EditSettings
from wordbrush.edits.strength import one_step
from wordbrush.errors import SettingsError
from wordbrush.models.load import ModelInfo
from wordbrush.runs.counter import RunCounter
from wordbrush.runs.pack import packed_edits
from wordbrush.runs.results import EditResult, Source
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.search.beginnings import beginnings
from wordbrush.search.ranking import Ranking, Scored
from wordbrush.search.scorer import refuse_loras
from wordbrush.search.trials import Trials, clip_of, in_batches, side_by_side
from wordbrush.settled import whole

_MOST = 64
"""Candidates beyond this differ by less than a step."""


def check_candidates(count: int, options: EditOptions) -> None:
    """Raise `SettingsError`, before anything runs, for a number of candidates or an option that cannot be."""
    if not 2 <= whole(count, "count") <= _MOST:
        raise SettingsError(f"count is {count}; give 2 to {_MOST} candidates")
    if options.get("strength") is not None:
        raise SettingsError("candidates are of different strengths; leave strength out")


def rank_candidates(
    adapter: Adapter,
    model: ModelInfo,
    source: Source,
    target: str,
    count: int,
    options: EditOptions,
    clip: str | Path | None = None,
    on_step: OnStep | None = None,
) -> Ranking:
    """As many edits of a source as asked for, from weak to strong, best first; `clip` is a CLIP model's folder.

    Raises `SettingsError` for a bad value, and `ModelError` for a CLIP model that cannot be loaded.
    """
    begin = beginnings(adapter, model, source, target, options)
    refuse_loras("a ranking of candidates", source.settings, begin[0])
    edits = spread(begin, count, one_step(source.kept.num_steps))
    batches = in_batches(edits)
    trials = Trials(adapter, source, edits[0], clip_of(clip), RunCounter(on_step, len(batches)).next)
    made: list[EditResult] = []
    for batch in batches:
        run = trials.run(batch)
        made += packed_edits(adapter, source, side_by_side(batch), run, None, together=False)
    labels = [f"strength {edit.strength:g}, {edit.recipe}" for edit in edits]
    return Ranking.of(map(Scored, made, trials.scores(), labels))


def spread(begin: Sequence[EditSettings], count: int, least_held: float) -> list[EditSettings]:
    """As many different edits as asked for, their strengths spread over the whole dial, the beginnings in turn."""
    edits = []
    for number, beginning in enumerate(begin):
        own = len(range(number, count, len(begin)))
        edits += [beginning.at_strength(round((i + 1) / (own + 1), 4), least_held) for i in range(own)]
    return edits
