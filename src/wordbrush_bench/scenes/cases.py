"""The fixed set of cases: forty of each kind, each on a source that the model draws and on one that is rendered."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

import numpy as np
from PIL import Image

from wordbrush.errors import SettingsError
from wordbrush.scenes.render import render
from wordbrush_bench.case import KINDS, Case, Material, Origin
from wordbrush_bench.scenes.changes import MAKERS, Change, changes

SEED = 2027
"""Of the whole set."""

PER_KIND = 40
ORIGINS: tuple[Origin, ...] = ("generated", "photograph")

NOT_SHOWN = {"change-material": "no caption of these scenes says what a thing is made of"}
"""Kinds of PIE-Bench that scenes cannot show, and why."""


def scene_cases(limit: int | None = None, kinds: Sequence[str] | None = None, skip: int = 0) -> list[Case]:
    """The cases, at most `limit` of a kind on each origin behind the first `skip`, those of all kinds in turn.

    Settings that were found on the first cases of each kind are to be measured on others.

    A photograph is the rendered scene; its mask and its perfect edit are exact. A generated source is drawn by the
    model from the same caption, with the case's number as seed: what it shows is not known, so it has neither, and
    meters that need them judge the source or leave a gap.

    Raises `SettingsError` for a kind that is not there, naming those that are, and where no case is left.

    >>> cases = scene_cases(limit=1, kinds=["change-object"])
    >>> [case.id for case in cases]
    ['change-object-01-generated', 'change-object-01-photograph']
    >>> len(scene_cases())
    720
    """
    chosen = list(MAKERS) if kinds is None else [kind for kind in MAKERS if kind in kinds]
    for kind in kinds or ():
        if kind not in MAKERS:
            raise SettingsError(f"kind '{kind:.40}' {_why_not(kind)}; give some of {', '.join(MAKERS)}")
    if limit is not None and limit < 1:
        raise SettingsError(f"limit is {limit}; give 1 or more")
    if not 0 <= skip < PER_KIND:
        raise SettingsError(f"skip is {skip}, and there are {PER_KIND} cases of each kind; give 0 to {PER_KIND - 1}")
    stop = PER_KIND if limit is None else min(skip + limit, PER_KIND)
    streams = {kind: list(islice(_visible(kind), stop)) for kind in chosen}
    return [
        _case(kind, number, origin, streams[kind][number])
        for number in range(skip, stop)
        for kind in chosen
        for origin in ORIGINS
    ]


def _why_not(kind: str) -> str:
    return f"has no cases here: {NOT_SHOWN[kind]}" if kind in NOT_SHOWN else "is unknown"


def _case(kind: str, number: int, origin: Origin, change: Change) -> Case:
    return Case(
        id=f"{kind}-{number + 1:02d}-{origin}",
        kind=kind,
        origin=origin,
        source_prompt=change.source.caption,
        target_prompt=change.target.caption,
        source_words=change.source_words,
        target_words=change.target_words,
        seed=100 * KINDS[kind] + number,
        material=Material if origin == "generated" else partial(drawn, change),
        expected=change.expected,
    )


def drawn(change: Change) -> Material:
    """The rendered source, the perfect edit, and the pixels between them that may change.

    The mask is where the two renderings differ, with all pixels that show what the edit touches in either of them.
    """
    (before, shown_before), (after, shown_after) = render(change.source), render(change.target)
    mask = (before != after).any(-1)
    for noun in change.touched:
        for shown in (shown_before, shown_after):
            if noun in shown:
                mask |= shown[noun]
    if change.place:
        mask |= ~np.logical_or.reduce([*shown_before.values(), *shown_after.values()])
    if change.everything:
        mask[:] = True
    return Material(Image.fromarray(before), mask, Image.fromarray(after), shown_after)


SMALLEST = 0.01
"""A case is one to look at only if its mask covers this share of the picture, and each thing shown half of that."""


def _visible(kind: str) -> Iterator[Change]:
    """Changes that can be seen: nothing that matters is hidden or tiny, and the captions differ."""
    said = set()
    for change in changes(kind, SEED):
        captions = (change.source.caption, change.target.caption)
        if captions[0] == captions[1] or captions in said or drawn(change).mask.mean() < SMALLEST:  # type: ignore[union-attr]
            continue
        if all(
            mask.mean() >= SMALLEST / 2
            for scene in (change.source, change.target)
            for mask in render(scene)[1].values()
        ):
            said.add(captions)
            yield change
