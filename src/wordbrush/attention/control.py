"""One step's control of a model call: who takes what from the source, what is recorded, and proof that it happened."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor

from wordbrush.attention.attend import CrossRow, SelfRow, edited_cross, injected_self
from wordbrush.attention.sites import AttentionCall
from wordbrush.attention.tape import SourceTape
from wordbrush.attention.watch import Reading, Watch, column_maps
from wordbrush.edits.plan import StepEdit, TargetStep
from wordbrush.errors import ControlError
from wordbrush.types import SOURCE, BatchLayout


class StepControl:
    """Answers every attention call of one model call.

    The source's q and k come from its own row where the batch has one, else from `tape`. With `record_to` the
    source's row is recorded as well. `watches` are given the maps that they ask for; the output is the same with them.
    """

    def __init__(
        self,
        step: int,
        layout: BatchLayout,
        edit: StepEdit | None,
        tape: SourceTape | None = None,
        record_to: SourceTape | None = None,
        watches: Sequence[Watch] = (),
    ) -> None:
        """Control the model call of `step`, whose rows are `layout`."""
        self._step = step
        self._layout = layout
        self._edit = edit
        self._tape = tape
        self._record_to = record_to
        self._watches = watches
        self._controlled: Counter[str] = Counter()

    def __call__(self, call: AttentionCall) -> Tensor:
        """Compute one attention, (B,H,Q,D)."""
        if self._record_to is not None:
            self._record_to.write(call, self._layout.conditional(SOURCE))
        for watch in self._watches:
            self._show(call, watch)
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
            row = self._cross_row(call, target, self._layout.conditional(branch))
            if row is not None:
                rows.append(row)
        if not rows:
            return call.plain()
        self._controlled["cross"] += len(rows)
        return edited_cross(call.q, call.k, call.v, rows, call.attend)

    def _cross_row(self, call: AttentionCall, target: TargetStep | None, row: int) -> CrossRow | None:
        if target is None or target.cross is None:
            return None
        q, k = self._source(call) if target.cross.uses_source else (None, None)
        return CrossRow(row, target.cross, q, k)

    def _self(self, call: AttentionCall, edit: StepEdit) -> Tensor:
        rows = [
            SelfRow(self._layout.conditional(branch), *self._source(call))
            for branch, target in enumerate(edit.targets, start=SOURCE + 1)
            if self._injects(call, target)
        ]
        if not rows:
            return call.plain()
        self._controlled["self"] += len(rows)
        return injected_self(call.q, call.k, call.v, rows, call.attend)

    def _injects(self, call: AttentionCall, target: TargetStep | None) -> bool:
        if self._edit is None or target is None:
            return False
        return target.inject_self and call.pixels <= self._edit.self_replace_max_pixels

    def _source(self, call: AttentionCall) -> tuple[Tensor, Tensor]:
        if self._layout.has_source():
            row = self._layout.conditional(SOURCE)
            return call.q[row], call.k[row]
        assert self._tape is not None  # the loop adds the source's row wherever the tape does not cover what is asked
        return self._tape.read(self._step, call.site)

    def _show(self, call: AttentionCall, watch: Watch) -> None:
        """Hand a watch the maps of what it asks of this call, of every branch here and of a source on the tape."""
        for branch in sorted({SOURCE, *self._layout.branches}):
            if watch.asks(self._step, branch):
                columns_KW = watch.columns(branch, call.site, call.pixels)
                if columns_KW is not None:
                    watch.take(self._step, branch, call.site, self._maps(call, branch, columns_KW, watch.reads))

    def _maps(self, call: AttentionCall, branch: int, columns_KW: Tensor, reads: Reading) -> Tensor:
        target = self._target(branch) if reads == "edited" else None
        from_source = branch == SOURCE or (call.site.kind == "self" and self._injects(call, target))
        q_HQD, k_HKD = self._source(call) if from_source else self._own(call, branch)
        row = self._cross_row(call, target, 0) if call.site.kind == "cross" else None

        def attend_values(v_BHKD: Tensor) -> Tensor:
            return edited_cross(q_HQD[None], k_HKD[None], v_BHKD, [] if row is None else [row], call.attend)

        return column_maps(columns_KW, k_HKD, attend_values)

    def _own(self, call: AttentionCall, branch: int) -> tuple[Tensor, Tensor]:
        row = self._layout.conditional(branch)
        return call.q[row], call.k[row]

    def _target(self, branch: int) -> TargetStep | None:
        return self._edit.targets[branch - SOURCE - 1] if self._edit is not None and branch != SOURCE else None
