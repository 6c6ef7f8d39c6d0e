"""How fast to learn: a warm-up, one rate for as long as one likes, and a short fall at the end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """The learning rate of each step: `peak`, reached in `warm_up` steps, falls to nothing in the last `fall` of
    `steps`.

    Until the fall begins, no rate depends on `steps`: a training can be stopped there and taken up with more of them.

    >>> schedule = Schedule(peak=1.0, steps=100, fall=10, warm_up=4)
    >>> [schedule.rate(step) for step in (0, 3, 89, 95, 99)]
    [0.25, 1.0, 1.0, 0.5, 0.1]
    """

    peak: float
    steps: int
    fall: int = 0
    warm_up: int = 60

    def rate(self, step: int) -> float:
        """The rate of a step, counted from 0."""
        left = (self.steps - step) / self.fall if self.fall else 1.0
        return self.peak * min(1.0, (step + 1) / self.warm_up, left)
