"""The words of a local blend, found in the prompts of an edit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wordbrush.edits.blend import AUTO, LocalBlend
from wordbrush.errors import PromptError, SettingsError
from wordbrush.tokens.align import align_words
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush.tokens.words import find_all_words


@dataclass(frozen=True)
class BlendTokens:
    """The tokens whose maps make one target's mask: of its own prompt, of the source's, and those to subtract."""

    source: tuple[int, ...]
    target: tuple[int, ...]
    subtract_source: tuple[int, ...]
    subtract_target: tuple[int, ...]
    named: tuple[str, ...]


def blend_tokens(
    source: PromptTokens, targets: Sequence[PromptTokens], blend: LocalBlend, equalizer: Mapping[str, float]
) -> tuple[BlendTokens, ...]:
    """Find the words of a blend, for each target. Words that the edit changes are also those in `equalizer`.

    Raises `PromptError` for a word that is in no prompt that it could be in, or is ambiguous in one, and for a target
    without any; `SettingsError` when `target_words` are not one entry a target.
    """
    if not blend.names_words:
        return tuple(BlendTokens((), (), (), (), ()) for _ in targets)
    if blend.target_words is not None and len(blend.target_words) != len(targets):
        raise SettingsError(
            f"target_words of the blend have {len(blend.target_words)} entries for {len(targets)} target prompts; "
            "give one for each"
        )
    _check_shared([*blend.words, *blend.subtract_words], source, targets)
    found = []
    for index, target in enumerate(targets):
        changed = _changed(source, target, equalizer)
        own = None if blend.target_words is None else blend.target_words[index]
        in_source = _find(source, blend.words, blend.source_words, changed[0])
        in_target = _find(target, blend.words, own, changed[1])
        if not in_source and not in_target:
            raise PromptError(
                f"no blend word is in the source '{source.text}' or in the target '{target.text}'; name one of theirs"
            )
        found.append(
            BlendTokens(
                source=_positions(in_source),
                target=_positions(in_target),
                subtract_source=_positions(_find(source, blend.subtract_words, None, {})),
                subtract_target=_positions(_find(target, blend.subtract_words, None, {})),
                named=tuple(dict.fromkeys([*in_source, *in_target])),
            )
        )
    return tuple(found)


_Found = dict[str, tuple[int, ...]]
"""Words as they stand in a prompt, and their token positions."""


def _find(prompt: PromptTokens, shared: Iterable[str], own: tuple[str, ...] | None, changed: _Found) -> _Found:
    """The words of one prompt: its `own`, which must all be there, or those of the `shared` ones that are."""
    found: _Found = {}
    for word in shared if own is None else own:
        if word == AUTO:
            found.update(changed)
        elif own is not None or find_all_words(prompt.text, word):
            found[word] = prompt.find(word)
    return found


def _check_shared(words: Sequence[str], source: PromptTokens, targets: Sequence[PromptTokens]) -> None:
    prompts = [source, *targets]
    for word in words:
        if word != AUTO and not any(find_all_words(prompt.text, word) for prompt in prompts):
            quoted = ", ".join(f"'{prompt.text}'" for prompt in prompts)
            raise PromptError(f"blend word '{word}' is in none of the prompts {quoted}; name a word of one of them")


def _changed(source: PromptTokens, target: PromptTokens, equalizer: Mapping[str, float]) -> tuple[_Found, _Found]:
    """What an edit changes in its source and in its target: swapped, new, gone and weighted words."""
    in_source: _Found = {}
    in_target: _Found = {}
    for pair in align_words(source, target):
        if pair.kind != "same":
            for prompt, words, found in ((source, pair.source, in_source), (target, pair.target, in_target)):
                for i in words:
                    if any(map(str.isalnum, prompt.words[i].text)):  # punctuation has no region
                        text = prompt.words[i].text
                        found[text] = found.get(text, ()) + prompt.positions[i]
    for word in equalizer:
        for prompt, found in ((source, in_source), (target, in_target)):
            if len(find_all_words(prompt.text, word)) == 1:
                found[word] = prompt.find(word)
    return in_source, in_target


def _positions(found: _Found) -> tuple[int, ...]:
    return tuple(sorted({position for positions in found.values() for position in positions}))
