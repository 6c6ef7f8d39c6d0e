"""Which branch of an edit each row of a model's batch belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

SOURCE = 0
"""The branch of the source prompt; targets are branches 1, 2, ..."""


@dataclass(frozen=True)
class BatchRow:
    """One row of a model call: a branch, with its prompt (`conditional`) or with the negative prompt.

    `as_source` is a branch once more, with the prompt of the source that it is compared with.
    """

    branch: int
    conditional: bool
    as_source: bool = False


@dataclass(frozen=True)
class BatchLayout:
    """The rows of one model call, in order. Rows are asked for by branch, never by position."""

    rows: tuple[BatchRow, ...]

    @classmethod
    def of(
        cls,
        branches: Sequence[int],
        *,
        guided: bool,
        compared: bool = False,
        replayed_source: bool = False,
        replayed_negative: bool = False,
    ) -> "BatchLayout":
        """Rows in diffusers' order: all negative ones, then all with their prompts.

        `compared` adds each branch once more, with the source's prompt. `replayed_source` adds the source's prompt
        alone, for a source that is not denoised in this run, and `replayed_negative` its row with the negative prompt.

        >>> BatchLayout.of([0, 1], guided=True).conditional(1)
        3
        """
        rows = [BatchRow(branch, False) for branch in branches] if guided else []
        rows += [BatchRow(branch, True) for branch in branches]
        if compared:
            rows += [BatchRow(branch, True, as_source=True) for branch in branches]
        if replayed_source:
            rows.append(BatchRow(SOURCE, True))
        if replayed_negative:
            rows.append(BatchRow(SOURCE, False))
        return cls(tuple(rows))

    def parts(self) -> tuple["BatchLayout", ...]:
        """The rows with prompts, and those with the negative prompt, each a layout; one alone where all are such.

        >>> [len(part.rows) for part in BatchLayout.of([0, 1], guided=True, replayed_source=True).parts()]
        [3, 2]
        """
        kinds = (tuple(row for row in self.rows if row.conditional is kind) for kind in (True, False))
        return tuple(BatchLayout(rows) for rows in kinds if rows)

    def by_source(self) -> tuple["BatchLayout", ...]:
        """The source's rows, then all others, each a layout; one alone where all are such.

        >>> [part.branches for part in BatchLayout.of([1, 2], guided=True, replayed_source=True).by_source()]
        [(0,), (1, 2)]
        """
        kinds = (tuple(row for row in self.rows if (row.branch == SOURCE) is kind) for kind in (True, False))
        return tuple(BatchLayout(rows) for rows in kinds if rows)

    @property
    def branches(self) -> tuple[int, ...]:
        """The branches that have a row with their prompt, in order."""
        return tuple(row.branch for row in self.rows if row.conditional and not row.as_source)

    def conditional(self, branch: int) -> int:
        """The position of a branch's row with its prompt."""
        return self.rows.index(BatchRow(branch, True))

    def positions(self, branches: Sequence[int], *, conditional: bool) -> list[int]:
        """The positions of several branches' rows, with their prompts or with the negative one."""
        return [self.rows.index(BatchRow(branch, conditional)) for branch in branches]

    def compared(self, branches: Sequence[int]) -> list[int]:
        """The positions of several branches' rows with the source's prompt."""
        return [self.rows.index(BatchRow(branch, True, as_source=True)) for branch in branches]

    def position(self, row: BatchRow) -> int:
        """Where a row is in the batch."""
        return self.rows.index(row)

    def has_source(self) -> bool:
        """Whether the source's own row is in this call."""
        return BatchRow(SOURCE, True) in self.rows
