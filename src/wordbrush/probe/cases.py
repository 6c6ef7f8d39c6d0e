"""What a model is probed with: pictures of things, and the words that are dropped from their prompts."""

from collections.abc import Sequence
from dataclasses import dataclass

from wordbrush.errors import PromptError, SettingsError
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.tokens.modifiers import things
from wordbrush.tokens.word_classes import word_classes
from wordbrush.tokens.words import find_words, split_words

PROMPTS = (
    "a dog on the beach",
    "a cat and a red ball in the snow",
    "a tree next to a house",
    "a bear riding a bicycle in the city",
)
"""Things that every model knows, and words that the bundled one knows."""

_OF_A_NOUN = ("determiner", "adjective", "adverb")


@dataclass(frozen=True)
class ProbeCase:
    """One picture, and for each of its `words` the prompt without it."""

    settings: GenerationSettings
    words: tuple[str, ...]
    without: tuple[str, ...]


def probe_cases(pictures: Sequence[GenerationSettings], words: Sequence[str] | None) -> list[ProbeCase]:
    """The cases of pictures whose prompts have some of the words.

    Args:
        pictures: the settings of each, its prompt among them.
        words: words or phrases as elsewhere ("cat", "teddy bear", "cat[1]"); None for every thing that a prompt names.

    Raises `PromptError` for a word that no prompt has, and `SettingsError` where there is nothing to probe with.
    """
    cases = [case for one in pictures if (case := _case(one, words)) is not None]
    seen = {word for case in cases for word in case.words}
    for word in words or ():
        if word not in seen:
            raise PromptError(
                f"the word '{word:.60}' is in none of the prompts, or in each more than once; give another"
            )
    if not cases:
        raise SettingsError("no prompt names a thing to drop; give prompts such as 'a dog on the beach', or words")
    return cases


def without(prompt: str, words: range) -> str:
    """The prompt without some of its words, and without what determines and describes them.

    >>> without("a cat and a very red ball in the snow", range(6, 7))
    'a cat and in the snow'
    """
    split = split_words(prompt)
    classes = word_classes([word.text for word in split])
    first = words.start
    while first and classes[first - 1] in _OF_A_NOUN:
        first -= 1
    return " ".join((prompt[: split[first].start] + prompt[split[words.stop - 1].end :]).split())


def _case(settings: GenerationSettings, words: Sequence[str] | None) -> ProbeCase | None:
    """A case of a picture's settings; None if its prompt has none of the words."""
    prompt = settings.prompt
    split = split_words(prompt)
    if words is None:
        named = things([word.text for word in split])
        words = [prompt[split[thing.start].start : split[thing.stop - 1].end] for thing in named]
        words = [word for word in dict.fromkeys(words) if prompt.casefold().split().count(word.casefold()) < 2]
    found = []
    for word in words:
        try:
            found.append((word, without(prompt, find_words(prompt, word))))
        except PromptError:  # another prompt has it
            continue
    return ProbeCase(settings, tuple(word for word, _ in found), tuple(rest for _, rest in found)) if found else None
