"""Random changes of random scenes, kind by kind: a scene, the same with one thing changed, and what to look for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from wordbrush.scenes.atlas import families_of
from wordbrush.scenes.captions import called
from wordbrush.scenes.cast import Cast, Relation
from wordbrush.scenes.changes import (
    alike,
    in_style_of,
    moved_to,
    one_fewer,
    rearranged,
    recoloured,
    resized,
    sayable,
    with_face,
    without_partner,
)
from wordbrush.scenes.sample_cast import PAINTABLE, sample_cast
from wordbrush.scenes.scene import NUM_DRAWS, Scene, compose, swap_noun
from wordbrush.scenes.vocabulary import COLOURS, EXPRESSIONS, NOUNS, PLACES, SIZES, STYLES, WORN
from wordbrush_bench.case import Expected


@dataclass(frozen=True)
class Change:
    """A source scene and its perfect edit, the words that the edit is about in either caption, the nouns whose pixels
    it may touch, and whether it touches the place or everything.
    """

    source: Scene
    target: Scene
    source_words: tuple[str, ...]
    target_words: tuple[str, ...]
    touched: tuple[str, ...]
    expected: Expected
    place: bool = False
    everything: bool = False


def changes(kind: str, seed: int) -> Iterator[Change]:
    """An endless stream of changes of a kind, the same for the same seed."""
    rng = np.random.default_rng((seed, list(MAKERS).index(kind)))
    while True:
        change = MAKERS[kind](rng)
        if change is not None:
            yield change


def _mixed(rng: np.random.Generator) -> Change | None:
    """Two changes at once: a noun and the place, or both nouns."""
    scene = _scene(rng, partner=True, place=True)
    first = _swapped(rng, scene, scene.cast.subject)
    if first is None:
        return None
    if rng.random() < 0.5:
        place = _other(rng, tuple(PLACES), scene.cast.place)
        target = moved_to(first.target, place)
        return replace(
            first,
            target=target,
            source_words=(*first.source_words, _place_word(scene.cast)),
            target_words=(*first.target_words, _place_word(target.cast)),
            expected=replace(first.expected, place=place),
            place=True,
        )
    assert scene.cast.partner is not None
    second = _swapped(rng, first.target, scene.cast.partner)
    if second is None:
        return None
    return Change(
        scene,
        second.target,
        (*first.source_words, *second.source_words),
        (*first.target_words, *second.target_words),
        (*first.touched, *second.touched),
        Expected(
            before=scene.cast.nouns,
            focus=second.target.cast.nouns,
            absent=tuple(noun for noun in scene.cast.nouns if noun not in second.target.cast.nouns),
        ),
    )


def _object(rng: np.random.Generator) -> Change | None:
    scene = _scene(rng)
    return _swapped(rng, scene, str(rng.choice(scene.cast.nouns)))


def _addition(rng: np.random.Generator) -> Change | None:
    removal = _removal(rng)
    if removal is None:
        return None
    expected = Expected(before=removal.target.cast.nouns, focus=removal.touched, kept=(removal.source.cast.subject,))
    return Change(removal.target, removal.source, (), removal.source_words, removal.touched, expected)


def _removal(rng: np.random.Generator) -> Change | None:
    scene = _scene(rng, partner=True)
    if scene.cast.partner is None or scene.cast.relation in ("riding on", "above"):
        return None  # what is left would hang in the air
    gone = (scene.cast.partner,)
    expected = Expected(before=scene.cast.nouns, absent=gone, kept=(scene.cast.subject,))
    return Change(scene, without_partner(scene), gone, (), gone, expected)


def _content(rng: np.random.Generator) -> Change | None:
    """A size, a number or a face."""
    what = rng.random()
    if what < 0.45:
        scene = _scene(rng)
        noun, size = str(rng.choice(scene.cast.nouns)), str(rng.choice(SIZES))
        if scene.cast.count > 1:
            return None
        kept = tuple(other for other in scene.cast.nouns if other != noun)
        expected = _sized(Expected(scene.cast.nouns, (noun,), (), kept), noun, grown=size == "big")
        return Change(scene, resized(scene, noun, size), (noun,), (noun,), (noun,), expected)
    if what < 0.8:
        scene = _scene(rng, partner=False)
        cast = replace(scene.cast, count=int(rng.integers(2, 4)))
        if not sayable(cast):
            return None
        more = compose(cast, scene.draws)
        fewer = one_fewer(more)
        noun, adding = cast.subject, rng.random() < 0.5
        source, target = (fewer, more) if adding else (more, fewer)
        expected = _sized(Expected((noun,), (noun,)), noun, grown=adding)
        words = [(called(side.cast, noun),) for side in (source, target)]
        return Change(source, target, words[0], words[1], (), expected)
    before, after = (str(face) for face in rng.permutation([face for _, face in EXPRESSIONS])[:2])
    scene = _scene(rng, partner=bool(rng.random() < 0.5))
    if scene.cast.partner == "cat" or scene.cast.relation == "above":
        return None
    cast = replace(scene.cast, subject="cat", subject_family=families_of("cat")[0], count=1)
    scene = compose(cast, scene.draws)
    kept = tuple(other for other in scene.cast.nouns if other != "cat")
    expected = Expected(scene.cast.nouns, ("cat",), (), kept, unseen="the judge does not tell faces")
    sides = [with_face(scene, "cat", face) for face in (before, after)]
    return Change(sides[0], sides[1], ("cat",), ("cat",), ("cat",), expected)


def _pose(rng: np.random.Generator) -> Change | None:
    """How two things stand to each other: beside, riding, wearing, in both directions."""
    scene = _scene(rng, partner=True)
    relation: Relation = "wearing" if rng.random() < 0.4 else "riding on"
    choices = WORN if relation == "wearing" else tuple(n.word for n in NOUNS.values() if n.category == "ride")
    partner = str(rng.choice(choices))
    if NOUNS[scene.cast.subject].category != "animal":
        return None
    cast = replace(
        scene.cast, relation="next to", partner=partner, partner_family=families_of(partner)[0], partner_adjective=None
    )
    beside = compose(cast, scene.draws)
    stacked = rearranged(beside, relation)
    back = rng.random() < 0.5
    source, target = (stacked, beside) if back else (beside, stacked)
    moving = partner if relation == "wearing" else cast.subject
    expected = Expected(cast.nouns, cast.nouns, arranged=(cast.subject, partner, "beside" if back else "stacked"))
    return Change(source, target, (moving,), (moving,), (moving,), expected)


def _colour(rng: np.random.Generator) -> Change | None:
    scene = _scene(rng)
    nouns = [noun for noun in scene.cast.nouns if noun in PAINTABLE]
    if not nouns or scene.cast.count > 1:
        return None
    noun = str(rng.choice(nouns))
    before, after = (str(colour) for colour in rng.permutation(list(COLOURS))[:2])
    source = recoloured(scene, noun, before)
    kept = tuple(other for other in scene.cast.nouns if other != noun)
    expected = Expected(scene.cast.nouns, (noun,), (), kept, colour=(noun, after))
    return Change(source, recoloured(scene, noun, after), (noun,), (noun,), (noun,), expected)


def _background(rng: np.random.Generator) -> Change | None:
    scene = _scene(rng, place=True)
    place = _other(rng, tuple(PLACES), scene.cast.place)
    target = moved_to(scene, place)
    expected = Expected(scene.cast.nouns, kept=scene.cast.nouns, place=place)
    words = [(_place_word(side.cast),) for side in (scene, target)]
    return Change(scene, target, words[0], words[1], (), expected, place=True)


def _style(rng: np.random.Generator) -> Change | None:
    scene, style = _scene(rng), str(rng.choice(list(STYLES)))
    expected = Expected(scene.cast.nouns, kept=scene.cast.nouns, style=style)
    return Change(scene, in_style_of(scene, style), (), (), (), expected, everything=True)


MAKERS: dict[str, Callable[[np.random.Generator], Change | None]] = {
    "mixed": _mixed,
    "change-object": _object,
    "add-object": _addition,
    "delete-object": _removal,
    "change-content": _content,
    "change-pose": _pose,
    "change-colour": _colour,
    "change-background": _background,
    "change-style": _style,
}
"""Who makes a change of each kind; None where chance gave a scene that has none to make."""


def _scene(rng: np.random.Generator, *, partner: bool | None = None, place: bool = False) -> Scene:
    """A scene in the plain form of words, its things in their own colours and sizes, with a partner or place if
    asked.
    """
    while True:
        drawn = sample_cast(rng)
        cast = replace(
            drawn, subject_adjective=None, partner_adjective=None, season=None, style=None, wording=frozenset()
        )
        draws = tuple(rng.uniform(-1, 1, NUM_DRAWS).tolist())
        if partner in (None, cast.partner is not None) and (cast.place is not None or not place):
            return compose(cast, draws)


def _sized(expected: Expected, noun: str, *, grown: bool) -> Expected:
    return replace(expected, grown=noun) if grown else replace(expected, shrunk=noun)


def _swapped(rng: np.random.Generator, scene: Scene, old: str) -> Change | None:
    new = str(rng.choice(alike(scene.cast, old)))
    target = swap_noun(scene, old, new)
    if not sayable(target.cast):
        return None
    kept = tuple(noun for noun in scene.cast.nouns if noun != old)
    expected = Expected(scene.cast.nouns, (new,), (old,), kept)
    return Change(scene, target, (called(scene.cast, old),), (called(target.cast, new),), (old, new), expected)


def _other(rng: np.random.Generator, choices: tuple[str, ...], than: str | None) -> str:
    return str(rng.choice([choice for choice in choices if choice != than]))


def _place_word(cast: Cast) -> str:
    assert cast.place is not None
    return PLACES[cast.place].split()[-1]
