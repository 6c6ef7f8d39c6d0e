"""Words that a model with a small vocabulary never saw, and the nearest that it knows."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

from wordbrush.tokens.words import folded, split_words


def unknown_words(
    prompts: Iterable[str], vocabulary: Collection[str], synonyms: Mapping[str, str], added: Collection[str] = ()
) -> dict[str, str | None]:
    """Each unknown word of prompts with the nearest known one: by meaning, else by spelling, else None.

    The `added` words (textual inversion) are known.

    >>> unknown_words(["a puppy", "a puppy and lions"], {"a", "and", "dog", "lion"}, {"puppy": "dog"})
    {'puppy': 'dog', 'lions': 'lion'}
    """
    unknown: dict[str, str | None] = {}
    known = {folded(word) for word in added}
    for word in (word for prompt in prompts for word in split_words(prompt, added)):
        text = word.text.casefold()
        if text in vocabulary or folded(text) in known or not any(map(str.isalnum, text)):
            continue
        meant = synonyms.get(text) or synonyms.get(text.removesuffix("s"))
        close = get_close_matches(text, sorted(vocabulary), n=1)
        unknown[word.text] = meant if meant in vocabulary else (close[0] if close else None)
    return unknown


def unknown_word_said(word: str, nearest: str | None) -> str:
    """What a person is told of an unknown word.

    >>> unknown_word_said("puppy", "dog")
    "this model never saw the word 'puppy'; the nearest it knows is 'dog'"
    """
    known = f"; the nearest it knows is '{nearest}'" if nearest else ""
    return f"this model never saw the word '{word}'{known}"
