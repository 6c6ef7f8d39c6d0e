"""Edits of one source and one target prompt, made in batches on what was kept of the source, and scored."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from torch import Tensor

from wordbrush.edits.settings import EditSettings
from wordbrush.files import expanded
from wordbrush.metrics.clip_score import ClipScore
from wordbrush.runs.results import Source
from wordbrush.runs.run import EditRun, run_edit
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.search.cost import RowCount, plain_rows
from wordbrush.search.score import EditScore
from wordbrush.search.scorer import Scorer, with_clip


@runtime_checkable
class Choosing(Protocol):
    """Who wants to know what a search tries while it does."""

    def tries(self, edits: Sequence[EditSettings], /) -> None:
        """These edits are made next, in one batch."""
        ...

    def scored(self, scores: Sequence[EditScore], /) -> None:
        """All edits so far have these scores, in the order in which they were made."""
        ...


_BATCH = 4
"""How many edits, or seeds, run in one batch."""

_T = TypeVar("_T")


def in_batches(each: Sequence[_T]) -> list[Sequence[_T]]:
    """What is ranked, cut into batches that run one after another.

    >>> in_batches(range(6))
    [range(0, 4), range(4, 6)]
    """
    return [each[i : i + _BATCH] for i in range(0, len(each), _BATCH)]


def side_by_side(edits: Sequence[EditSettings]) -> EditSettings:
    """Edits of one target each, which differ in windows, region and strength alone, as one edit of several targets.

    >>> edit = EditSettings.of("a cat")
    >>> both = side_by_side([edit.at_strength(0.25), edit.at_strength(0.75)])
    >>> both.targets, [control.self_replace_steps for control in both.controls]
    (('a cat', 'a cat'), [(0.0, 0.7), (0.0, 0.2)])
    """
    if len(edits) == 1:
        return edits[0]
    controls = tuple(edit.controls[0] for edit in edits)
    kinds = tuple(kind for edit in edits for kind in edit.kinds)
    by_recipe = len(kinds) == len(edits)
    strengths = {edit.strength for edit in edits}
    return replace(
        edits[0],
        targets=tuple(edit.targets[0] for edit in edits),
        recipe="auto" if by_recipe else "published",
        kinds=kinds if by_recipe else (),
        own=controls,
        strength=strengths.pop() if len(strengths) == 1 else None,
    )


class Trials:
    """Makes edits of a source, and scores them: all of those so far against each other."""

    def __init__(
        self,
        adapter: Adapter,
        source: Source,
        first: EditSettings,
        clip: ClipScore | None = None,
        next_on_step: Callable[[], OnStep | None] = lambda: None,
        hears: Choosing | None = None,
    ) -> None:
        """Look at the source; `first` is any of the edits, each batch asks for its `on_step`, and `hears` of it."""
        self._count = RowCount(adapter)
        self._adapter, self._source, self._next_on_step = self._count.adapter(), source, next_on_step
        self._plain_rows = plain_rows(adapter, source.settings, source.kept)
        target = first.targets[0]
        self._scorer = Scorer(self._adapter, source.settings, source.kept, target, tuple(first.equalizer))
        self._clip = None if clip is None else _Clip(clip, source.settings.prompt, target)
        self._seen: list[tuple[float, float]] = []
        self._hears = hears

    @property
    def cost(self) -> float:
        """What all so far cost, in plain pictures."""
        return self._count.rows / self._plain_rows

    def run(self, edits: Sequence[EditSettings]) -> EditRun:
        """Make a batch of edits, and look at them."""
        source = self._source
        run = run_edit(self._adapter, source.settings, side_by_side(edits), source.kept, self._next_on_step())
        self.look(run.latents)
        return run

    def look(self, latents: Tensor) -> None:
        """Look at edits (N, C, h, w) that are made already."""
        self._scorer.look(latents)
        if self._clip is not None:
            self._seen += [self._clip(self._adapter, one[None]) for one in latents]

    def scores(self) -> list[EditScore]:
        """The scores of all edits so far, in order."""
        scores = self._scorer.scores()
        if self._clip is None:
            return scores
        return with_clip(scores, self._seen, self._clip(self._adapter, self._source.latents))

    def attempt(self, edits: Sequence[EditSettings]) -> tuple[list[EditScore], float]:
        """Make a batch of edits: the scores of all so far, and their cost."""
        if self._hears is not None:
            self._hears.tries(edits)
        self.run(edits)
        scores = self.scores()
        if self._hears is not None:
            self._hears.scored(scores)
        return scores, self.cost


def score_of(
    adapter: Adapter, source: Source, edit: EditSettings, latents: Tensor, clip: ClipScore | None = None
) -> EditScore:
    """The score of one edit (1, C, h, w) that is made already."""
    trials = Trials(adapter, source, edit, clip)
    trials.look(latents)
    return trials.scores()[0]


def clip_of(folder: str | Path | None) -> ClipScore | None:
    """The CLIP model of a local folder, where one is given. Raises `ModelError`."""
    return None if folder is None else ClipScore.load(expanded(folder))


class _Clip:
    """CLIP's similarity of a picture to the source's prompt and to the target's."""

    def __init__(self, clip: ClipScore, source: str, target: str) -> None:
        self._clip, self._prompts = clip, (source, target)

    def __call__(self, adapter: Adapter, latents: Tensor) -> tuple[float, float]:
        picture = adapter.decode(latents)
        before, after = (self._clip(picture, prompt) for prompt in self._prompts)
        return before, after
