"""Recipes: how each kind of change is made well, as data.

The published constants were found for another model and for all kinds of change at once. These were found by search on
a part of the scenes benchmark, of a U-Net (docs/decisions/0030-recipes.md, 0071-recipes-for-the-sixth-model.md and
0080-swaps.md) and of a transformer of joint attention (docs/decisions/0058-recipes-of-joint-attention.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from wordbrush.edits.blend import AUTO, LocalBlend
from wordbrush.edits.change_kind import ChangeKind, change_kind, described_things, grown, kept_things
from wordbrush.edits.colours import painted
from wordbrush.edits.counts import recounted
from wordbrush.edits.relations import rearranged
from wordbrush.edits.window import DEFAULT
from wordbrush.tokens.pair import PromptPair

_SAID: dict[ChangeKind, str] = {
    "swap": "swap of a thing",
    "own": "swap for a word of your own",
    "addition": "added thing",
    "removal": "removed thing",
    "pose": "how things stand, or what they do",
    "attribute": "property of a thing",
    "size": "how large a thing is",
    "number": "how many there are",
    "place": "place, season or time",
    "style": "style of the picture",
    "mixed": "several changes",
    "scene": "several changes, one of them of the place",
    "weights": "weights alone",
}

HELD = LocalBlend(maps="own", spread=True, hold_pixels=True, least_pixel_difference=0.3)
"""What all regions of recipes share: a thing's shape, and the source's own pixels wherever the edit did not show."""
IN_REGION = replace(HELD, threshold=0.15, least_difference=0.65)
"""The region of the changed words, by the target's own attention: a new shape may be larger than the old one. It is
wide, so that nothing of the old thing is left at its edge, and what the edit hardly changes in it stays the source's.
Outside, pixels are the source's too, as a photograph's always are: a decoder mixes neighbours.
"""
NARROWER = replace(IN_REGION, threshold=0.3, least_pixel_difference=0.4)
"""The same where no old thing's edge can be left over: nothing was there, its shape stays, or its place is filled."""
EMPTIED = replace(NARROWER, subtract_threshold=0.5, fill_steps=0.8)
"""The same for a thing that is taken away: its place is filled from its surroundings, and things that stay keep
theirs. Left to the prompt, the place would become another of the things that the prompt still names.
"""
WITHIN = replace(NARROWER, threshold=0.13, outlined=True, pool=1)
"""`NARROWER` for a thing that keeps its shape: no wider than its outline."""
PAINTED = replace(WITHIN, fill_steps=0.5)
"""The same for a thing that is given a colour, which it shows first: from black, a model hardly comes to white."""
SWAPPED = replace(IN_REGION, least_difference=0.4, apart=True)
"""`IN_REGION` for a thing that takes little of the old one's shape: more of it changes, and nothing of what stays."""
ALL_IN_REGION = replace(IN_REGION, least_difference=0.3)
"""`IN_REGION` for a thing that takes nothing of the old one's shape."""
EACH_IN_REGION = replace(ALL_IN_REGION, apart=True, outlined=True)
"""`ALL_IN_REGION` for several things, each in a region of its own: what is looked at much would hide the others."""
AROUND = replace(HELD, words=(), subtract_threshold=0.35)
"""All but the region of things that stay, whose words are subtracted."""
AROUND_OUTLINES = replace(AROUND, subtract_threshold=0.17, outlined=True)
"""The same to their outlines."""
AROUND_ALL = replace(AROUND_OUTLINES, parted=0.5)
"""The same where no thing goes, whose pixels would be those of one that stays."""
REDRAWN = replace(IN_REGION, subtract_threshold=0.15, outlined=True, parted=0.5, fill_steps=0.6)
"""`IN_REGION` for a thing that becomes larger or smaller: its place shows the source's thing in its new size first.
Left to the prompt, it hardly grows.
"""
RECOUNTED = replace(REDRAWN, fill_steps=0.8)
"""The same for things that become more or fewer, which a model left alone would make as many as they were."""
MOVED = replace(REDRAWN, parted=0.0, least_difference=0.3)
"""The same for a thing that stands otherwise to another, which is moved there; more of its old place changes."""
LARGER = 1.3
"""How many times as long a thing is that becomes large, or is small no longer."""

