"""The token columns of the words that are asked for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wordbrush.errors import PromptError, SettingsError, cited
from wordbrush.tokens.pair import require_word
from wordbrush.tokens.prompt_tokens import PromptTokens


@dataclass(frozen=True)
class AskedWord:
    """A word, by the name it is asked for, and its token positions; its map is the sum of theirs."""

    name: str
    positions: tuple[int, ...]


def asked_words(
    prompts: Mapping[int, PromptTokens], selectors: Sequence[str | int] | None
) -> dict[int, tuple[AskedWord, ...]]:
    """The words asked for in each branch's prompt; None asks for every word.

    A word counts in the prompts that have it, and a prompt with none of them is left out. Raises `PromptError` for a
    word that no prompt has, that is ambiguous, or that has no token; and `SettingsError` for a position outside of the
    prompt.

    >>> offsets = [(0, 1), (2, 5), (6, 9), (10, 11), (12, 15), (15, 17)]
    >>> prompt = PromptTokens.from_offsets("a cat and a corgi", offsets, begin=1, length=9)
    >>> [(word.name, word.positions) for word in asked_words({0: prompt}, None)[0]]
    [('a[0]', (1,)), ('cat', (2,)), ('and', (3,)), ('a[1]', (4,)), ('corgi', (5, 6))]
    >>> asked_words({0: prompt}, ["corgi", 0])[0]
    (AskedWord(name='corgi', positions=(5, 6)), AskedWord(name='token 0', positions=(0,)))
    """
    if selectors is None:
        found = {branch: _every_word(prompt) for branch, prompt in prompts.items()}
    else:
        for selector in selectors:
            if isinstance(selector, str):
                require_word(selector, list(prompts.values()))
        found = {branch: _chosen(prompt, selectors) for branch, prompt in prompts.items()}
    return {branch: words for branch, words in found.items() if words}


def _every_word(prompt: PromptTokens) -> tuple[AskedWord, ...]:
    if not any(prompt.positions):
        raise PromptError(f"the prompt '{cited(prompt.text)}' has no words; ask for token positions, such as 0")
    times = Counter(word.text.casefold() for word in prompt.words)
    seen: Counter[str] = Counter()
    words = []
    for word, positions in zip(prompt.words, prompt.positions, strict=True):
        key = word.text.casefold()
        name = f"{word.text}[{seen[key]}]" if times[key] > 1 else word.text
        seen[key] += 1
        if positions:
            words.append(AskedWord(name, positions))
    return tuple(words)


def _chosen(prompt: PromptTokens, selectors: Sequence[str | int]) -> tuple[AskedWord, ...]:
    words: dict[str, AskedWord] = {}
    for selector in selectors:
        if isinstance(selector, int):
            if not 0 <= selector < prompt.length:
                raise SettingsError(f"there is no token {selector}; the model reads tokens 0 to {prompt.length - 1}")
            words[f"token {selector}"] = AskedWord(f"token {selector}", (selector,))
        elif prompt.places(selector):
            words.setdefault(selector.strip().casefold(), AskedWord(selector.strip(), prompt.find(selector)))
    return tuple(words.values())
