"""How good an edit is by what its own run knows: no judge, no truth, no further model."""

from dataclasses import dataclass, fields
from math import exp, log

_WEIGHTS = {"fits": 4.0, "there": 1.0, "gone": 1.0, "held": 3.0, "clip": 4.0}
"""How much each part counts: whether the edit is there before what it cost the rest."""
_LEAST = 0.02
"""What a part of 0 counts as: a mean of logarithms has no zero."""


@dataclass(frozen=True)
class EditScore:
    """Parts from 0 to 1, each None where there is nothing to ask.

    - `fits`: how much better the target prompt explains the result than the source prompt does, in the region of what
      changes: 0 no better, 1 by 15 % of the error, or by as much as the source prompt is better for the source.
    - `there`: the part of the new words' attention that lies in that region.
    - `gone`: how much less of the old words the source prompt finds there than in the source.
    - `held`: 1 where the latents outside of the region are the source's, less the more they differ.
    - `clip`: how much nearer the result is to the target prompt than to the source prompt, by a CLIP model; 0.5 is
      neither, 1 as much as the source is nearer to its own.

    >>> EditScore(fits=0.9, there=1.0, gone=None, held=0.5).total > EditScore(0.9, 1.0, None, 0.3).total
    True
    """

    fits: float | None
    there: float | None
    gone: float | None
    held: float | None
    clip: float | None = None

    @property
    def total(self) -> float:
        """All parts in one number, 0 to 1: their weighted geometric mean, so that no part makes up for another."""
        known = [(_WEIGHTS[f.name], getattr(self, f.name)) for f in fields(self) if getattr(self, f.name) is not None]
        if not known:
            return 0.0
        return exp(sum(w * log(max(part, _LEAST)) for w, part in known) / sum(w for w, _ in known))

    def __str__(self) -> str:
        """The total, and each part that is known."""
        parts = [f"{f.name} {getattr(self, f.name):.2f}" for f in fields(self) if getattr(self, f.name) is not None]
        return f"score {self.total:.2f} ({', '.join(parts)})"