WhoseRegion = Literal["changed", "beside", "described", "painted", "rescaled", "counted", "rearranged", "kept"]
"""Which words a recipe's region is of: those that change; the same without the things that both prompts name; the
things that changed words describe; the same where one of them is drawn in the colour or in the size that it is to
have; the thing that is drawn in another number; the one of two things that is drawn elsewhere; or the things that both
prompts name.
"""


@dataclass(frozen=True)
class Recipe:
    """Options of an edit that belong together: the fractions of the steps in which words keep the source's maps and in
    which self-attention is kept, the region that may change, and whose it is. `changed_words` are the target's words
    that the source has not; they are freed after `changed_steps`. `things` are those that both prompts name; they are
    freed after `things_steps`, if that is said. All other words, and marks, are freed after `kept_steps`.

    >>> print(Recipe("swap", 0.8, 0.4, 0.25, IN_REGION, changed_words=("cat",)))
    swap of a thing: 'cat' free after 40 %, others after 80 %, layout after 25 % of the steps; all but a region held
    >>> print(Recipe("swap", 0.1, 0.1, 0.25, None, things_steps=0.8, things=("apple",)))
    swap of a thing: 'apple' free after 80 %, others after 10 %, layout after 25 % of the steps; no region held
    """

    kind: ChangeKind
    kept_steps: float
    changed_steps: float
    self_replace_steps: float
    local_blend: LocalBlend | None
    whose: WhoseRegion = "changed"
    things_steps: float | None = None
    changed_words: tuple[str, ...] = ()
    things: tuple[str, ...] = ()

    @property
    def cross_replace_steps(self) -> Mapping[str, float]:
        """The windows of words, as an edit takes them."""
        things = {} if self.things_steps is None else dict.fromkeys(self.things, self.things_steps)
        return {**things, **dict.fromkeys(self.changed_words, self.changed_steps), DEFAULT: self.kept_steps}

    def __str__(self) -> str:
        """What it does, in words."""
        windows = {word: (0.0, end) for word, end in self.cross_replace_steps.items()}
        return describe_recipe(self.kind, windows, (0.0, self.self_replace_steps), self.local_blend)


def describe_recipe(
    kind: ChangeKind,
    words: Mapping[str, tuple[float, float]],
    layout: tuple[float, float],
    region: LocalBlend | None,
) -> str:
    """The kind of change that was found, and how it is made: the windows of words and of self-attention, whether
    everything outside of a region is held, and what that shows first, and how long. With no `words`, their
    maps are their own.
    """
    named: dict[float, list[str]] = {}
    for word, (_, end) in words.items():
        if word != DEFAULT and end != words[DEFAULT][1]:
            named.setdefault(end, []).append(f"'{word}'")
    others = "others" if named else "words"
    ends = [*((", ".join(those), end) for end, those in named.items())]
    ends += [(others, words[DEFAULT][1])] if words else []
    ends.append(("layout", layout[1]))
    said = [f"{what} {'' if i else 'free '}after {end * 100:.0f} %" for i, (what, end) in enumerate(ends)]
    held = "no region held" if region is None else "all but a region held"
    if region is not None and region.fill_steps:
        held += f", which shows {_filled(region)} for {region.fill_steps * 100:.0f} %"
    return f"{_SAID[kind]}: {', '.join(said)} of the steps; {held}"


def _filled(region: LocalBlend) -> str:
    if region.fill_counts is not None:
        return "{1} of the thing instead of {0}".format(*region.fill_counts)
    if region.fill_relation is not None:
        return f"the thing {region.fill_relation} the other"
    if region.fill_colour is not None:
        return "the thing in rgb({}, {}, {})".format(*region.fill_colour)
    return f"the thing {region.fill_scale:g} x as long" if region.fill_scale else "its surroundings"


