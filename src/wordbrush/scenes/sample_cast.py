"""Random casts: what scenes may show, and how often."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from wordbrush.scenes.atlas import Art, families_of
from wordbrush.scenes.cast import Cast, Relation, Wording
from wordbrush.scenes.vocabulary import (
    BUILDINGS,
    COLOURS,
    EXPRESSIONS,
    FLYING,
    HELD,
    NOUNS,
    NUMBERS,
    PLACES,
    SEASONAL,
    SEASONS,
    SIZES,
    STYLES,
    WORN,
    Category,
)

_T = TypeVar("_T")

_RELATIONS: dict[Relation, float] = {
    "alone": 0.26,
    "eating": 0.24,
    "riding on": 0.16,
    "next to": 0.13,
    "holding": 0.08,
    "in front of": 0.06,
    "above": 0.04,
    "wearing": 0.03,
}
PAINTABLE = frozenset(
    "bicycle car scooter bus train boat rocket tractor house castle balloon umbrella guitar drum trumpet book gift "
    "chair clock hat rose robot cake tent kite skateboard ball".split()
)
"""Nouns that captions give a colour."""
_WORDINGS: dict[Wording, float] = {
    "the": 0.06,
    "is": 0.15,
    "place first": 0.08,
    "with": 0.25,
    "and": 0.2,
    "picture": 0.04,
}


def sample_cast(rng: np.random.Generator, art: Art = "model") -> Cast:
    """A random cast. In "new" art only its subject is new, and only if there is a new drawing of it."""
    relation = _pick(rng, tuple(_RELATIONS), tuple(_RELATIONS.values()))
    subject, partner = _who(rng, relation)
    place = _pick(rng, tuple(PLACES)) if rng.random() < 0.7 else None
    season = _pick(rng, SEASONS) if place in SEASONAL and rng.random() < 0.5 else None
    count = 1
    if relation == "alone" and NOUNS[subject].plural and rng.random() < 0.35:
        count = _pick(rng, tuple(NUMBERS))
    return Cast(
        relation,
        subject,
        _family(rng, subject, art),
        partner,
        _family(rng, partner, "judge" if art == "new" else art) if partner else "",
        place,
        season,
        _adjective(rng, subject),
        _adjective(rng, partner) if partner else None,
        count,
        _pick(rng, tuple(STYLES)) if rng.random() < 0.25 else None,
        frozenset(wording for wording, share in _WORDINGS.items() if rng.random() < share),
    )


def _who(rng: np.random.Generator, relation: Relation) -> tuple[str, str | None]:
    animal = _pick(rng, _of("animal"))
    match relation:
        case "eating":
            return animal, _pick(rng, _of("food"))
        case "riding on":
            return animal, _pick(rng, _of("ride"))
        case "holding":
            return animal, _pick(rng, HELD)
        case "wearing":
            return animal, _pick(rng, WORN)
        case "above":
            return _pick(rng, FLYING), animal
        case "in front of":
            return animal, _pick(rng, BUILDINGS)
        case "next to":
            return animal, _pick(rng, tuple(word for word in NOUNS if word != animal))
        case "alone":
            return _pick(rng, tuple(NOUNS)), None


def _of(category: Category) -> tuple[str, ...]:
    return tuple(noun.word for noun in NOUNS.values() if noun.category == category)


def _adjective(rng: np.random.Generator, noun: str) -> str | None:
    """Usually none; else a size, a colour for things that can be painted, or a face for nouns that have one."""
    draw = rng.random()
    if draw < 0.07:
        return _pick(rng, SIZES)
    if draw < 0.32 and noun in PAINTABLE:
        return _pick(rng, tuple(COLOURS))
    faces = tuple(face for word, face in EXPRESSIONS if word == noun)
    return _pick(rng, faces) if draw < 0.5 and faces else None


def _family(rng: np.random.Generator, noun: str, art: Art) -> str:
    return _pick(rng, families_of(noun, art) or families_of(noun, "judge"))


def _pick(rng: np.random.Generator, choices: Sequence[_T], weights: Sequence[float] | None = None) -> _T:
    return choices[int(rng.choice(len(choices), p=weights))]
