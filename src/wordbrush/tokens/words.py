"""A prompt as words with their character spans: the common currency of every tokenizer."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from itertools import groupby
from unicodedata import category, normalize

from wordbrush.errors import PromptError, cited

_LAST_MARK = 0x1FFFF
"""The planes of Unicode that have combining marks below the tags, which are no part of words."""
_SELECTOR = re.compile(r"(?P<phrase>.*?)(?:\[(?P<occurrence>\d{1,6})\])?", re.DOTALL)


@dataclass(frozen=True)
class Word:
    """A word (or a run of punctuation) and its character span `[start, end)` in the prompt."""

    text: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """What the word is compared by: case does not count, and "an" is "a" before a vowel."""
        key = folded(self.text)
        return "a" if key == "an" else key


def folded(text: str) -> str:
    """What texts are compared by: neither case counts, nor whether a letter and its accent are one character or two.

    >>> folded("Cafe\u0301") == folded("caf\u00e9")
    True
    """
    return normalize("NFC", text.casefold())


def split_words(prompt: str, added: Collection[str] = ()) -> tuple[Word, ...]:
    """Split a prompt into words and runs of punctuation, in order; each of the `added` words is one, whatever it has.

    >>> [word.text for word in split_words("a <Cat-Toy>, here", {"<cat-toy>"})]
    ['a', '<Cat-Toy>', ',', 'here']
    >>> [word.text for word in split_words("A cat, eating an apple")]
    ['A', 'cat', ',', 'eating', 'an', 'apple']
    """
    return tuple(Word(match.group(), match.start(), match.end()) for match in _unit(frozenset(added)).finditer(prompt))


def find_words(prompt: str, selector: str, added: Collection[str] = ()) -> range:
    """Find the word or phrase that `selector` names, as a range of indices into `split_words(prompt)`.

    `selector` is a word ("cat"), a phrase ("teddy bear"), or one of several occurrences counted from 0 ("cat[1]").
    Case and surrounding punctuation do not count.

    Raises `PromptError` when it is not in the prompt, or is in it more than once and none is chosen.

    >>> find_words("a cat and a teddy bear", "Teddy Bear")
    range(4, 6)
    >>> find_words("cat and cat", "cat[1]")
    range(2, 3)
    """
    found = find_all_words(prompt, selector, added)
    if not found:
        raise PromptError(
            f"word '{cited(selector)}' is not in the prompt '{cited(prompt)}'{_nearest(prompt, selector, added)}"
        )
    if len(found) > 1:
        ways = " or ".join(f"'{selector}[{index}]'" for index in range(len(found)))
        raise PromptError(f"word '{selector}' occurs {_times(len(found))} in '{cited(prompt)}'; say {cited(ways)}")
    return found[0]


def find_all_words(prompt: str, selector: str, added: Collection[str] = ()) -> list[range]:
    """Find every place that `selector` names (see `find_words`); an empty list when there is none.

    >>> find_all_words("cat and cat", "cat")
    [range(0, 1), range(2, 3)]
    """
    match = _SELECTOR.fullmatch(selector.strip())
    assert match is not None  # the pattern accepts every string
    wanted = [folded(word.text) for word in split_words(match["phrase"], added)]
    if not wanted:
        raise PromptError(f"'{cited(selector)}' names no word; give a word of the prompt '{cited(prompt)}'")
    keys = [folded(word.text) for word in split_words(prompt, added)]
    starts = range(len(keys) - len(wanted) + 1)
    places = [range(i, i + len(wanted)) for i in starts if keys[i : i + len(wanted)] == wanted]
    if match["occurrence"] is None:
        return places
    occurrence = int(match["occurrence"])
    return places[occurrence : occurrence + 1]


def selector_of(prompt: str, place: int, added: Collection[str] = ()) -> str:
    """The selector that names the word `place` of `split_words(prompt, added)` and no other.

    >>> selector_of("cat and cat", 2), selector_of("cat and cat", 1)
    ('cat[1]', 'and')
    """
    text = split_words(prompt, added)[place].text
    places = [words.start for words in find_all_words(prompt, text, added)]
    return text if len(places) == 1 else f"{text}[{places.index(place)}]"


def nearest_word(selector: str, words: Iterable[str]) -> str | None:
    """The word that is spelled most like a selector, if one is."""
    return next(iter(get_close_matches(folded(selector), map(folded, words), n=1)), None)


@lru_cache(maxsize=32)
def _unit(added: frozenset[str]) -> re.Pattern[str]:
    longest_first = [f"(?i:{re.escape(word)})" for word in sorted(added, key=len, reverse=True)]
    # A word keeps inner apostrophes and hyphens ("don't", "t-shirt"); a run of punctuation is a unit of its own,
    # because tokenizers give it tokens, and those must correspond as well.
    letter = rf"[\w{_marks()}]"
    return re.compile("|".join([*longest_first, rf"{letter}+(?:['’\-]{letter}+)*|[^\w{_marks()}\s]+"]))


@cache
def _marks() -> str:
    """Accents and vowel signs that are characters of their own, as the inside of a pattern's brackets."""
    codes = [code for code in range(0x300, _LAST_MARK) if category(chr(code))[0] == "M"]
    runs = [list(run) for _, run in groupby(enumerate(codes), lambda pair: pair[1] - pair[0])]
    return "".join(f"{chr(run[0][1])}-{chr(run[-1][1])}" for run in runs)


def _nearest(prompt: str, selector: str, added: Collection[str]) -> str:
    words = [word.text for word in split_words(prompt, added)]
    close = nearest_word(selector, words)
    if close:
        return f"; did you mean '{close}'?"
    return f"; its words are: {cited(', '.join(words))}" if words else "; the prompt is empty"


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"
