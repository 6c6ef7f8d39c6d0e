"""Which token positions each word of a prompt takes on the text axis of a model."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from wordbrush.errors import PromptError, cited
from wordbrush.tokens.words import Word, find_all_words, find_words, selector_of, split_words


@dataclass(frozen=True)
class Segment:
    """One text encoder's part of the text axis, positions `start` to `stop`: `[begin, words ..., end, padding ...]`.

    `positions[i]` are the token positions of the prompt's word i, ascending; none for a word over the encoder's limit.
    `end` are the positions of what follows the words: an end token, or the rest of a template.
    """

    start: int
    stop: int
    positions: tuple[tuple[int, ...], ...]
    end: range

    @property
    def first(self) -> int:
        """The position of the first token of a word; what is before it begins every prompt."""
        return min((positions[0] for positions in self.positions if positions), default=self.end.start)

    def of(self, words: range) -> tuple[int, ...]:
        """Token positions of a range of words, in order."""
        return tuple(position for word in words for position in self.positions[word])

    def moved(self, offset: int) -> "Segment":
        """The same segment further along the axis."""
        return Segment(
            self.start + offset,
            self.stop + offset,
            tuple(tuple(position + offset for position in word) for word in self.positions),
            range(self.end.start + offset, self.end.stop + offset),
        )


@dataclass(frozen=True)
class PromptTokens:
    """A prompt on the token axis of a model, whose `segments` are those of its encoders, one behind the other.

    `added` are the words that were added to the tokenizer (textual inversion): words of their own, whatever letters
    and marks they are made of. `notes` are what to know of the prompt: which words are over an encoder's limit.
    """

    text: str
    words: tuple[Word, ...]
    segments: tuple[Segment, ...]
    added: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @classmethod
    def from_offsets(
        cls,
        text: str,
        offsets: Sequence[tuple[int, int]],
        *,
        begin: int,
        length: int,
        num_end: int = 1,
        added: Collection[str] = (),
    ) -> "PromptTokens":
        """Assign tokens to words by character offsets, in one segment of `length` positions.

        `offsets[k]` is the character span of the k-th token of the text itself (no begin or end token), which stands
        at position `begin + k`; `num_end` tokens follow them. A token that covers several words belongs to the first.

        >>> PromptTokens.from_offsets("a corgi", [(0, 1), (2, 5), (5, 7)], begin=1, length=8).positions
        ((1,), (2, 3))
        """
        words = split_words(text, added)
        positions: list[list[int]] = [[] for _ in words]
        for index, (start, stop) in enumerate(offsets):
            owner = next((w for w, word in enumerate(words) if start < word.end and word.start < stop), None)
            if owner is not None:
                positions[owner].append(begin + index)
        end = begin + len(offsets)
        segment = Segment(0, length, tuple(map(tuple, positions)), range(end, end + num_end))
        return cls(text, words, (segment,), frozenset(added))

    @classmethod
    def words_of(cls, text: str, added: Collection[str] = ()) -> "PromptTokens":
        """A prompt's words alone: no model is asked, and none has a position."""
        return cls.from_offsets(text, [], begin=0, length=0, added=added)

    def beside(self, other: "PromptTokens") -> "PromptTokens":
        """The same prompt on a longer axis, on which another encoder's tokens follow.

        >>> prompt = PromptTokens.from_offsets("cat", [(0, 3)], begin=1, length=4)
        >>> prompt.beside(PromptTokens.from_offsets("cat", [(0, 2), (2, 3)], begin=0, length=5)).positions
        ((1, 4, 5),)
        """
        segments = (*self.segments, *(segment.moved(self.length) for segment in other.segments))
        return replace(self, segments=segments, notes=(*self.notes, *other.notes))

    def noting(self, notes: Iterable[str]) -> "PromptTokens":
        """The same prompt with more to know of it."""
        return replace(self, notes=(*self.notes, *notes))

    def saying(self, text: str) -> "PromptTokens":
        """The same words as `text` writes them, letter by letter as long."""
        return replace(self, text=text, words=split_words(text, self.added))

    @property
    def length(self) -> int:
        """The length of the token axis."""
        return self.segments[-1].stop

    @cached_property
    def positions(self) -> tuple[tuple[int, ...], ...]:
        """The token positions of each word, of all encoders."""
        return tuple(self.of(range(word, word + 1)) for word in range(len(self.words)))

    def of(self, words: range) -> tuple[int, ...]:
        """Token positions of a range of words, encoder by encoder, in order."""
        return tuple(position for segment in self.segments for position in segment.of(words))

    def places(self, selector: str) -> list[range]:
        """Every place that `selector` names (see `words.find_all_words`)."""
        return find_all_words(self.text, selector, self.added)

    def find(self, selector: str) -> tuple[int, ...]:
        """Token positions of the word or phrase that `selector` names (see `words.find_words`, and its errors).

        Raises `PromptError` where the tokenizer gave it no token of its own.
        """
        positions = self.of(find_words(self.text, selector, self.added))
        if not positions:
            raise PromptError(f"'{selector}' has no token of its own in '{cited(self.text)}'; ask for its neighbour")
        return positions

    def selector(self, word: int) -> str:
        """What names this one of its words, and no other.

        >>> prompt = PromptTokens.from_offsets("a cat and a dog", [], begin=1, length=8)
        >>> prompt.selector(1), prompt.selector(3)
        ('cat', 'a[1]')
        """
        return selector_of(self.text, word, self.added)

    def phrase(self, words: range) -> str:
        """The words as they stand in the prompt."""
        return self.text[self.words[words.start].start : self.words[words.stop - 1].end] if words else ""
