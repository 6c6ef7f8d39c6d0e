"""How one thing stands to another in two prompts, where that is what differs."""

from collections.abc import Sequence
from typing import NamedTuple

from wordbrush.edits.blend import Relation
from wordbrush.edits.change_kind import kept_things
from wordbrush.sizes.singular import singulars
from wordbrush.tokens.modifiers import things
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens

_RELATIONS: dict[Relation, frozenset[str]] = {
    "left of": frozenset({"left"}),
    "right of": frozenset({"right"}),
    "worn by": frozenset({"wearing", "wears"}),
    "on": frozenset({"on", "onto", "upon", "atop", "riding", "rides", "astride"}),
    "beside": frozenset({"beside", "next", "near", "by", "alongside"}),
}
"""Words between two things that say how they stand; the first relation of which there is a word is meant."""
_TOGETHER = frozenset({"and", "with"})
"""Things that only are both there stand side by side more often than not; as a target that says nothing."""
_ON_THE_HEAD = frozenset("hat cap crown helmet beret bonnet sombrero fedora beanie turban tiara wreath wig".split())
"""What is worn elsewhere does not stand on anybody's head."""


class Rearrangement(NamedTuple):
    """The words of the thing that moves and of the one that stays, and how the first stands to it afterwards."""

    moving: tuple[str, ...]
    staying: tuple[str, ...]
    relation: Relation


def rearranged(pair: PromptPair) -> Rearrangement | None:
    """What moves where; None unless the words that differ say it, in words known here, between two things that both
    prompts name.

    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> def moves(*texts):
    ...     return rearranged(PromptPair.of(*[PromptTokens.words_of(text) for text in texts]))
    >>> moves("a dog next to a horse on a farm", "a dog riding on a horse on a farm")
    Rearrangement(moving=('dog',), staying=('horse',), relation='on')
    >>> moves("a fox wearing a hat", "a fox beside a hat")
    Rearrangement(moving=('hat',), staying=('fox',), relation='beside')
    >>> moves("a cat to the left of a sofa", "a cat to the right of a sofa").relation
    'right of'
    >>> moves("a dog eating an apple", "a dog next to an apple"), moves("a man and a scarf", "a man wearing a scarf")
    (None, None)
    >>> moves("a dog on the beach", "a dog next to the beach")
    """
    source = _related(pair.source, [i for words in pair.differing for i in words.source])
    target = _related(pair.target, [i for words in pair.differing for i in words.target])
    if source is None or target is None:
        return None
    first, second, before = source
    before_now, after_now, now = target
    stands, relation = _relation(before) or ("beside" if _TOGETHER & set(before) else None), _relation(now)
    if (first, second) != (before_now, after_now) or not set(first + second) <= set(kept_things(pair)):
        return None
    if stands is None or relation is None or stands == relation:
        return None
    if "worn by" not in (stands, relation):
        return Rearrangement(first, second, relation)
    if "on" in (stands, relation) or _ON_THE_HEAD.isdisjoint(singulars(second[-1].casefold())):
        return None
    return Rearrangement(second, first, relation)


def _related(
    prompt: PromptTokens, changed: Sequence[int]
) -> tuple[tuple[str, ...], tuple[str, ...], list[str]] | None:
    """The words of the things around all words that changed, and the words between them; None if there are no two."""
    words = [word.key for word in prompt.words]
    found = things(words)
    ahead = [noun for noun in found if changed and noun.stop <= min(changed)]
    behind = [noun for noun in found if changed and noun.start > max(changed)]
    if not ahead or not behind or len(ahead) + len(behind) != len(found):
        return None
    first, second = (tuple(prompt.words[i].text for i in noun) for noun in (ahead[-1], behind[0]))
    return first, second, words[ahead[-1].stop : behind[0].start]


def _relation(between: Sequence[str]) -> Relation | None:
    return next((relation for relation, words in _RELATIONS.items() if words & set(between)), None)
