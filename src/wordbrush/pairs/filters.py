"""Which tries become pairs: those that did the edit and kept the rest, the best of them, no two alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from wordbrush.errors import SettingsError

T = TypeVar("T")

Scores = Mapping[str, float]
"""What was measured of a try, by name (`scores.py`)."""


@dataclass(frozen=True)
class Filters:
    """The least that a try must reach, each by the score of its name; -1 asks nothing. A try without a score, as of
    CLIP where there is none, is not asked for it.

    - `min_done`: the mean change of the pixels where the changed words look, 0 to 1. Default: 0.02.
    - `min_kept`: how alike the rest of the picture is, as SSIM, -1 to 1; not asked of another style, place, season or
      time, which is the whole picture. Default: 0.6.
    - `min_clip_source`, `min_clip_target`: cosine of CLIP between each picture and its caption. Default: 0.2.
    - `min_clip_direction`: cosine between the change of the pictures and the change of the captions. Default: 0.2.
    - `min_clip_image`: cosine between the two pictures. Default: 0.7.
    - `min_difference`: mean difference of the pixels from every better pair of the same row, of one picture at
      least, 0 to 1. Default: 0.01.
    - `best`: how many pairs of a target are kept at most. Default: 4.

    The thresholds of CLIP and `best` are those of InstructPix2Pix (Brooks et al. 2023, arXiv:2211.09800).
    """

    min_done: float = 0.02
    min_kept: float = 0.6
    min_clip_source: float = 0.2
    min_clip_target: float = 0.2
    min_clip_direction: float = 0.2
    min_clip_image: float = 0.7
    min_difference: float = 0.01
    best: int = 4

    def __post_init__(self) -> None:
        """Raise `SettingsError` for what no score can be."""
        if self.best < 1:
            raise SettingsError(f"best is {self.best}; give 1 or more")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "best" and not -1 <= value <= 1:
                raise SettingsError(f"{field.name} is {value}; give a number from -1 to 1")

    def refusal(self, scores: Scores) -> str | None:
        """The first score that is too low, as a reason; None for a try that may be a pair.

        >>> Filters().refusal({"done": 0.1, "kept": 0.9}), Filters().refusal({"done": 0.001})
        (None, 'done')
        """
        for field in fields(self):
            name = field.name.removeprefix("min_")
            if name in scores and scores[name] < getattr(self, field.name):
                return name
        return None


def best_first(tries: Sequence[T], scores: Sequence[Scores]) -> list[tuple[T, Scores]]:
    """Tries by how good they are: by CLIP's direction where it was measured, else by what was done and kept.

    >>> [name for name, _ in best_first(["a", "b"], [{"done": 0.1, "kept": 0.9}, {"done": 0.3, "kept": 0.9}])]
    ['b', 'a']
    """
    both = zip(tries, scores, strict=True)
    return sorted(both, key=lambda pair: -_goodness(pair[1]))  # of equal ones the first stays first


def _goodness(scores: Scores) -> float:
    return scores.get("clip_direction", scores["done"] * scores.get("kept", 1.0))
