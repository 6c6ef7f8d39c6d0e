"""A scene is data: what is in it, where everything is, and how the place looks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from wordbrush.scenes.atlas import Art, families_of
from wordbrush.scenes.captions import caption
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.habits import habits_of, lean, side_of, tint
from wordbrush.scenes.sample_cast import sample_cast
from wordbrush.scenes.vocabulary import COLOURS, EXPRESSIONS, NOUNS

NUM_DRAWS = 12
"""How many random numbers a scene needs."""
SIZE_FACTORS = {"small": 0.72, "big": 1.22}
"""The factor by which each size makes a thing smaller or larger."""


@dataclass(frozen=True)
class Placed:
    """An object: its noun and art family, its centre and longer side as fractions of the picture, whether it is
    mirrored, the colour it is painted in, and its facial expression.
    """

    word: str
    family: str
    x: float
    y: float
    size: float
    flip: bool
    colour: str | None = None
    face: str | None = None

    @property
    def drawing(self) -> str:
        """The name of its drawing in the atlas."""
        return f"{self.face} {self.word}" if self.face else self.word


@dataclass(frozen=True)
class Backdrop:
    """How the place looks: horizon (fraction from the top), warmth and light in -1..1, clutter in 0..1, the seed."""

    place: str | None
    season: str | None
    horizon: float
    warmth: float
    light: float
    clutter: float
    seed: int


@dataclass(frozen=True)
class Scene:
    """A cast, its objects from back to front, its backdrop, and the random numbers behind them (`draws`, in -1..1)."""

    cast: Cast
    objects: tuple[Placed, ...]
    backdrop: Backdrop
    draws: tuple[float, ...]

    @property
    def caption(self) -> str:
        """What the scene shows, in words."""
        return caption(self.cast)


def sample_scene(rng: np.random.Generator, art: Art = "model") -> Scene:
    """A random scene. In "new" art only its subject is new."""
    return compose(sample_cast(rng, art), tuple(rng.uniform(-1, 1, NUM_DRAWS).tolist()))


def compose(cast: Cast, draws: tuple[float, ...]) -> Scene:
    """Arrange a cast by its nouns' habits and the given random numbers."""
    subject = habits_of(cast.subject)
    chance = iter(draws)
    horizon = 0.56 + 0.18 * lean(subject.horizon, next(chance))
    warmth, light = tint(subject.warmth, next(chance)), tint(subject.light, next(chance))
    clutter = 0.5 + 0.5 * lean(subject.clutter, next(chance))
    if cast.partner is not None:
        partner = habits_of(cast.partner)
        horizon += 0.05 * partner.horizon
        warmth = float(np.clip(warmth + 0.1 * partner.warmth, -1, 1))
    # The clutter's seed depends only on chance, so the same noise scatters the same stars.
    seed = int((next(chance) + 1) * 1e6)
    objects = tuple(_arrange(cast, chance))
    return Scene(cast, objects, Backdrop(cast.place, cast.season, horizon, warmth, light, clutter, seed), draws)


def swap_noun(scene: Scene, old: str, new: str) -> Scene:
    """The perfect edit: one noun becomes another, and everything else stays in place."""
    family = families_of(new)[0]
    objects = tuple(replace(o, word=new, family=family, face=None) if o.word == old else o for o in scene.objects)
    return replace(scene, cast=recast(scene.cast, old, new), objects=objects)


def recast(cast: Cast, old: str, new: str) -> Cast:
    """The same cast with one noun replaced by another, drawn in its first family."""
    family = families_of(new)[0]
    if cast.subject == old:
        face = cast.subject_adjective in {adjective for _, adjective in EXPRESSIONS}
        adjective = None if face else cast.subject_adjective
        return replace(cast, subject=new, subject_family=family, subject_adjective=adjective)
    if cast.partner == old:
        return replace(cast, partner=new, partner_family=family)
    raise ValueError(f"'{old}' is not in the scene; it shows '{cast.subject}' and '{cast.partner}'")


