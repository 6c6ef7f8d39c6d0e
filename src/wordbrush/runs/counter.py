"""Progress over several runs, as if they were one."""

from torch import Tensor

from wordbrush.sampling.loop import Looking, OnStep


class RunCounter:
    """Reports `runs` consecutive runs to `on_step` as one.

    >>> reported = []
    >>> counter = RunCounter(lambda done, total: reported.append((done, total)), runs=2)
    >>> for run in (counter.next(), counter.next()):
    ...     run(1, 1)
    >>> reported
    [(1, 2), (2, 2)]
    """

    def __init__(self, on_step: OnStep | None, runs: int) -> None:
        """Count up to `runs`."""
        self._on_step = on_step
        self._runs = runs
        self._started = 0

    def next(self) -> OnStep:
        """What the next run is given as its `on_step`."""
        before, self._started = self._started, self._started + 1
        counted = _SeenToo if isinstance(self._on_step, Looking) else _Counted
        return counted(self._on_step, before, self._runs)


class _Counted:
    """The steps of one of several runs."""

    def __init__(self, on_step: OnStep | None, before: int, runs: int) -> None:
        self._on_step, self._before, self._runs = on_step, before, runs

    def __call__(self, done: int, total: int) -> None:
        if self._on_step is not None:
            self._on_step(self._before * total + done, self._runs * total)


class _SeenToo(_Counted):
    """The same for who wants to see the pictures as well."""

    def look(self, clean: Tensor) -> None:
        assert isinstance(self._on_step, Looking)
        self._on_step.look(clean)
