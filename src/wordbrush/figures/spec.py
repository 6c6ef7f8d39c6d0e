"""A figure as data: what it shows, and the prompts, settings and seeds that it is made from.

Nothing here knows a model.
"""

from dataclasses import dataclass, field
from typing import Unpack

from wordbrush.edits.settings import EditOptions


@dataclass(frozen=True)
class Change:
    """One edit of a row's source: its prompt, or the source's own where only weights change.

    `label` is the picture's caption if the prompt does not say what was done; `options` are those of `Editor.edit`.
    The mask of a local blend is shown too.
    """

    target: str
    label: str = ""
    options: EditOptions = field(default_factory=EditOptions)


@dataclass(frozen=True)
class EditRow:
    """A source and its edits; with `with_plain`, plain pictures of the same prompts and seed stand above them."""

    source: str
    changes: tuple[Change, ...]
    seed: int
    with_plain: bool = False


@dataclass(frozen=True)
class NoiseRow:
    """A picture as noise is added to it, and as it is made from noise, each in `count` pictures."""

    source: str
    seed: int
    count: int = 7


@dataclass(frozen=True)
class MapsRow:
    """A picture and the attention map of each of its words, laid over it."""

    source: str
    seed: int


FigureRow = EditRow | NoiseRow | MapsRow


@dataclass(frozen=True)
class Figure:
    """One figure. `name` is its number in the report; `note` says how its prompts differ from the report's."""

    name: str
    shows: str
    rows: tuple[FigureRow, ...]
    note: str = ""

    def prompts(self) -> list[str]:
        """Every prompt that the model is given, once, in order."""
        found: dict[str, None] = {}
        for row in self.rows:
            found[row.source] = None
            if isinstance(row, EditRow):
                found.update(dict.fromkeys(change.target for change in row.changes))
        return list(found)


def swaps(source: str, word: str, others: tuple[str, ...], seed: int, **options: Unpack[EditOptions]) -> EditRow:
    """A row in which one word or phrase is replaced by each of several.

    Args:
        source: the source's prompt.
        word: the word or phrase to replace; its first occurrence is.
        others: the replacements, an edit each.
        seed: the source's seed.
        options: those of `Editor.edit`, for every edit.

    >>> [change.target for change in swaps("a cat", "a cat", ("a dog", "an old cat"), 1).changes]
    ['a dog', 'an old cat']
    """
    changes = [Change(source.replace(word, other, 1), options=options) for other in others]
    return EditRow(source, tuple(changes), seed)


def weights(prompt: str, word: str, factors: tuple[float, ...], seed: int, **options: Unpack[EditOptions]) -> EditRow:
    """A row in which one word's attention is multiplied by each of several factors.

    Args:
        prompt: the prompt of the source and of every edit.
        word: the word to weight.
        factors: its weights, an edit each; the source stands for a weight of 1.
        seed: the source's seed.
        options: those of `Editor.edit`, for every edit.

    >>> [change.label for change in weights("a red bus", "red", (2, 3), 1).changes]
    ['red x 2', 'red x 3']
    """
    changes = [Change(prompt, f"{word} x {factor:g}", {**options, "equalizer": {word: factor}}) for factor in factors]
    return EditRow(prompt, tuple(changes), seed)


def self_injection(source: str, target: str, parts: tuple[float, ...], seed: int) -> EditRow:
    """A row of one edit with the source's self-attention kept for several fractions of the steps.

    Args:
        source: the source's prompt.
        target: the target's prompt.
        parts: fractions of the steps, from 0 to 1, an edit each.
        seed: the source's seed.

    >>> [change.label for change in self_injection("a dog", "a cat", (0, 0.25), 1).changes]
    ['self-attention 0 %', 'self-attention 25 %']
    """
    changes = [Change(target, f"self-attention {100 * part:g} %", {"self_replace_steps": part}) for part in parts]
    return EditRow(source, tuple(changes), seed)
