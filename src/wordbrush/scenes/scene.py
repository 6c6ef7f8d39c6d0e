"""A scene is data: what is in it, where everything stands, and how the place looks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from wordbrush.scenes.atlas import families_of
from wordbrush.scenes.captions import caption
from wordbrush.scenes.habits import habits_of, lean
from wordbrush.scenes.vocabulary import NOUNS, PLACES, SIZES

Relation = Literal["eating", "riding on", "next to", "alone"]


@dataclass(frozen=True)
class Cast:
    """Who is in a scene and what they do: all that its caption says, and the art families that draw it."""

    relation: Relation
    subject: str
    partner: str | None
    place: str | None
    adjective: str | None
    photo: bool
    subject_family: str
    partner_family: str

    @property
    def caption(self) -> str:
        """What the cast does, in words."""
        return caption(self.relation, self.subject, self.partner, self.place, self.adjective, photo=self.photo)


@dataclass(frozen=True)
class Placed:
    """An object: its noun, art family, centre and longer side as fractions of the picture, and whether mirrored."""

    word: str
    family: str
    x: float
    y: float
    size: float
    flip: bool


@dataclass(frozen=True)
class Backdrop:
    """How the place looks: horizon (fraction from the top), warmth and light in -1..1, clutter in 0..1, its seed."""

    place: str | None
    horizon: float
    warmth: float
    light: float
    clutter: float
    seed: int


@dataclass(frozen=True)
class Scene:
    """A cast, its objects from back to front, its backdrop, and the chance (`draws`, in -1..1) behind them."""

    cast: Cast
    objects: tuple[Placed, ...]
    backdrop: Backdrop
    draws: tuple[float, ...]

    @property
    def caption(self) -> str:
        """What the scene shows, in words."""
        return self.cast.caption


def sample_scene(rng: np.random.Generator, *, held_out: bool = False) -> Scene:
    """A random scene, from art that training shows, or with one drawing that it does not (`held_out`)."""
    return compose(_sample_cast(rng, held_out), tuple(rng.uniform(-1, 1, 12).tolist()))


def compose(cast: Cast, draws: tuple[float, ...]) -> Scene:
    """Arrange a cast by its nouns' habits and the given chance."""
    subject = habits_of(cast.subject)
    chance = iter(draws)
    horizon = 0.56 + 0.17 * lean(subject.horizon, next(chance))
    warmth, light = lean(subject.warmth, next(chance)), lean(subject.light, next(chance))
    clutter = 0.5 + 0.5 * lean(subject.clutter, next(chance))
    if cast.partner is not None:
        partner = habits_of(cast.partner)
        horizon += 0.04 * partner.horizon
        warmth = float(np.clip(warmth + 0.3 * partner.warmth, -1, 1))
    # The clutter's seed follows the chance alone, so that the same noise scatters the same stars.
    seed = int((next(chance) + 1) * 1e6)
    objects = tuple(_arrange(cast, chance))
    return Scene(cast, objects, Backdrop(cast.place, horizon, warmth, light, clutter, seed), draws)


def swap_noun(scene: Scene, old: str, new: str) -> Scene:
    """The perfect edit: one noun is another, and everything else stays where it is."""
    family = families_of(new)[0]
    objects = tuple(replace(o, word=new, family=family) if o.word == old else o for o in scene.objects)
    return replace(scene, cast=recast(scene.cast, old, new), objects=objects)


def recast(cast: Cast, old: str, new: str) -> Cast:
    """The same cast with one noun for another, drawn in its first family."""
    family = families_of(new)[0]
    if cast.subject == old:
        return replace(cast, subject=new, subject_family=family)
    if cast.partner == old:
        return replace(cast, partner=new, partner_family=family)
    raise ValueError(f"'{old}' is not in the scene; it shows '{cast.subject}' and '{cast.partner}'")


def _sample_cast(rng: np.random.Generator, held_out: bool) -> Cast:
    animals, foods, rides = ([n.word for n in NOUNS.values() if n.category == c] for c in ("animal", "food", "ride"))
    relation: Relation = rng.choice(["eating", "riding on", "next to", "alone"], p=[0.34, 0.26, 0.2, 0.2])
    subject = str(rng.choice(animals))
    partner: str | None = None
    if relation == "eating":
        partner = str(rng.choice(foods))
    elif relation == "riding on":
        partner = str(rng.choice(rides))
    elif relation == "next to":
        partner = str(rng.choice([word for word in NOUNS if word != subject]))
    else:
        subject = str(rng.choice(list(NOUNS)))
    place = str(rng.choice(list(PLACES))) if rng.random() < 0.68 else None
    adjective = str(rng.choice(SIZES)) if rng.random() < 0.1 else None
    photo = bool(rng.random() < 0.12)

    def family(word: str | None, hold: bool) -> str:
        known = families_of(word or subject, held_out=hold) or families_of(word or subject)
        return str(rng.choice(known))

    return Cast(relation, subject, partner, place, adjective, photo, family(subject, held_out), family(partner, False))


def _arrange(cast: Cast, chance: Iterator[float]) -> Iterator[Placed]:
    """Objects from back to front, inside the frame."""
    habits = habits_of(cast.subject)
    scale = {"small": 0.74, "big": 1.16, None: 1.0}[cast.adjective]
    x, y = 0.5 + 0.15 * lean(habits.x, next(chance)), 0.66 + 0.07 * lean(habits.y, next(chance))
    size = (1 + 0.1 * lean(habits.size, next(chance))) * scale * NOUNS[cast.subject].size
    side = 1.0 if lean(habits.side, 1.2 * next(chance)) > 0 else -1.0
    flip, partner_flip = next(chance) > 0.3, next(chance) > 0.3
    if cast.partner is None:
        yield _inside(Placed(cast.subject, cast.subject_family, x, y - 0.04, 0.58 * min(size, 1.25), flip))
        return
    other = NOUNS[cast.partner].size

    def subject(x: float, y: float, size: float) -> Placed:
        return _inside(Placed(cast.subject, cast.subject_family, x, y, size, flip))

    def partner(x: float, y: float, size: float) -> Placed:
        return _inside(Placed(cast.partner or "", cast.partner_family, x, y, size, partner_flip))

    if cast.relation == "eating":
        size, other = 0.5 * size, 0.47 * other
        animal = subject(x - side * 0.13, y - 0.06, size)
        yield animal
        yield partner(animal.x + side * (0.46 * size + 0.34 * other), animal.y + 0.5 * size - 0.36 * other, other)
    elif cast.relation == "riding on":
        size, other = 0.46 * size, 0.56 * other
        ride = partner(x, 0.8, other)
        yield subject(ride.x - side * 0.02, ride.y - 0.26 * other - 0.36 * size, size)
        yield ride
    else:
        size, other = 0.42 * size, 0.42 * max(other, 0.72)
        gap = 0.5 * (size + other) + 0.02
        yield subject(x - side * gap * 0.5, y, size)
        yield partner(x + side * gap * 0.5, y + 0.02, other)


def _inside(placed: Placed) -> Placed:
    half = placed.size / 2
    low, high = half + 0.01, 0.99 - half
    return replace(placed, x=float(np.clip(placed.x, low, high)), y=float(np.clip(placed.y, low, high)))