def _arrange(cast: Cast, chance: Iterator[float]) -> Iterator[Placed]:
    """Objects from back to front, inside the frame."""
    habits = habits_of(cast.subject)
    x, y = 0.5 + 0.15 * lean(habits.x, next(chance)), 0.66 + 0.07 * lean(habits.y, next(chance))
    size = (1 + 0.1 * lean(habits.size, next(chance))) * _scale(cast.subject_adjective) * NOUNS[cast.subject].size
    side = side_of(habits.side, next(chance))
    flip, partner_flip = next(chance) > 0.3, next(chance) > 0.3

    def subject(x: float, y: float, size: float) -> Placed:
        return _inside(_painted(Placed(cast.subject, cast.subject_family, x, y, size, flip), cast.subject_adjective))

    def partner(x: float, y: float, size: float) -> Placed:
        placed = Placed(cast.partner or "", cast.partner_family, x, y, size, partner_flip)
        return _inside(_painted(placed, cast.partner_adjective))

    if cast.partner is None:
        if cast.count == 1:
            yield subject(x, y - 0.04, 0.6 * min(size, 1.3))
        else:
            yield from _group(subject, cast.count, x, y, size, side)
        return
    other = NOUNS[cast.partner].size * _scale(cast.partner_adjective)
    match cast.relation:
        case "eating":
            size, other = 0.52 * size, 0.54 * other
            animal = subject(x - side * 0.13, y - 0.06, size)
            yield animal
            yield partner(animal.x + side * (0.46 * size + 0.32 * other), animal.y + 0.5 * size - 0.36 * other, other)
        case "riding on":
            size, other = 0.46 * size, 0.58 * other
            ride = partner(x, 0.78, other)
            yield ride
            yield subject(ride.x - side * 0.03, ride.y - 0.16 * other - 0.42 * size, size)
        case "holding":
            size, other = 0.52 * size, 0.58 * other
            animal = subject(x - side * 0.12, y - 0.02, size)
            yield animal
            yield partner(animal.x + side * (0.42 * size + 0.25 * other), animal.y - 0.02 * (1 + side), other)
        case "wearing":
            size, other = 0.54 * size, 0.6 * other
            animal = subject(x, y + 0.06, size)
            yield animal
            yield partner(animal.x, animal.y - 0.46 * size - 0.26 * other, other)
        case "above":
            size, other = 0.42 * size, 0.46 * other
            below = partner(x - side * 0.08, 0.76, other)
            yield below
            yield subject(x + side * 0.08, below.y - 0.5 * (size + other) - 0.02, size)
        case "in front of":
            size, other = 0.44 * size, 0.56 * other
            behind = partner(x + side * 0.14, y - 0.16, other)
            yield behind
            yield subject(x - side * 0.16, behind.y + 0.5 * other - 0.3 * size, size)
        case _:
            size, other = 0.46 * size, 0.48 * max(other, 0.8)
            gap = 0.48 * (size + other)
            yield subject(x - side * gap * 0.5, y, size)
            yield partner(x + side * gap * 0.5, y + 0.02, other)


def _group(
    subject: Callable[[float, float, float], Placed], count: int, x: float, y: float, size: float, side: float
) -> Iterator[Placed]:
    """Two or three of a kind side by side, with the middle one of three in front."""
    size = (0.44 if count == 2 else 0.38) * min(size, 1.15)
    step = 0.96 * size if count == 2 else 0.8 * size
    first = x - step * (count - 1) / 2
    places = [(first + step * i, y + (0.1 * size * side if i % 2 else 0.0)) for i in range(count)]
    for px, py in sorted(places, key=lambda place: place[1]):
        yield subject(px, py, size)


def _scale(adjective: str | None) -> float:
    return SIZE_FACTORS.get(adjective or "", 1.0)


def _painted(placed: Placed, adjective: str | None) -> Placed:
    if adjective in COLOURS:
        return replace(placed, colour=adjective)
    return replace(placed, face=adjective) if (placed.word, adjective) in EXPRESSIONS else placed


def _inside(placed: Placed) -> Placed:
    half = min(placed.size, 0.96) / 2
    low, high = half + 0.01, 0.99 - half
    return replace(placed, size=2 * half, x=float(np.clip(placed.x, low, high)), y=float(np.clip(placed.y, low, high)))
