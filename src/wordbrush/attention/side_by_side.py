"""Several runs in one model call: each run's control answers for its own rows."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from wordbrush.attention.control import StepControl
from wordbrush.attention.sites import AttentionCall, AttentionLayer


class SideBySide:
    """The controls of runs whose rows follow each other in a batch; None for a run that is not controlled.

    Attention is computed run by run, everything else of the network for all rows at once.
    """

    def __init__(self, controls: Sequence[StepControl | None], rows: Sequence[int]) -> None:
        """Take the controls and the number of rows of each run."""
        ends = [0]
        for count in rows:
            ends.append(ends[-1] + count)
        self._parts = [(control, slice(*bounds)) for control, bounds in zip(controls, pairwise(ends), strict=True)]
        self.controlled: tuple[int, ...] = ()
        """How many calls each run controlled, once they are verified."""

    def __call__(self, call: AttentionCall) -> Tensor:
        """Compute one attention, (B,H,Q,D)."""
        return torch.cat([_answer(control, _part(call, rows)) for control, rows in self._parts])

    @property
    def features(self) -> frozenset[str]:
        """The residual blocks whose output any run changes."""
        return frozenset().union(*(control.features for control, _ in self._parts if control is not None))

    def feature(self, name: str, output_BCHW: Tensor) -> Tensor:
        """A residual block's output, changed by the runs that change it."""
        parts = []
        for control, rows in self._parts:
            part = output_BCHW[rows]
            parts.append(part if control is None or name not in control.features else control.feature(name, part))
        return torch.cat(parts)

    def verify(self, layers: Iterable[AttentionLayer]) -> int:
        """Check that every run's edit acted; the number of controlled calls of all. Raises `ControlError`."""
        every = tuple(layers)
        self.controlled = tuple(0 if control is None else control.verify(every) for control, _ in self._parts)
        return sum(self.controlled)


def _answer(control: StepControl | None, call: AttentionCall) -> Tensor:
    return call.plain() if control is None else control(call)


def _part(call: AttentionCall, rows: slice) -> AttentionCall:
    mask = None if call.mask is None else call.mask[rows]
    return AttentionCall(call.layer, call.q[rows], call.k[rows], call.v[rows], mask, call.kernel)
