"""One step's control of a model call: who takes what from the source, what is recorded, and proof that it happened."""

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from wordbrush.attention.attend import CrossRow, SelfRow, edited_cross, injected_self
from wordbrush.attention.sites import AttentionCall
from wordbrush.attention.tape import SourceTape
from wordbrush.edits.plan import StepEdit
from wordbrush.errors import ControlError
from wordbrush.types import SOURCE, BatchLayout


class StepControl:
    """Answers every attention call of one model call.

    The source's q and k come from its own row where the batch has one, else from `tape`. With `record_to` the
    source's row is recorded as well.
    """

    def __init__(
        self,
        step: int,
        layout: BatchLayout,
        edit: StepEdit | None,
        tape: SourceTape | None = None,
        record_to: SourceTape | None = None,
    ) -> None:
        """Control the model call of `step`, whose rows are `layout`."""
        self._step = step
        self._layout = layout
        self._edit = edit
        self._tape = tape
        self._record_to = record_to
        self._controlled: Counter[str] = Counter()

    def __call__(self, call: AttentionCall) -> Tensor:
        """Compute one attention, (B,H,Q,D)."""
        if self._record_to is not None:
            self._record_to.write(call, self._layout.conditional(SOURCE))
        if self._edit is None:
            return call.plain()
        return self._cross(call, self._edit) if call.site.kind == "cross" else self._self(call, self._edit)

    def verify(self, sites: Mapping[Literal["cross", "self"], int]) -> int:
        """Check that the edit acted in every layer that it must, given how many layers of each kind the model has.

        Returns the number of controlled calls. Raises `ControlError` when a layer was not controlled.
        """
        if self._edit is None:
            return 0
        cross_targets = sum(target.cross is not None for target in self._edit.targets)
        if self._controlled["cross"] != cross_targets * sites["cross"]:
            raise ControlError(
                f"the edit reached {self._controlled['cross']} of {cross_targets * sites['cross']} cross-attention "
                f"calls at step {self._step}; use the model's default attention processors"
            )
        if any(target.inject_self for target in self._edit.targets) and not self._controlled["self"]:
            raise ControlError(
                f"no self-attention layer has {self._edit.self_replace_max_pixels} pixels or fewer at this size, so "
                "self_replace_steps would do nothing; raise self_replace_max_pixels or set self_replace_steps to 0"
            )
        return self._controlled.total()

    def _cross(self, call: AttentionCall, edit: StepEdit) -> Tensor:
        rows = []
        for branch, target in enumerate(edit.targets, start=SOURCE + 1):
            if target.cross is not None:
                q, k = self._source(call) if target.cross.uses_source else (None, None)
                rows.append(CrossRow(self._layout.conditional(branch), target.cross, q, k))
        if not rows:
            return call.plain()
        self._controlled["cross"] += len(rows)
        return edited_cross(call.q, call.k, call.v, rows, call.attend)

    def _self(self, call: AttentionCall, edit: StepEdit) -> Tensor:
        rows = [
            SelfRow(self._layout.conditional(branch), *self._source(call))
            for branch, target in enumerate(edit.targets, start=SOURCE + 1)
            if target.inject_self and call.pixels <= edit.self_replace_max_pixels
        ]
        if not rows:
            return call.plain()
        self._controlled["self"] += len(rows)
        return injected_self(call.q, call.k, call.v, rows, call.attend)

    def _source(self, call: AttentionCall) -> tuple[Tensor, Tensor]:
        if self._layout.has_source():
            row = self._layout.conditional(SOURCE)
            return call.q[row], call.k[row]
        assert self._tape is not None  # the loop adds the source's row wherever the tape does not cover an edit
        return self._tape.read(self._step, call.site)
