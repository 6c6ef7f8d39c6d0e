"""One step's control of a model call: who takes what from the source, what is recorded, and proof that it happened."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor

from wordbrush.attention.attend import CrossRow, SelfRow, edited_cross, edited_self
from wordbrush.attention.batch import SOURCE, BatchLayout, BatchRow
from wordbrush.attention.sites import AttentionCall
from wordbrush.attention.tape import SourceTape
from wordbrush.attention.watch import Reading, Watch, column_maps
from wordbrush.edits.plan import CrossEdit, StepEdit
from wordbrush.errors import ControlError

_KINDS = {
    "cross": ("cross-attention", "default attention processors"),
    "self": ("self-attention", "default attention processors"),
    "features": ("residual block", "residual blocks as diffusers makes them"),
}


class StepControl:
    """Answers every attention call of one model call, and the residual blocks whose features are borrowed.

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

    @property
    def features(self) -> frozenset[str]:
        """The residual blocks whose output is the source's."""
        return self._edit.borrowed.features if self._edit is not None else frozenset()

    def feature(self, name: str, output_BCHW: Tensor) -> Tensor:
        """A residual block's output in which all rows of all targets are that of the source's prompt."""
        rows = [self._layout.position(row) for row in self._target_rows()]
        output = output_BCHW.clone()
        output[rows] = output_BCHW[self._layout.conditional(SOURCE)]
        self._controlled["features"] += len(rows)
        return output

    def verify(self, sites: Mapping[Literal["cross", "self"], int]) -> int:
        """Check that the edit acted in every layer that it must, given how many layers of each kind the model has.

        Returns the number of controlled calls. Raises `ControlError` when a layer was not controlled.
        """
        if self._edit is None:
            return 0
        calls = self._edit.borrowed.calls(guided=BatchRow(SOURCE + 1, False) in self._layout.rows)
        expected = {
            "cross": sum(cross is not None for cross in self._edit.cross) * sites["cross"],
            "self": len(self._edit.cross) * calls[0],
            "features": len(self._edit.cross) * calls[1],
        }
        for kind, (told, remedy) in _KINDS.items():
            if self._controlled[kind] != expected[kind]:
                raise ControlError(
                    f"the edit reached {self._controlled[kind]} of {expected[kind]} {told} calls at step "
                    f"{self._step}; use the model's {remedy}"
                )
        return self._controlled.total()

    def _target_rows(self) -> list[BatchRow]:
        return [row for row in self._layout.rows if row.branch != SOURCE]

    def _cross(self, call: AttentionCall, edit: StepEdit) -> Tensor:
        rows = []
        for branch, cross in enumerate(edit.cross, start=SOURCE + 1):
            row = self._cross_row(call, cross, self._layout.conditional(branch))
            if row is not None:
                rows.append(row)
        if not rows:
            return call.plain()
        self._controlled["cross"] += len(rows)
        return edited_cross(call.q, call.k, call.v, rows, call.attend)

    def _cross_row(self, call: AttentionCall, cross: CrossEdit | None, row: int) -> CrossRow | None:
        if cross is None:
            return None
        q, k = self._source(call) if cross.uses_source else (None, None)
        return CrossRow(row, cross, q, k)

    def _self(self, call: AttentionCall, edit: StepEdit) -> Tensor:
        asked = [self._self_row(call, edit, row) for row in self._target_rows()]
        rows = [row for row in asked if row is not None]
        if not rows:
            return call.plain()
        self._controlled["self"] += len(rows)
        return edited_self(call.q, call.k, call.v, rows, call.attend)

    def _self_row(self, call: AttentionCall, edit: StepEdit, row: BatchRow) -> SelfRow | None:
        """What a target's row takes over in this layer; None for nothing."""
        borrowed, name = edit.borrowed, call.site.name
        if name in (borrowed.maps if row.conditional else borrowed.negative_maps):
            q, k = self._source(call)
            return SelfRow(self._layout.position(row), q, k, None)
        if name in borrowed.content:
            source = self._layout.position(BatchRow(SOURCE, row.conditional))
            return SelfRow(self._layout.position(row), None, call.k[source], call.v[source])
        return None

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
        q_HQD, k_HKD = self._source(call) if branch == SOURCE else self._own(call, branch)
        cross: CrossRow | None = None
        if self._edit is not None and branch != SOURCE and reads == "edited":
            if call.site.kind == "cross":
                cross = self._cross_row(call, self._edit.cross[branch - SOURCE - 1], 0)
            elif (taken := self._self_row(call, self._edit, BatchRow(branch, True))) is not None:
                q_HQD, k_HKD = q_HQD if taken.q_HQD is None else taken.q_HQD, taken.k_HQD

        def attend_values(v_BHKD: Tensor) -> Tensor:
            return edited_cross(q_HQD[None], k_HKD[None], v_BHKD, [] if cross is None else [cross], call.attend)

        return column_maps(columns_KW, k_HKD, attend_values)

    def _own(self, call: AttentionCall, branch: int) -> tuple[Tensor, Tensor]:
        row = self._layout.conditional(branch)
        return call.q[row], call.k[row]