def _recipes(*rows: Recipe) -> dict[ChangeKind, Recipe]:
    return {row.kind: row for row in rows}


GENERATED = _recipes(
    Recipe("swap", 0.15, 0.15, 0.15, SWAPPED, "beside", things_steps=0.8),
    Recipe("own", 0.2, 0.0, 0.0, ALL_IN_REGION),
    Recipe("addition", 0.1, 0.1, 0.25, IN_REGION),
    Recipe("removal", 0.4, 0.4, 0.1, EMPTIED, "beside"),
    Recipe("pose", 0.1, 0.1, 0.1, MOVED, "rearranged"),
    Recipe("attribute", 0.4, 0.1, 0.4, PAINTED, "painted"),
    Recipe("size", 0.1, 0.1, 0.25, REDRAWN, "rescaled"),
    Recipe("number", 0.1, 0.1, 0.25, RECOUNTED, "counted"),
    Recipe("place", 0.1, 0.1, 0.4, AROUND_ALL, "kept"),
    Recipe("style", 0.4, 0.4, 0.25, None),
    Recipe("mixed", 0.4, 0.1, 0.1, EACH_IN_REGION),
    Recipe("scene", 0.4, 0.1, 0.1, AROUND_OUTLINES, "kept"),
    Recipe("weights", 0.8, 0.8, 0.4, None),
)
"""For a picture that the model drew. Where a thing stays that a kept word names, that word holds it in its place. In
swaps no other does after the first steps: marks, articles and the ends of the prompt carry the old thing's shape.

A word of one's own is free from the first step, and layout held for one alone: a model knows such a word from a few
pictures, and takes an old thing's outline for the thing that its word began as. Words that stay place their things in
the first steps; held for longer, they colour the new one.
"""


def _closer(recipe: Recipe) -> Recipe:
    """The same, of which less shows that differs little from the source."""
    region = recipe.local_blend
    assert region is not None  # without a region nothing is held
    return replace(recipe, local_blend=replace(region, least_pixel_difference=1.25 * region.least_pixel_difference))


PHOTOGRAPH = GENERATED | _recipes(
    _closer(Recipe("swap", 0.8, 0.4, 0.25, IN_REGION)),
    _closer(Recipe("addition", 0.1, 0.1, 0.25, NARROWER)),
    Recipe("pose", 0.1, 0.1, 0.25, MOVED, "rearranged"),
    _closer(GENERATED["size"]),
    _closer(GENERATED["number"]),
    _closer(Recipe("mixed", 0.8, 0.1, 0.1, EACH_IN_REGION)),
    _closer(GENERATED["place"]),
    _closer(Recipe("scene", 0.8, 0.1, 0.1, AROUND_OUTLINES, "kept")),
)
"""For a photograph that was inverted: more of its layout is held, and less of an edit shows that hardly differs from
it, as what its edits lose is mostly its background. Not where a thing is taken away or moved, whose edge would be seen
again.
"""

WHOLE_REGION = replace(IN_REGION, least_difference=0.0)
"""All of the region: where a thing is taken away, or two are changed, a part may differ little from what it was."""

JOINT = _recipes(
    Recipe("swap", 1.0, 1.0, 0.2, WHOLE_REGION),
    Recipe("own", 1.0, 1.0, 0.0, WHOLE_REGION),
    Recipe("addition", 1.0, 1.0, 0.2, IN_REGION),
    Recipe("removal", 1.0, 1.0, 0.2, WHOLE_REGION),
    Recipe("pose", 1.0, 1.0, 0.2, MOVED, "rearranged"),
    Recipe("attribute", 1.0, 1.0, 0.4, NARROWER, "described"),
    Recipe("size", 1.0, 1.0, 0.2, REDRAWN, "rescaled"),
    Recipe("number", 1.0, 1.0, 0.2, RECOUNTED, "counted"),
    Recipe("place", 1.0, 1.0, 0.2, AROUND_ALL, "kept"),
    Recipe("style", 1.0, 1.0, 0.2, None),
    Recipe("mixed", 1.0, 1.0, 0.2, WHOLE_REGION),
    Recipe("scene", 1.0, 1.0, 0.2, AROUND, "kept"),
    Recipe("weights", 1.0, 1.0, 0.2, None),
)
"""For a picture, drawn or inverted, of a model whose text and picture share an axis. Words' maps are their own there:
their window is that of more attention to new ones, every step.
"""


