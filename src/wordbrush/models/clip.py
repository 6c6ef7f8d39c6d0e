"""CLIP's tokenizers: which tokens the words of a prompt are, words of textual inversion included."""

from collections.abc import Mapping, Sequence
from textwrap import shorten

from torch import Tensor
from transformers import CLIPTokenizer

from wordbrush.errors import PromptError
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush.tokens.words import split_words

Span = tuple[int, int]


def clip_tokens(tokenizer: CLIPTokenizer, prompt: str) -> PromptTokens:
    """Where the prompt's words are on the tokenizer's axis: `[begin, words ..., end, padding ...]`.

    Raises `PromptError` when the prompt has more tokens than the model reads, and says which words fall off.
    """
    length = int(tokenizer.model_max_length)
    vectors = added_words(tokenizer)
    text, spans = _written_out(prompt, vectors)
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    placed = [_place(offset, spans) for offset in offsets]
    tokens = PromptTokens.from_offsets(prompt, placed, begin=1, length=length, added=vectors)
    room = length - 2
    if len(placed) > room:
        lost = next(i for i, positions in enumerate(tokens.positions) if any(p > room for p in positions))
        raise PromptError(
            f"the prompt '{shorten(prompt, 40, placeholder=' ...')}' has {len(placed)} tokens and the model reads "
            f"{room}; '{tokens.phrase(range(lost, len(tokens.words)))}' would fall off, so shorten the prompt"
        )
    return tokens


def clip_ids(tokenizer: CLIPTokenizer, prompt: str) -> Tensor:
    """The token numbers (1, T) of a prompt, padded to the tokenizer's length."""
    text, _ = _written_out(prompt, added_words(tokenizer))
    ids: Tensor = tokenizer(
        text, padding="max_length", max_length=tokenizer.model_max_length, return_tensors="pt", verbose=False
    ).input_ids
    return ids


def added_words(tokenizer: CLIPTokenizer) -> Mapping[str, tuple[str, ...]]:
    """The words that were added to a tokenizer, each with its tokens: `<toy>` with `<toy>`, `<toy>_1`, ...

    diffusers' `load_textual_inversion` adds a token for each vector of a word.
    """
    added = set(tokenizer.added_tokens_encoder) - set(tokenizer.all_special_tokens)
    words = {}
    for word in added:
        tokens = [word]
        while f"{word}_{len(tokens)}" in added:
            tokens.append(f"{word}_{len(tokens)}")
        words[word] = tuple(tokens)
    further = {token for tokens in words.values() for token in tokens[1:]}
    return {word: tokens for word, tokens in words.items() if word not in further}


def _written_out(prompt: str, vectors: Mapping[str, Sequence[str]]) -> tuple[str, list[tuple[Span, Span]]]:
    """The prompt with all tokens of each added word, and which spans of it stand for which of the prompt."""
    parts, spans, end, length = [], list[tuple[Span, Span]](), 0, 0
    for word in split_words(prompt, vectors) if vectors else ():
        tokens = vectors.get(word.text, ())
        if len(tokens) > 1:
            before, whole = prompt[end : word.start], " ".join(tokens)
            start = length + len(before)
            spans.append(((length, start), (end, word.start)))
            spans.append(((start, start + len(whole)), (word.start, word.end)))
            parts += [before, whole]
            end, length = word.end, start + len(whole)
    rest = prompt[end:]
    return "".join([*parts, rest]), [*spans, ((length, length + len(rest)), (end, len(prompt)))]


def _place(offset: Span, spans: Sequence[tuple[Span, Span]]) -> Span:
    """Where a token of the prompt that was written out is in the prompt itself."""
    for (start, stop), (first, last) in spans:
        if start <= offset[0] < stop or offset[0] == stop == spans[-1][0][1]:
            same = stop - start == last - first
            return (offset[0] - start + first, offset[1] - start + first) if same else (first, last)
    raise AssertionError("every token is of the prompt")
