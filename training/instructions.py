"""Five instructions on the bundled world, as rows for `wordbrush pairs` and as scenes to try them on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from wordbrush.scenes.atlas import families_of
from wordbrush.scenes.captions import caption
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.sample_cast import PAINTABLE
from wordbrush.scenes.scene import NUM_DRAWS, Scene, compose
from wordbrush.scenes.vocabulary import NOUNS, PLACES

Change = Callable[[Cast], Cast]

SEED = 53
HELD_OUT = 7
"""One of so many pairs of an animal and its partner is in no row."""

INSTRUCTIONS: dict[str, Change] = {
    "turn the animal into a panda": lambda cast: replace(cast, subject="panda"),
    "put it in the snow": lambda cast: replace(cast, place="snow"),
    "make it a sketch": lambda cast: replace(cast, style="sketch"),
    "take the food away": lambda cast: replace(cast, relation="alone", partner=None, partner_family=""),
    "paint the vehicle purple": lambda cast: replace(cast, partner_adjective="purple"),
}
"""What each makes of a cast. Which of them a cast can follow, `askable` says."""

_ANIMALS = tuple(n.word for n in NOUNS.values() if n.category == "animal" and n.word != "panda")
_FOODS = tuple(n.word for n in NOUNS.values() if n.category == "food")
_RIDES = tuple(n.word for n in NOUNS.values() if n.category == "ride" and n.word in PAINTABLE)
_PLACES = (None, *(place for place in PLACES if place != "snow"))


@dataclass(frozen=True)
class Asked:
    """An instruction, and the captions of a scene before and after it."""

    instruction: str
    source: Cast
    target: Cast


def askable(cast: Cast) -> tuple[str, ...]:
    """The instructions that a cast of this world can follow.

    >>> len(askable(Cast("eating", "dog", "", "apple")))
    4
    """
    unfit = "paint the vehicle purple" if cast.relation == "eating" else "take the food away"
    return tuple(instruction for instruction in INSTRUCTIONS if instruction != unfit)


def rows(count: int) -> list[dict[str, object]]:
    """Rows for `wordbrush pairs`, none of a pair of animal and partner that is held out, no two alike.

    >>> sorted(rows(1)[0])
    ['instruction', 'source', 'target']
    """
    casts = [cast for cast in _casts() if not _is_held_out(cast)]
    chosen = np.random.default_rng(SEED).permutation(len(casts))[:count]
    made: list[dict[str, object]] = []
    for cast in (casts[i] for i in chosen):
        asked = askable(cast)
        targets = [caption(INSTRUCTIONS[instruction](cast)) for instruction in asked]
        made.append({"source": caption(cast), "target": targets, "instruction": list(asked)})
    return made


def held_out(count: int) -> Iterator[tuple[Scene, tuple[str, ...]]]:
    """Scenes of pairs that are held out, each with the instructions that it can follow."""
    rng = np.random.default_rng(SEED + 1)
    casts = [cast for cast in _casts() if _is_held_out(cast)]
    for i in rng.permutation(len(casts))[:count]:
        yield compose(casts[i], tuple(rng.uniform(-1, 1, NUM_DRAWS).tolist())), askable(casts[i])


def _casts() -> list[Cast]:
    def cast(relation: str, animal: str, partner: str, place: str | None) -> Cast:
        return Cast(relation, animal, families_of(animal)[0], partner, families_of(partner)[0], place)  # type: ignore[arg-type]

    eating = (cast("eating", *each) for each in product(_ANIMALS, _FOODS, _PLACES))
    riding = (cast("riding on", *each) for each in product(_ANIMALS, _RIDES, _PLACES))
    return [*eating, *riding]


def _is_held_out(cast: Cast) -> bool:
    names = list(NOUNS)
    assert cast.partner is not None  # all of these have one
    return (names.index(cast.subject) + names.index(cast.partner)) % HELD_OUT == 0
