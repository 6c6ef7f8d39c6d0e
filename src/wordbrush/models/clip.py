"""CLIP's tokenizers: which tokens the words of a prompt are, words of textual inversion included."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor
from transformers import CLIPTokenizer

from wordbrush.errors import PromptError, cited
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush.tokens.words import folded, split_words

Span = tuple[int, int]


def clip_tokens(tokenizer: CLIPTokenizer, prompt: str, *, cut_note: str | None = None) -> PromptTokens:
    """Where the prompt's words are on the tokenizer's axis: `[begin, words ..., end, padding ...]`.

    Raises `PromptError` when the prompt has more tokens than the model reads, and says which words fall off. With a
    `cut_note`, for a model that reads them elsewhere, they have no token here, and are named in that note.
    """
    length = int(tokenizer.model_max_length)
    vectors = added_words(tokenizer)
    text, spans = _written_out(prompt, vectors)
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    placed = [_place(offset, spans) for offset in offsets]
    tokens = PromptTokens.from_offsets(prompt, placed, begin=1, length=length, added=vectors)
    room = length - 2
    if len(placed) <= room:
        return tokens
    if cut_note is None:
        raise over_limit(tokens, room)
    kept = PromptTokens.from_offsets(prompt, placed[:room], begin=1, length=length, added=vectors)
    return replace(kept, notes=(f"'{over(tokens, room)}' {cut_note.format(room=room)}",))


def over(tokens: PromptTokens, room: int, begin: int = 1) -> str:
    """The words of a prompt from the first on that has a token beyond the `room` that there is for words."""
    last = len(tokens.words)  # what falls off may be spaces alone
    lost = next((i for i, positions in enumerate(tokens.positions) if any(p >= begin + room for p in positions)), last)
    return tokens.phrase(range(lost, len(tokens.words)))


def over_limit(tokens: PromptTokens, room: int, begin: int = 1) -> PromptError:
    """What is raised for a prompt of which some words are read nowhere."""
    count = tokens.segments[-1].end.start - begin
    return PromptError(
        f"the prompt '{cited(tokens.text)}' has {count} tokens and the model reads "
        f"{room}; '{cited(over(tokens, room, begin))}' would fall off, so shorten the prompt"
    )


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


def spelled_as_added(tokenizer: CLIPTokenizer, prompt: str) -> str:
    """A prompt with its added words in the letters that they were added in, as diffusers looks for them.

    Raises `PromptError` for a word of several vectors that was added with capitals: diffusers would read only one.
    """
    vectors = added_words(tokenizer)
    by_key = {folded(word): word for word in vectors}
    parts, end = [], 0
    for found in split_words(prompt, vectors) if vectors else ():
        word = by_key.get(folded(found.text))
        if word is None:
            continue
        if len(vectors[word]) > 1 and word != word.lower():
            raise PromptError(f"diffusers reads one vector of '{cited(word)}'; add the word in small letters")
        parts += [prompt[end : found.start], word]
        end = found.end
    return "".join([*parts, prompt[end:]])


def _written_out(prompt: str, vectors: Mapping[str, Sequence[str]]) -> tuple[str, list[tuple[Span, Span]]]:
    """The prompt with all tokens of each added word, and which spans of it stand for which of the prompt."""
    parts, spans, end, length = [], list[tuple[Span, Span]](), 0, 0
    by_key = {folded(word): tokens for word, tokens in vectors.items()}
    for word in split_words(prompt, vectors) if vectors else ():
        tokens = by_key.get(folded(word.text), ())
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
