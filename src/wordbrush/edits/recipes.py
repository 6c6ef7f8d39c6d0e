"""Recipes: how each kind of change is made well, as data.

The published constants were found for another model and for all kinds of change at once. These were found by search on
half of the scenes benchmark (docs/decisions/0030-recipes.md).
"""

from dataclasses import dataclass, replace

from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.change_kind import ChangeKind, change_kind
from wordbrush.tokens.pair import PromptPair

_SAID: dict[ChangeKind, str] = {
    "swap": "swap of a thing",
    "addition": "added thing",
    "removal": "removed thing",
    "pose": "how things stand, or what they do",
    "attribute": "property, size or number",
    "place": "place, season or time",
    "style": "style of the picture",
    "mixed": "several changes",
    "weights": "weights alone",
}

IN_REGION = LocalBlend(maps="own", spread=True, threshold=0.15, least_difference=0.65)
"""The region of the changed words, by the target's own attention: a new shape may be larger than the old one. It is
wide, so that nothing of the old thing is left at its edge, and what the edit hardly changes in it stays the source's.
"""


@dataclass(frozen=True)
class Recipe:
    """Options of an edit that belong together: the fractions of the steps in which words keep the source's maps and in
    which self-attention is kept, and the region that may change.

    >>> print(Recipe("swap", 0.1, 0.25, IN_REGION))
    swap of a thing: words free after 10 % and layout free after 25 % of the steps; all but a region held
    """

    kind: ChangeKind
    cross_replace_steps: float
    self_replace_steps: float
    local_blend: LocalBlend | None

    def __str__(self) -> str:
        """What it does, in words."""
        windows = ((0.0, self.cross_replace_steps), (0.0, self.self_replace_steps))
        return describe_recipe(self.kind, *windows, held=self.local_blend is not None)


def describe_recipe(kind: ChangeKind, words: tuple[float, float], layout: tuple[float, float], *, held: bool) -> str:
    """The kind of change that was found, and how it is made: the windows of words and of self-attention, and whether
    everything outside of a region is held.
    """
    after = " and ".join(
        f"{what} free after {window[1] * 100:.0f} %" for what, window in (("words", words), ("layout", layout))
    )
    return f"{_SAID[kind]}: {after} of the steps; {'all but a region held' if held else 'no region held'}"


def _recipes(*rows: Recipe) -> dict[ChangeKind, Recipe]:
    return {row.kind: row for row in rows}


GENERATED = _recipes(
    Recipe("swap", 0.1, 0.25, IN_REGION),
    Recipe("addition", 0.1, 0.25, IN_REGION),
    Recipe("removal", 0.1, 0.25, IN_REGION),
    Recipe("pose", 0.1, 0.25, IN_REGION),
    Recipe("attribute", 0.1, 0.25, IN_REGION),
    Recipe("place", 0.4, 0.25, None),
    Recipe("style", 0.4, 0.25, None),
    Recipe("mixed", 0.1, 0.25, IN_REGION),
    Recipe("weights", 0.8, 0.4, None),
)
"""For a picture that the model drew."""

PHOTOGRAPH = GENERATED
"""For a photograph that was inverted."""


def recipe_for(pair: PromptPair, num_steps: int, *, photograph: bool) -> Recipe:
    """The recipe for what two prompts ask for. The layout is held for at least one step, however few there are."""
    recipe = (PHOTOGRAPH if photograph else GENERATED)[change_kind(pair)]
    return replace(recipe, self_replace_steps=max(recipe.self_replace_steps, 1 / num_steps))
