"""One step's control of a model call: who takes what from the source, what is recorded, and proof that it happened."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from wordbrush.attention.attend import Answered, CrossRow, Inputs, SelfRow, unedited
from wordbrush.attention.batch import SOURCE, BatchLayout, BatchRow
from wordbrush.attention.kernel import Kernel, MapInputs
from wordbrush.attention.parts import Part, answered, moved, positions
from wordbrush.attention.row_maps import row_maps
from wordbrush.attention.sites import AttentionCall, AttentionLayer
from wordbrush.attention.tape import Recorder, Recording
from wordbrush.attention.watch import Reading, Watch
from wordbrush.edits.plan import CrossEdit, StepEdit
from wordbrush.errors import ControlError

_KINDS = {
    "text": ("cross-attention", "default attention processors"),
    "image": ("self-attention", "default attention processors"),
    "features": ("residual block", "residual blocks as diffusers makes them"),
}


@dataclass(frozen=True, eq=False)
class _Row:
    """What one target's row does in a layer: what it takes over, its edit of the text, and parts that differ."""

    taken: SelfRow | None
    text: CrossRow | None
    parts: list[Part]


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
        tape: Recording | None = None,
        record_to: Recorder | None = None,
        watches: Sequence[Watch] = (),
        source_shown: bool = False,
    ) -> None:
        """Control the model call of `step`, whose rows are `layout`; `source_shown` says that another call of the step
        gave the source's maps to the watches.
        """
        self._step = step
        self._layout = layout
        self._edit = edit
        self._tape = tape
        self._record_to = record_to
        self._watches = watches
        self._told = record_to is not None or bool(watches)
        self._shown = sorted({*layout.branches} if source_shown else {SOURCE, *layout.branches})
        self._controlled: Counter[tuple[str, str]] = Counter()

    def __call__(self, call: AttentionCall) -> Tensor:
        """Compute one attention, (B,H,Q,D)."""
        answer = self._answer(call)
        if not self._told:
            return answer.out_BHQD
        told = replace(call, log_sums=answer.log_sums)
        if self._record_to is not None:
            self._record_to.write(told, self._layout.conditional(SOURCE))
        for watch in self._watches:
            self._show(told, watch)
        return answer.out_BHQD

    def _answer(self, call: AttentionCall) -> Answered:
        inputs, kernel = Inputs(call.q, call.k, call.v, call.mask), call.kernel
        if not self._told and call.site.kind != "joint":  # an edit of joint attention reads the sums itself
            kernel = Kernel(kernel.options, quiet=True)
        if self._edit is None:
            return unedited(inputs, kernel)
        rows = [self._row(call, self._edit, row, self._layout.position(row)) for row in self._target_rows()]
        taken = [row.taken for row in rows if row.taken is not None]
        edited = [row.text for row in rows if row.text is not None]
        self._controlled["image", call.site.name] += len(taken)
        self._controlled["text", call.site.name] += len(edited)
        parts = [part for row in rows for part in row.parts]
        return answered(call.layer, inputs, taken, edited, parts, kernel)

    @property
    def features(self) -> frozenset[str]:
        """The residual blocks whose output is the source's."""
        return self._edit.features if self._edit is not None else frozenset()

    def feature(self, name: str, output_BCHW: Tensor) -> Tensor:
        """A residual block's output in which all rows of all targets are that of the source's prompt."""
        rows = [self._layout.position(row) for row in self._target_rows()]
        output = output_BCHW.clone()
        output[rows] = output_BCHW[self._layout.conditional(SOURCE)]
        self._controlled["features", name] += len(rows)
        return output

    def verify(self, layers: Iterable[AttentionLayer]) -> int:
        """Check that the edit acted in every layer of the model that it must.

        Returns the number of controlled calls. Raises `ControlError` when a layer was not controlled.
        """
        if self._edit is None:
            return 0
        guided = BatchRow(SOURCE + 1, False) in self._layout.rows
        edited = sum(cross is not None for cross in self._edit.cross)
        image, features = Counter[str](), Counter[str]()
        for own in self._edit.borrowed:
            calls = own.calls(guided=guided)
            image.update(calls[0])
            features.update(calls[1])
        expected = {
            "text": {layer.site.name: edited for layer in layers if layer.text},
            "image": dict(image),
            "features": dict(features),
        }
        for kind, (told, remedy) in _KINDS.items():
            reached = {name: self._controlled[kind, name] for name in expected[kind]}
            wrong = [name for name, count in expected[kind].items() if reached[name] != count]
            if wrong:
                raise ControlError(
                    f"the edit reached {sum(reached.values())} of {sum(expected[kind].values())} {told} calls at step "
                    f"{self._step} (first in '{wrong[0]}'); use the model's {remedy}"
                )
        return self._controlled.total()

    def _target_rows(self) -> list[BatchRow]:
        return [row for row in self._layout.rows if row.branch != SOURCE and not row.as_source]

    def _row(self, call: AttentionCall, edit: StepEdit, row: BatchRow, at: int) -> "_Row":
        """What a target's row, at position `at` of a batch, does in this layer."""
        layer, target = call.layer, row.branch - SOURCE - 1
        cross = edit.cross[target] if layer.text and row.conditional else None
        local = edit.local[target]
        placed = local.placed(layer.grid)

        def source(*, columns: bool) -> MapInputs:
            whole = self._source(call)
            if placed is None:
                return whole
            its = layer.over(whole.k_HKD.shape[1])
            return moved(whole, placed, its.queries, its.image if columns else range(0))

        def text(cross: CrossEdit | None) -> CrossRow | None:
            if cross is None:
                return None
            return CrossRow(at, cross, source(columns=False) if cross.uses_source else None)

        taken = self._taken(call, edit, row, at, source) if layer.image else None
        edited, parts = text(cross), list[Part]()
        if edited is not None:
            for region_Q, inside in local.regions(layer.grid):
                parts.append(Part(at, positions(region_Q, layer), text(inside)))
        return _Row(taken, edited, parts)

    def _taken(
        self,
        call: AttentionCall,
        edit: StepEdit,
        row: BatchRow,
        at: int,
        source: Callable[..., MapInputs],
    ) -> SelfRow | None:
        """What a target's row takes over of the picture's attention to itself in this layer; None for nothing."""
        borrowed, name = edit.borrowed[row.branch - SOURCE - 1], call.site.name
        if name in (borrowed.maps if row.conditional else borrowed.negative_maps):
            q_HQD, k_HKD, mask, _ = source(columns=True)
            its = call.layer.over(k_HKD.shape[1])
            queries, keys = (slice(at.start, at.stop) for at in (its.queries, its.image))
            if call.layer.text:  # what else such a row looks at is its own
                mask = call.row(self._layout.position(row)).mask_HQK
            return SelfRow(at, q_HQD[:, queries], k_HKD[:, keys], None, mask)
        if name in borrowed.content:
            content, own = self._layout.position(BatchRow(SOURCE, row.conditional)), call.layer.image
            k_HQD, v_HQD = (given[content, :, own.start : own.stop] for given in (call.k, call.v))
            return SelfRow(at, None, k_HQD, v_HQD)
        return None

    def _source(self, call: AttentionCall) -> MapInputs:
        if self._layout.has_source():
            return call.row(self._layout.conditional(SOURCE))
        assert self._tape is not None  # the loop adds the source's row wherever the tape does not cover what is asked
        return self._tape.read(self._step, call.site.name)

    def _show(self, call: AttentionCall, watch: Watch) -> None:
        """Hand a watch the maps of what it asks of this call, of every branch here and of a source on the tape."""
        for branch in self._shown:
            if watch.asks(self._step, branch):
                columns_KW = watch.columns(branch, call.layer)
                if columns_KW is not None:
                    watch.take(self._step, branch, call.layer, self._maps(call, branch, columns_KW, watch.reads))

    def _maps(self, call: AttentionCall, branch: int, columns_KW: Tensor, reads: Reading) -> Tensor:
        own = self._source(call) if branch == SOURCE else call.row(self._layout.conditional(branch))
        row = _Row(None, None, [])
        if self._edit is not None and branch != SOURCE:
            row = self._row(call, self._edit, BatchRow(branch, True), 0)
        if reads == "own":
            if row.taken is not None:  # what the kernel told is of what the row took over
                own = own._replace(log_sum_HQ=None)
            row = _Row(None, None, [])
        # Whose values it has does not show in a map.
        taken = None if row.taken is None else replace(row.taken, v_HQD=None)
        return row_maps(call.layer, columns_KW, own, call.kernel, taken, row.text, row.parts)
