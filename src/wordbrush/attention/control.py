"""One step's control of a model call: who takes what from the source, what is recorded, and proof that it happened."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from torch import Tensor

from wordbrush.attention.attend import (
    Attend,
    CrossRow,
    Inputs,
    MapInputs,
    SelfRow,
    edited_cross,
    edited_joint,
    taken_over,
)
from wordbrush.attention.batch import SOURCE, BatchLayout, BatchRow
from wordbrush.attention.sites import AttentionCall, AttentionLayer
from wordbrush.attention.tape import SourceTape
from wordbrush.attention.watch import Reading, Watch, column_maps
from wordbrush.edits.plan import CrossEdit, StepEdit
from wordbrush.errors import ControlError

_KINDS = {
    "text": ("cross-attention", "default attention processors"),
    "image": ("self-attention", "default attention processors"),
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
        taken = self._self_rows(call, self._edit) if call.layer.image else []
        edited = self._text_rows(call, self._edit) if call.layer.text else []
        inputs = Inputs(call.q, call.k, call.v, call.mask)
        if taken:
            inputs = taken_over(inputs, taken, call.layer.image)
        self._controlled["image"] += len(taken)
        self._controlled["text"] += len(edited)
        return _edited(call.layer, inputs, edited, call.attend)

    @property
    def features(self) -> frozenset[str]:
        """The residual blocks whose output is the source's."""
        return self._edit.features if self._edit is not None else frozenset()

    def feature(self, name: str, output_BCHW: Tensor) -> Tensor:
        """A residual block's output in which all rows of all targets are that of the source's prompt."""
        rows = [self._layout.position(row) for row in self._target_rows()]
        output = output_BCHW.clone()
        output[rows] = output_BCHW[self._layout.conditional(SOURCE)]
        self._controlled["features"] += len(rows)
        return output

    def verify(self, layers: Iterable[AttentionLayer]) -> int:
        """Check that the edit acted in every layer of the model that it must.

        Returns the number of controlled calls. Raises `ControlError` when a layer was not controlled.
        """
        if self._edit is None:
            return 0
        guided = BatchRow(SOURCE + 1, False) in self._layout.rows
        calls = [own.calls(guided=guided) for own in self._edit.borrowed]
        expected = {
            "text": sum(cross is not None for cross in self._edit.cross) * sum(bool(layer.text) for layer in layers),
            "image": sum(attention for attention, _ in calls),
            "features": sum(features for _, features in calls),
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

    def _text_rows(self, call: AttentionCall, edit: StepEdit) -> list[CrossRow]:
        rows = []
        for branch, cross in enumerate(edit.cross, start=SOURCE + 1):
            row = self._text_row(call, cross, self._layout.conditional(branch))
            if row is not None:
                rows.append(row)
        return rows

    def _text_row(self, call: AttentionCall, cross: CrossEdit | None, row: int) -> CrossRow | None:
        if cross is None:
            return None
        return CrossRow(row, cross, self._source(call) if cross.uses_source else None)

    def _self_rows(self, call: AttentionCall, edit: StepEdit) -> list[SelfRow]:
        asked = [self._self_row(call, edit, row) for row in self._target_rows()]
        return [row for row in asked if row is not None]

    def _self_row(self, call: AttentionCall, edit: StepEdit, row: BatchRow) -> SelfRow | None:
        """What a target's row takes over in this layer; None for nothing."""
        borrowed, name = edit.borrowed[row.branch - SOURCE - 1], call.site.name
        if name in (borrowed.maps if row.conditional else borrowed.negative_maps):
            source = self._source(call)
            return SelfRow(self._layout.position(row), source.q_HQD, source.k_HKD, None, source.mask_HQK)
        if name in borrowed.content:
            content = self._layout.position(BatchRow(SOURCE, row.conditional))
            return SelfRow(self._layout.position(row), None, call.k[content], call.v[content])
        return None

    def _source(self, call: AttentionCall) -> MapInputs:
        if self._layout.has_source():
            return call.row(self._layout.conditional(SOURCE))
        assert self._tape is not None  # the loop adds the source's row wherever the tape does not cover what is asked
        return self._tape.read(self._step, call.site.name)

    def _show(self, call: AttentionCall, watch: Watch) -> None:
        """Hand a watch the maps of what it asks of this call, of every branch here and of a source on the tape."""
        for branch in sorted({SOURCE, *self._layout.branches}):
            if watch.asks(self._step, branch):
                columns_KW = watch.columns(branch, call.layer)
                if columns_KW is not None:
                    watch.take(self._step, branch, call.layer, self._maps(call, branch, columns_KW, watch.reads))

    def _maps(self, call: AttentionCall, branch: int, columns_KW: Tensor, reads: Reading) -> Tensor:
        own = self._source(call) if branch == SOURCE else call.row(self._layout.conditional(branch))
        q, k, mask = own.q_HQD[None], own.k_HKD[None], None if own.mask_HQK is None else own.mask_HQK[None]
        inputs, edited = Inputs(q, k, k, mask), list[CrossRow]()
        if self._edit is not None and branch != SOURCE and reads == "edited":
            if call.layer.image and (taken := self._self_row(call, self._edit, BatchRow(branch, True))) is not None:
                # Whose values it has does not show in a map.
                inputs = taken_over(inputs, [replace(taken, row=0, v_HQD=None)], call.layer.image)
            if call.layer.text and (row := self._text_row(call, self._edit.cross[branch - SOURCE - 1], 0)) is not None:
                edited = [row]

        def attend_values(v_BHKD: Tensor) -> Tensor:
            return _edited(call.layer, inputs._replace(v_BHKD=v_BHKD), edited, call.attend)

        return column_maps(call.layer, columns_KW, own.k_HKD, attend_values)


def _edited(layer: AttentionLayer, inputs: Inputs, rows: Sequence[CrossRow], attend: Attend) -> Tensor:
    """One call of the kernel, in which the given rows' attention to the text is edited."""
    if not rows:
        return attend(*inputs)
    if not layer.image:
        return edited_cross(inputs, rows, attend)
    return edited_joint(inputs, rows, layer.text, layer.image, attend)
