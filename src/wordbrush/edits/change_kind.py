"""The kind of change that two prompts ask for, found from the words that differ, without a model.

There is no parser, only the classes of words (`tokens/word_classes.py`) and a small lexicon of places, times and
styles.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from wordbrush.sizes.singular import same_noun
from wordbrush.tokens.modifiers import find_modified, stands_before
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush.tokens.word_classes import WordClass, word_classes
from wordbrush.tokens.words import folded

ChangeKind = Literal[
    "swap", "own", "addition", "removal", "pose", "attribute", "size", "number", "place", "style", "mixed", "scene",
    "weights",
]  # fmt: skip
"""One thing for another; a thing for a word of one's own, which was added to the model; an added or a removed thing; a
pose or an activity; a property; how large a thing is; how many there are; the place, the season or the time of day;
the style of the whole picture; several of these, without and with the place; weights alone.
"""

KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)

_PROPERTIES = ("adjective", "adverb")
_POINTING = frozenset("a the this that these those his her its their my your our".split())
"""Determiners that do not give a number."""
_BESIDE = ("to", "of", "behind", "beside", "with", "like")
"""After these a place is a thing: "in front of a castle" shows one, "in a castle" is inside it."""


@cache
def _lexicon() -> dict[str, frozenset[str]]:
    lines = Path(__file__).with_name("change_words.txt").read_text("utf-8").splitlines()
    listed = (line.split(": ") for line in lines if not line.startswith("#"))
    return {name: frozenset(words.split()) for name, words in listed}


def change_kind(pair: PromptPair) -> ChangeKind:
    """The kind of change from a source prompt to a target prompt; "weights" if no word differs.

    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> def kind(source, target):
    ...     prompts = [PromptTokens.from_offsets(text, [], begin=1, length=32) for text in (source, target)]
    ...     return change_kind(PromptPair.of(*prompts))
    >>> kind("a dog on a farm", "a cat on a farm"), kind("a cat", "a cat wearing a hat"), kind("two cats", "a cat")
    ('swap', 'addition', 'number')
    >>> kind("three potatoes", "a potato"), kind("a knife", "two knives")
    ('number', 'number')
    >>> kind("a dog in the city", "a dog in the snow"), kind("a dog", "a sketch of a dog")
    ('place', 'style')
    >>> kind("a dog sitting on a bench", "a dog jumping on a bench"), kind("a dog in a park", "a cat in the snow")
    ('pose', 'scene')
    >>> kind("a dog next to a car", "a cat next to a bus"), kind("a castle", "a tent"), kind("a beach", "a forest")
    ('mixed', 'swap', 'place')
    >>> change_kind(PromptPair.of(*[PromptTokens.words_of(text, {"<rex>"}) for text in ("a dog", "a <rex>")]))
    'own'
    """
    sides = tuple(_Side(prompt) for prompt in (pair.source, pair.target))
    found: set[ChangeKind] = set()
    related, swaps = False, 0
    for words in pair.differing:
        before, after = sides[0].changed(words.source), sides[1].changed(words.target)
        kinds = _kinds(before, after)
        found |= kinds
        swaps += "swap" in kinds
        related |= before.related or after.related
    if related and "place" not in found and not found & {"swap", "addition", "removal"}:
        found.add("pose")  # in "on the beach" -> "at the zoo" the preposition belongs to the place
    if not found:
        return "weights"
    if "style" in found:
        return "style"  # whatever else changes, no part of the picture can be held
    if "swap" in found and "place" not in found and _has_new_own_word(pair):
        return "own"
    if len(found) == 1 and swaps < 2:
        return found.pop()
    return "scene" if "place" in found else "mixed"


def _has_new_own_word(pair: PromptPair) -> bool:
    """Whether a word that differs in the target is one that was added to the model."""
    changed = (pair.target.words[i] for words in pair.differing for i in words.target)
    return not {folded(word.text) for word in changed}.isdisjoint(map(folded, pair.target.added))


def kept_things(pair: PromptPair) -> tuple[str, ...]:
    """The words, as selectors that fit both prompts, of things that source and target name: not those of a place.

    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> texts = "a dog next to a teddy bear on a farm", "a dog next to a teddy bear in the snow"
    >>> kept_things(PromptPair.of(*[PromptTokens.from_offsets(text, [], begin=1, length=32) for text in texts]))
    ('dog', 'teddy', 'bear')
    """
    stays = {i for words in pair.pairs if words.kind == "same" for i in words.source}
    named = (pair.source.words[i].text for i in sorted(_Side(pair.source).things & stays))
    return tuple(word for word in named if len(pair.source.places(word)) == len(pair.target.places(word)) == 1)


def described_things(pair: PromptPair) -> tuple[str, ...]:
    """The words of things that the words which differ describe, each named once at most in either prompt.

    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> texts = "a fox wearing a red hat", "a fox wearing a blue hat"
    >>> described_things(PromptPair.of(*[PromptTokens.from_offsets(text, [], begin=1, length=32) for text in texts]))
    ('hat',)
    """
    found = [word for described in describing(pair) for _, noun in described for word in noun]
    prompts = (pair.source, pair.target)
    return tuple(word for word in dict.fromkeys(found) if all(len(prompt.places(word)) <= 1 for prompt in prompts))


def grown(pair: PromptPair) -> int:
    """How much larger the words which differ make the one thing that they describe: 1 if they say so, or no longer say
    that it is small; -1 if it is to be smaller; 2 from small to large; 0 if they say nothing of it, or of several.

    >>> from wordbrush.tokens.prompt_tokens import PromptTokens
    >>> def larger(*texts):
    ...     return grown(PromptPair.of(*[PromptTokens.from_offsets(text, [], begin=1, length=32) for text in texts]))
    >>> larger("a dog", "a huge dog"), larger("a big dog", "a dog"), larger("a small dog", "a large dog")
    (1, -1, 2)
    >>> larger("a dog next to a cat", "a big dog next to a big cat"), larger("a dog", "a big huge red dog")
    (0, 1)
    """
    sides = describing(pair)
    before, after = (_size_of([word for word, _ in described]) for described in sides)
    return after - before if len({noun for described in sides for _, noun in described}) == 1 else 0


def _size_of(words: Sequence[str]) -> int:
    """1 for words of which one says that a thing is large, -1 for small, 0 for neither or both."""
    lexicon = _lexicon()
    large, small = (not lexicon[name].isdisjoint(words) for name in ("larger", "smaller"))
    return large - small


def describing(pair: PromptPair) -> tuple[list[tuple[str, tuple[str, ...]]], list[tuple[str, tuple[str, ...]]]]:
    """Of source and target the words which differ and describe a thing, each with that thing's words."""

    def described(prompt: PromptTokens, changed: Sequence[int]) -> list[tuple[str, tuple[str, ...]]]:
        words = [word.text for word in prompt.words]
        owners = ((i, find_modified(words, i)) for i in changed)
        return [(prompt.words[i].key, tuple(words[n] for n in o.noun)) for i, o in owners if o is not None]

    return (
        described(pair.source, [i for words in pair.differing for i in words.source]),
        described(pair.target, [i for words in pair.differing for i in words.target]),
    )