def recipe_for(pair: PromptPair, num_steps: int, *, photograph: bool, joint: bool = False) -> Recipe:
    """The recipe for what two prompts ask for, of a model whose text and picture share an axis (`joint`) or do not.

    The layout is held for at least one step, however few there are.
    """
    recipe = (JOINT if joint else PHOTOGRAPH if photograph else GENERATED)[change_kind(pair)]
    region = recipe.local_blend
    return replace(
        recipe,
        self_replace_steps=max(recipe.self_replace_steps, 1 / num_steps),
        local_blend=None if region is None else _NAMED[recipe.whose](region, pair),
        changed_words=() if recipe.changed_steps == recipe.kept_steps else changed_words(pair),
        things=() if recipe.things_steps is None else kept_things(pair),
    )


def _described(region: LocalBlend, pair: PromptPair) -> LocalBlend:
    return replace(region, words=described_things(pair) or (AUTO,))


def _beside(region: LocalBlend, pair: PromptPair) -> LocalBlend:
    return replace(region, subtract_words=kept_things(pair))


def _kept(region: LocalBlend, pair: PromptPair) -> LocalBlend | None:
    """Around such things where the region names no words: then everything may change if there are none."""
    words = kept_things(pair)
    if region.names_words:
        return replace(region, words=words or (AUTO,))
    return replace(region, subtract_words=words) if words else None


def _painted(region: LocalBlend, pair: PromptPair) -> LocalBlend:
    """Without a colour where the prompts give none, or more than that."""
    paint = painted(pair)
    if paint is None:
        return _described(WITHIN, pair)
    return replace(region, words=paint.words, fill_colour=paint.colour)


def _rescaled(region: LocalBlend, pair: PromptPair) -> LocalBlend:
    """Without a size where the prompts give none, or give one to several things."""
    words, change = described_things(pair), grown(pair)
    if not words or not change:
        return _described(IN_REGION, pair)
    return replace(region, words=words, subtract_words=_others(pair, words), fill_scale=LARGER**change)


def _counted(region: LocalBlend, pair: PromptPair) -> LocalBlend:
    """Of the changed words, without a number, where the prompts do not give one to one thing."""
    counted = recounted(pair)
    if counted is None:
        return IN_REGION
    counts, others = (counted.before, counted.after), _others(pair, counted.words)
    return replace(region, words=counted.words, subtract_words=others, fill_counts=counts)


def _rearranged(region: LocalBlend, pair: PromptPair) -> LocalBlend | None:
    """Of all things that stay, which the prompt is to place, where it is not known how two of them are to stand."""
    moved = rearranged(pair)
    if moved is None:
        return _kept(IN_REGION, pair)
    return replace(region, words=moved.moving, subtract_words=moved.staying, fill_relation=moved.relation)


def _others(pair: PromptPair, words: Sequence[str]) -> tuple[str, ...]:
    """The words of things that stay beside these."""
    return tuple(word for word in kept_things(pair) if word not in words)


_NAMED: dict[WhoseRegion, Callable[[LocalBlend, PromptPair], LocalBlend | None]] = {
    "changed": lambda region, pair: region,
    "beside": _beside,
    "described": _described,
    "painted": _painted,
    "rescaled": _rescaled,
    "counted": _counted,
    "rearranged": _rearranged,
    "kept": _kept,
}
"""A recipe's region with the words that it is of in two prompts; None where everything may change."""


def changed_words(pair: PromptPair) -> tuple[str, ...]:
    """The target's words that the source has not; without those that no token is of."""
    changed = (word for words in pair.differing for word in words.target)
    return tuple(pair.target.selector(word) for word in changed if pair.target.positions[word])
