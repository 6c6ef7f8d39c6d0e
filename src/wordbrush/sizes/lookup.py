"""The size of what a phrase names, and how it was found: a word that is not in the table is never guessed silently."""

import re
from dataclasses import dataclass

from wordbrush.sizes.singular import singulars
from wordbrush.sizes.table import Size, kinds, sizes

_WORD = re.compile(r"\w+(?:['’\-]\w+)*")
_AFTER_HEAD = frozenset("of with in on at under by for from to and next behind near".split())
"""Words that end a noun's own phrase: the head stands before them ("a bottle of wine")."""
_TOYS = frozenset("toy plush stuffed model miniature".split())


@dataclass(frozen=True)
class FoundSize:
    """The size of `phrase`. `note` says which noun's it is where that is not plain: "" for the noun itself."""

    phrase: str
    size: Size
    note: str = ""


def find_size(phrase: str) -> FoundSize | None:
    """Find the size of the thing that `phrase` names: a noun, in singular or plural, with what stands before it.

    A word that is not in the table has the size of what it is a kind of; of several words the last ones count. None
    where no word is known.

    >>> find_size("teddy bears").size.noun
    'teddy bear'
    >>> find_size("a police dog").note
    "the size of 'police dog' is taken from 'dog'"
    >>> find_size("bike").size.noun, find_size("bike").note
    ('bicycle', '')
    >>> find_size("spaniel").note
    "the size of 'spaniel' is taken from 'dog'"
    >>> find_size("democracy") is None
    True
    """
    words = _WORD.findall(phrase.casefold())
    end = next((i for i, word in enumerate(words) if i and word in _AFTER_HEAD), len(words))
    words = [word for word in words[:end] if word not in ("a", "an", "the")]
    if len(words) > 1 and words[0] in _TOYS and (found := _known(" ".join(words))) is None:
        return FoundSize(" ".join(words), sizes()["toy"], _taken(" ".join(words), "toy"))
    for start in range(len(words)):
        found = _known(" ".join(words[start:]))
        if found is not None:
            size, plain = found
            whole = " ".join(words)
            return FoundSize(whole, size, "" if plain and start == 0 else _taken(whole, size.noun))
    return None


def _known(noun: str) -> tuple[Size, bool] | None:
    # Whether the noun is meant itself: in the table, or by another name.
    for singular in singulars(noun):
        if singular in sizes():
            return sizes()[singular], True
        if (kind := kinds().get(singular)) is not None:
            return sizes()[kind.noun], kind.relation == "synonym"
    return None


def _taken(phrase: str, noun: str) -> str:
    return f"the size of '{phrase}' is taken from '{noun}'"
