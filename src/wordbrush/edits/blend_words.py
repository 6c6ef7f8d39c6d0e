"""The words of a local blend, found in an edit's prompts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wordbrush.edits.blend import AUTO, LocalBlend
from wordbrush.errors import PromptError, SettingsError, cited
from wordbrush.tokens.modifiers import things
from wordbrush.tokens.pair import PromptPair, Prompts, require_word
from wordbrush.tokens.prompt_tokens import PromptTokens

Tokens = tuple[int, ...]
"""Tokens whose maps are added up, by their positions."""


@dataclass(frozen=True)
class BlendTokens:
    """The tokens whose maps make one target's mask: in the source's prompt, in its own, and those to subtract.

    Each of `source` and `target` has a region of its own.
    """

    source: tuple[Tokens, ...]
    target: tuple[Tokens, ...]
    subtract_source: Tokens
    subtract_target: Tokens
    named: tuple[str, ...]
    subtracted: tuple[str, ...] = ()


def blend_tokens(prompts: Prompts, blend: LocalBlend, equalizer: Mapping[str, float]) -> tuple[BlendTokens, ...]:
    """Find a blend's words for each target. Words in `equalizer` count as words that the edit changes.

    Raises `PromptError` for a word that is in none of the prompts it may be in, for an ambiguous word, and for a
    target without any word. Raises `SettingsError` if `target_words` does not have one entry for each target, and for
    outlines of no words.
    """
    source, targets = prompts.source, prompts.targets
    if not blend.names_words and not blend.subtract_words:
        if blend.outlined:
            raise SettingsError("the blend is outlined, and no word says of what; name things in words")
        return tuple(BlendTokens((), (), (), (), ()) for _ in targets)
    if blend.target_words is not None and len(blend.target_words) != len(targets):
        raise SettingsError(
            f"the blend's target_words has {len(blend.target_words)} entries for {len(targets)} target prompts; "
            "give one for each"
        )
    for word in [*blend.words, *blend.subtract_words]:
        if word != AUTO:
            require_word(word, [source, *targets], "blend word")
    found = []
    for index, pair in enumerate(prompts.pairs):
        target, changed = pair.target, _changed(pair, equalizer, blend.apart)
        own = None if blend.target_words is None else blend.target_words[index]
        in_source = _find(source, blend.words, blend.source_words, changed[0])
        in_target = _find(target, blend.words, own, changed[1])
        if blend.names_words and not in_source and not in_target:
            raise PromptError(
                f"no blend word is in the source '{cited(source.text)}' or in the target '{cited(target.text)}'; "
                "name a word of either"
            )
        found.append(
            BlendTokens(
                source=_regions(in_source, blend.apart),
                target=_regions(in_target, blend.apart),
                subtract_source=_positions(_find(source, blend.subtract_words, None, {})),
                subtract_target=_positions(_find(target, blend.subtract_words, None, {})),
                named=tuple(dict.fromkeys([*in_source, *in_target])),
                subtracted=blend.subtract_words,
            )
        )
    return tuple(found)


_Found = dict[str, tuple[int, ...]]
"""Words as written in a prompt, and their token positions."""


def _find(prompt: PromptTokens, shared: Iterable[str], own: tuple[str, ...] | None, changed: _Found) -> _Found:
    """The words of one prompt: its `own`, all of which must be in it, or those of `shared` that are."""
    found: _Found = {}
    for word in shared if own is None else own:
        if word == AUTO:
            found.update(changed)
        elif own is not None or prompt.places(word):
            found[word] = prompt.find(word)
    return found


def _changed(pair: PromptPair, equalizer: Mapping[str, float], apart: bool) -> tuple[_Found, _Found]:
    """What an edit changes in its source and in its target: swapped, new, removed and weighted words."""
    in_source = _differing(pair.source, [i for both in pair.differing for i in both.source], apart)
    in_target = _differing(pair.target, [i for both in pair.differing for i in both.target], apart)
    for word in equalizer:
        for prompt, found in ((pair.source, in_source), (pair.target, in_target)):
            if len(prompt.places(word)) == 1:
                found[word] = prompt.find(word)
    return in_source, in_target


def _differing(prompt: PromptTokens, indices: Iterable[int], apart: bool) -> _Found:
    """The words of a prompt which differ; if things count by themselves, only things, where there are any."""
    words = [i for i in indices if any(map(str.isalnum, prompt.words[i].text))]  # punctuation has no region
    nouns = things([word.key for word in prompt.words]) if apart else ()
    named = [[i for i in noun if i in words] for noun in nouns]
    found: _Found = {}
    for those in [some for some in named if some] or [[i] for i in words]:
        text = " ".join(prompt.words[i].text for i in those)
        found[text] = found.get(text, ()) + tuple(position for i in those for position in prompt.positions[i])
    return found


def _regions(found: _Found, apart: bool) -> tuple[Tokens, ...]:
    """The tokens of each region: of each word or thing by itself, or of all together."""
    if not apart:
        return (_positions(found),) if found else ()
    return tuple(_positions({word: positions}) for word, positions in found.items())


def _positions(found: _Found) -> Tokens:
    return tuple(sorted({position for positions in found.values() for position in positions}))