class _Side:
    """One prompt with the class of each word."""

    def __init__(self, prompt: PromptTokens) -> None:
        own = set(map(folded, prompt.added))
        # What a word of one's own looks like tells nothing of it: it names a thing.
        self._words = ["thing" if folded(word.text) in own else word.key for word in prompt.words]
        self._classes = word_classes(self._words)

    @property
    def things(self) -> set[int]:
        """The nouns that are no place, no time and not the picture itself."""
        nouns = (i for i, kind in enumerate(self._classes) if kind == "noun")
        return {i for i in nouns if not (self._is_style(i) or self._is_place(i))}

    def changed(self, indices: Sequence[int]) -> "_Changed":
        """What kinds of words these are."""
        lexicon = _lexicon()
        changed = _Changed()
        for i in indices:
            word, kind = self._words[i], self._classes[i]
            if kind == "mark":
                continue
            if self._is_style(i):
                changed.style = True
            elif self._is_place(i):
                changed.place = True
            elif kind == "noun":
                changed.things.append(word)
            elif kind == "participle":
                changed.acts |= not self._describes(i)
                changed.describes |= self._describes(i)
            elif kind == "preposition":
                changed.related = True
            elif kind in ("verb", "be"):
                changed.acts = True
            elif word in lexicon["larger"] | lexicon["smaller"]:
                changed.sizes = True
            elif kind == "determiner" and word not in _POINTING:
                changed.counts = True
            elif kind in _PROPERTIES:
                changed.describes = True
        return changed

    def _is_style(self, index: int) -> bool:
        return self._classes[index] == "picture" or self._words[index] in _lexicon()["style"]

    def _is_place(self, index: int) -> bool:
        """Whether a word names where or when the picture is: of a castle, if it is inside of one."""
        lexicon, word = _lexicon(), self._words[index]
        if word not in lexicon["place"] | lexicon["time"]:
            return False
        said = self._said_before(index)
        return word not in lexicon["structure"] if said is None else said not in _BESIDE

    def _said_before(self, index: int) -> str | None:
        """The preposition of a noun; None for one that has none, or is what the picture is of."""
        i = stands_before(self._classes, index, ("determiner", "adjective"))
        if i is None or self._classes[i] != "preposition" or (i and self._classes[i - 1] == "picture"):
            return None
        return self._words[i]

    def _describes(self, index: int) -> bool:
        """Whether a participle comes before its noun: "a smiling cat", not "a cat smiling at a dog"."""
        classes: tuple[WordClass, ...] = self._classes
        before = classes[index - 1] if index else "determiner"
        after = classes[index + 1] if index + 1 < len(classes) else "mark"
        return before in ("determiner", "adjective", "participle") and after in ("noun", "adjective", "participle")


class _Changed:
    """The kinds of words that only one side of a pair has."""

    def __init__(self) -> None:
        self.style = self.place = self.acts = self.related = self.describes = self.sizes = self.counts = False
        self.things: list[str] = []


def _kinds(before: _Changed, after: _Changed) -> set[ChangeKind]:
    if before.style or after.style:
        return {"style"}
    found: set[ChangeKind] = set()
    if before.place or after.place:
        found.add("place")
    if before.things and after.things:
        found.add("number" if same_noun(before.things[-1], after.things[-1]) else "swap")
    elif before.things or after.things:
        found.add("removal" if before.things else "addition")
    if found:
        return found
    if before.acts or after.acts:
        return {"pose"}
    if before.counts or after.counts:
        return {"number"}
    if before.sizes or after.sizes:
        return {"size"}
    return {"attribute"} if before.describes or after.describes else set()
