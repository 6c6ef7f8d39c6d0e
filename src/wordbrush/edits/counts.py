"""How many of a thing two prompts ask for, where that is what differs."""

from collections.abc import Iterator
from typing import NamedTuple

from wordbrush.edits.blend import MOST
from wordbrush.sizes.singular import same_noun
from wordbrush.tokens.modifiers import stands_before, things
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush.tokens.word_classes import word_classes

_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}


class Recount(NamedTuple):
    """A thing's words in either prompt, and how many there are and are to be."""

    words: tuple[str, ...]
    before: int
    after: int


def recounted(pair: PromptPair) -> Recount | None:
    """The one thing whose number differs; None if no number is said, or several differ, or more than six are meant.

    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> def counts(*texts):
    ...     return recounted(PromptPair.of(*[PromptTokens.words_of(text) for text in texts]))
    >>> counts("three big monkeys", "two big monkeys"), counts("two bananas in a box", "a banana in a box")
    (Recount(words=('monkeys',), before=3, after=2), Recount(words=('bananas', 'banana'), before=2, after=1))
    >>> counts("a dog", "a cat"), counts("dogs", "two dogs"), counts("a dog and a cat", "two dogs and two cats")
    (None, None, None)
    """
    found = []
    for named, before in _counted(pair.source):
        for other, after in _counted(pair.target):
            if named[:-1] == other[:-1] and same_noun(named[-1].casefold(), other[-1].casefold()) and before != after:
                found.append(Recount(tuple(dict.fromkeys(named + other)), before, after))
    return found[0] if len(found) == 1 and max(found[0].before, found[0].after) <= MOST else None


def _counted(prompt: PromptTokens) -> Iterator[tuple[tuple[str, ...], int]]:
    """The words of each thing with a number that is named once, and the number."""
    words = [word.key for word in prompt.words]
    classes = word_classes(words)
    for noun in things(words):
        before = stands_before(classes, noun.start, ("adjective", "participle"))
        said = "" if before is None else words[before]
        number = int(said) if said.isdecimal() else _NUMBERS.get(said, 0)
        named = tuple(prompt.words[i].text for i in noun)
        if number and all(len(prompt.places(word)) == 1 for word in named):
            yield named, number
