"""What a search tries while it does: each candidate of an edit, as the job that watches shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL.Image import Image
from torch import Tensor

from wordbrush.edits.settings import EditSettings
from wordbrush.runs.previews import Previews
from wordbrush.search.score import EditScore
from wordbrush.server.preview import preview_address


@dataclass
class Candidate:
    """One edit that a search tries: the options that make it again, its score once it is known, how it looks."""

    strength: float | None
    recipe: str
    score: float | None = None
    preview: str | None = None

    def to_json(self) -> dict[str, object]:
        """What a client sees of it, without its picture."""
        return {"strength": self.strength, "recipe": self.recipe, "score": self.score}


class Candidates(list[Candidate]):
    """All that a search has tried so far, and tries now: the last of them."""

    def show(self, pictures: Sequence[Image]) -> None:
        """Note how those that are tried now look."""
        for candidate, picture in zip(self[-len(pictures) :], pictures, strict=True):
            candidate.preview = preview_address(picture)


class SearchSteps:
    """The `on_step` of an edit that may be searched for: `previews`, and what is tried goes to `candidates`."""

    def __init__(self, previews: Previews, candidates: Candidates) -> None:
        """Nothing is tried yet."""
        self._previews, self._candidates = previews, candidates

    def __call__(self, done: int, total: int) -> None:
        """A step is done."""
        self._previews(done, total)

    def look(self, clean: Tensor) -> None:
        """A step expects these pictures."""
        self._previews.look(clean)

    def tries(self, edits: Sequence[EditSettings]) -> None:
        """These edits are made next."""
        self._candidates.extend(Candidate(edit.strength, edit.recipe) for edit in edits)

    def scored(self, scores: Sequence[EditScore]) -> None:
        """All so far have these scores."""
        for candidate, score in zip(self._candidates, scores, strict=True):
            candidate.score = round(score.total, 4)
