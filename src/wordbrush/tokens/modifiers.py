"""Which noun an adjective, a participle or an adverb of a prompt belongs to.

Such a word has no region of its own in the maps: what it says shows in its noun's region. The rules follow the order
of English: adjectives stand before their noun, or after it with a verb; adverbs stand with a verb or an adjective; a
verb has its subject before it. Linguistic Binding (Rassin et al. 2023, arXiv:2306.08877) takes the same pairs from
a parser.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from wordbrush.tokens.word_classes import WordClass, word_classes

_DESCRIBING: tuple[WordClass, ...] = ("adjective", "participle", "adverb")
_NOUNS = ("noun", "picture")


@dataclass(frozen=True)
class Modifier:
    """A word that describes a thing: its index, the indices of the noun's words, and whether that noun is the picture.

    What describes the picture ("a vivid photo") acts everywhere.
    """

    word: int
    noun: range
    whole_picture: bool = False


def find_modified(words: Sequence[str], index: int) -> Modifier | None:
    """Find the noun that word `index` of a prompt belongs to; None for a word that is a noun itself, or has none.

    >>> def noun(prompt, word):
    ...     words = prompt.split()
    ...     found = find_modified(words, words.index(word))
    ...     return found and " ".join(words[i] for i in found.noun)
    >>> noun("a lush tree", "lush"), noun("a smiling teddy bear", "smiling")
    ('tree', 'teddy bear')
    >>> noun("a boy playing happily with his dog", "happily"), noun("a photo of a tree full of leaves", "full")
    ('boy', 'tree')
    >>> noun("a very old house", "very"), noun("the roses on the table are red", "red")
    ('house', 'roses')
    """
    classes = word_classes(words)
    if not 0 <= index < len(words) or classes[index] not in (*_DESCRIBING, "verb"):
        return None
    noun = _owner(classes, index)
    if noun is None:
        return None
    return Modifier(index, noun, all(classes[i] == "picture" for i in noun))


def things(words: Sequence[str]) -> tuple[range, ...]:
    """The nouns of a prompt that name a thing in the picture, each with the nouns before it that belong to it.

    >>> things("a photo of a teddy bear eating an apple".split())
    (range(4, 6), range(8, 9))
    """
    classes = word_classes(words)
    starts = (i for i in range(len(words)) if classes[i] == "noun" and (i == 0 or classes[i - 1] != "noun"))
    return tuple(_run(classes, start) for start in starts)


def stands_before(classes: Sequence[WordClass], index: int, passed: Collection[WordClass]) -> int | None:
    """The nearest word before `index` that is of none of the classes `passed`, such as a noun's own adjectives; None
    where the prompt begins with these.

    >>> stands_before(word_classes("a dog on the old red mat".split()), 6, ("determiner", "adjective"))
    2
    """
    return next((i for i in reversed(range(index)) if classes[i] not in passed), None)


def _owner(classes: Sequence[WordClass], index: int) -> range | None:
    if classes[index] == "adverb":
        return _of_adverb(classes, index)
    if classes[index] == "verb":
        return _subject(classes, index)
    return _noun_after(classes, index) or _subject(classes, index) or _next_noun(classes, index)


def _of_adverb(classes: Sequence[WordClass], index: int) -> range | None:
    after = index + 1
    if after < len(classes) and classes[after] in _DESCRIBING and (noun := _noun_after(classes, after)) is not None:
        return noun
    return _subject(classes, index) or _next_noun(classes, index)


def _noun_after(classes: Sequence[WordClass], index: int) -> range | None:
    """The noun behind the adjectives that begin at `index`, across "and" and commas between them."""
    i = index + 1
    while i < len(classes) and classes[i] in (*_DESCRIBING, "conjunction", "mark"):
        joins = classes[i] in ("conjunction", "mark")
        if joins and not (i + 1 < len(classes) and classes[i + 1] in _DESCRIBING):
            return None
        i += 1
    return _run(classes, i) if i < len(classes) and classes[i] in _NOUNS else None


def _subject(classes: Sequence[WordClass], index: int) -> range | None:
    """The nearest noun before `index` that no preposition governs, or else the nearest one."""
    nearest = None
    i = index - 1
    while i >= 0:
        if classes[i] in _NOUNS:
            noun = _run_ending(classes, i)
            nearest = nearest or noun
            if not _governed(classes, noun.start):
                return noun
            i = noun.start
        i -= 1
    return nearest


def _governed(classes: Sequence[WordClass], start: int) -> bool:
    # Whether "in", "on" ... stands before the noun's own determiner and adjectives. What a picture is "of" is free.
    i = stands_before(classes, start, ("determiner", *_DESCRIBING))
    return i is not None and classes[i] == "preposition" and not (i and classes[i - 1] == "picture")


def _next_noun(classes: Sequence[WordClass], index: int) -> range | None:
    return next((_run(classes, i) for i in range(index + 1, len(classes)) if classes[i] in _NOUNS), None)


def _run(classes: Sequence[WordClass], start: int) -> range:
    end = start + 1
    while end < len(classes) and classes[end] == classes[start]:
        end += 1
    return range(start, end)


def _run_ending(classes: Sequence[WordClass], last: int) -> range:
    start = last
    while start and classes[start - 1] == classes[last]:
        start -= 1
    return range(start, last + 1)
