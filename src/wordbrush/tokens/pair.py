"""The prompts of a run, tokenised and aligned once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from wordbrush.errors import PromptError, cited
from wordbrush.tokens.align import WordPair, align_words
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush.tokens.words import folded, nearest_word


@dataclass(frozen=True)
class PromptPair:
    """A source prompt, a target prompt, and which of their words stand for each other."""

    source: PromptTokens
    target: PromptTokens
    pairs: tuple[WordPair, ...]

    @classmethod
    def of(cls, source: PromptTokens, target: PromptTokens) -> "PromptPair":
        """Align two prompts."""
        return cls(source, target, align_words(source, target))

    @property
    def differing(self) -> tuple[WordPair, ...]:
        """The words that do not stand for the same word of the other prompt."""
        return tuple(words for words in self.pairs if words.kind != "same")

    @property
    def same_words(self) -> bool:
        """Whether both prompts have the same words, whatever their case and the spaces between them."""
        return [folded(word.text) for word in self.source.words] == [folded(word.text) for word in self.target.words]


@dataclass(frozen=True)
class Prompts:
    """A run's source prompt and its pairs with each target, in order."""

    source: PromptTokens
    pairs: tuple[PromptPair, ...]

    @classmethod
    def of(cls, tokenize: Callable[[str], PromptTokens], source: str, targets: Sequence[str]) -> "Prompts":
        """Tokenise and align. Raises `PromptError` for a prompt that does not fit the model."""
        tokens = tokenize(source)
        return cls(tokens, tuple(PromptPair.of(tokens, tokenize(target)) for target in targets))

    @property
    def targets(self) -> tuple[PromptTokens, ...]:
        """The target prompts."""
        return tuple(pair.target for pair in self.pairs)


def require_word(selector: str, prompts: Sequence[PromptTokens], kind: str = "word") -> None:
    """Raise `PromptError` for a word that none of the prompts has: it counts in those that have it."""
    if any(prompt.places(selector) for prompt in prompts):
        return
    if len(prompts) == 1:
        prompts[0].find(selector)  # raises, and names the nearest word
    quoted = ", ".join(f"'{cited(prompt.text)}'" for prompt in prompts)
    raise PromptError(f"{kind} '{cited(selector)}' is in none of the prompts {quoted}{_nearest(selector, prompts)}")


def _nearest(selector: str, prompts: Iterable[PromptTokens]) -> str:
    close = nearest_word(selector, [word.text for prompt in prompts for word in prompt.words])
    return f"; did you mean '{close}'?" if close else "; name a word of one of them"
