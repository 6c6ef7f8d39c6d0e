"""What class each word of a prompt is of: a small lexicon, the nouns of the table of sizes, and forms.

No parser: prompts are short, and wordbrush asks one thing of them (`modifiers.py`).
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from wordbrush.sizes.lookup import find_size

WordClass = Literal[
    "determiner", "preposition", "conjunction", "pronoun", "be", "picture",
    "adjective", "adverb", "verb", "participle", "noun", "mark",
]  # fmt: skip
"""A class of words. "be" is a verb that joins a noun to an adjective, "picture" a noun for the picture itself, "mark"
punctuation."""

_ADJECTIVE_ENDINGS = ("ful", "less", "ous", "ish", "ive", "able", "ible", "ic", "esque", "like", "colored", "coloured")
_JOINED = ("ed", "en", "haired", "eyed")
_NO_NOUN_BEFORE = ("determiner", "adjective", "preposition", "participle")


@cache
def _lexicon() -> dict[str, frozenset[str]]:
    lines = Path(__file__).with_name("word_classes.txt").read_text("utf-8").splitlines()
    listed = (line.split(": ") for line in lines if not line.startswith("#"))
    return {name: frozenset(words.split()) for name, words in listed}


def word_classes(words: Sequence[str]) -> tuple[WordClass, ...]:
    """The class of each word of a prompt, in its place there; a word that nothing is known of is a noun.

    >>> word_classes("a boy playing happily with his small orange dog".split())[2:]
    ('participle', 'adverb', 'preposition', 'determiner', 'adjective', 'adjective', 'noun')
    >>> word_classes("a cat sleeps on an orange".split())
    ('determiner', 'noun', 'verb', 'preposition', 'determiner', 'noun')
    >>> word_classes("a dog in front of a car".split())[2:5]
    ('preposition', 'preposition', 'preposition')
    """
    folded = [word.casefold() for word in words]
    alone = [_class_of(word) for word in folded]
    classes: list[WordClass] = []
    for i, word in enumerate(folded):
        before = classes[i - 1] if i else None
        if _is_part(folded, i, before):
            classes.append("preposition")
        else:
            classes.append(_in_place(word, alone[i], before, alone[i + 1] if i + 1 < len(alone) else None))
    return tuple(classes)


def _is_part(words: Sequence[str], index: int, before: WordClass | None) -> bool:
    """Whether a word says where something is, as in "in front of", and names no thing."""
    if words[index] not in _lexicon()["part"] or words[index + 1 : index + 2] != ["of"]:
        return False
    return before == "preposition" or words[index - 1 : index] == ["the"]


def _class_of(word: str) -> WordClass:
    if not any(letter.isalnum() for letter in word):
        return "mark"
    lexicon = _lexicon()
    for name in (
        "determiner",
        "preposition",
        "conjunction",
        "pronoun",
        "be",
        "picture",
        "noun",
        "adjective",
        "adverb",
    ):
        if word in lexicon[name]:
            return name
    if word in lexicon["participle"]:
        return "participle"
    if "-" in word and word.rsplit("-", 1)[1].endswith(_JOINED):
        return "adjective"
    if find_size(word) is not None:
        return "noun"
    if word in lexicon["verb"] or word.isdigit():
        return "determiner" if word.isdigit() else "verb"
    if word.endswith("ly"):
        return "adverb"
    if len(word) > 4 and word.endswith(("ing", "ed")):
        return "participle"
    return "adjective" if len(word) > 4 and word.endswith(_ADJECTIVE_ENDINGS) else "noun"


def _in_place(word: str, alone: WordClass, before: WordClass | None, after: WordClass | None) -> WordClass:
    lexicon = _lexicon()
    if word in lexicon["colour_noun"]:
        return "adjective" if after in ("noun", "picture", "adjective") else "noun"
    # "light" alone is a thing, "autumn" after "in" a season; before a noun both describe it.
    if alone == "adjective" and before == "preposition" and after in (None, "mark", "preposition", "conjunction"):
        return "noun"
    if alone == "noun" and before in ("noun", "pronoun") and word.endswith("s") and word[:-1] in lexicon["verb"]:
        return "verb"
    if alone == "verb" and before in _NO_NOUN_BEFORE:
        return "noun"
    return alone
