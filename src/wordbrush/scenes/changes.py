"""One thing of a scene changed and everything else left in place: what a perfect edit would show."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from wordbrush.scenes.cast import Cast, Relation
from wordbrush.scenes.scene import SIZE_FACTORS, Placed, Scene
from wordbrush.scenes.vocabulary import BUILDINGS, COLOURS, FLYING, HELD, NOUNS, WORN


def without_partner(scene: Scene) -> Scene:
    """The subject alone, in its place.

    >>> import numpy as np
    >>> from wordbrush.scenes.cast import Cast
    >>> from wordbrush.scenes.scene import NUM_DRAWS, compose
    >>> scene = compose(Cast("eating", "dog", "noto", "apple", "noto"), (0.0,) * NUM_DRAWS)
    >>> without_partner(scene).caption
    'a dog'
    """
    cast = replace(scene.cast, relation="alone", partner=None, partner_family="", partner_adjective=None)
    return replace(scene, cast=cast, objects=tuple(o for o in scene.objects if o.word == cast.subject))


def one_fewer(scene: Scene) -> Scene:
    """A group without its front member."""
    return replace(scene, cast=replace(scene.cast, count=scene.cast.count - 1), objects=scene.objects[:-1])


def resized(scene: Scene, noun: str, size: str) -> Scene:
    """A noun made "small" or "big", on the ground where it stood."""

    def change(placed: Placed) -> Placed:
        new = placed.size * SIZE_FACTORS[size]
        return replace(placed, size=new, y=placed.y + (placed.size - new) / 2)

    return _changed(scene, noun, size, change)


def recoloured(scene: Scene, noun: str, colour: str | None) -> Scene:
    """A noun painted in a colour of the vocabulary, or in its own colour."""
    assert colour is None or colour in COLOURS
    return _changed(scene, noun, colour, lambda placed: replace(placed, colour=colour))


def with_face(scene: Scene, noun: str, face: str) -> Scene:
    """A noun with another facial expression."""
    return _changed(scene, noun, face, lambda placed: replace(placed, face=face))


def moved_to(scene: Scene, place: str | None) -> Scene:
    """The same things in another place."""
    cast = replace(scene.cast, place=place, season=None)
    return replace(scene, cast=cast, backdrop=replace(scene.backdrop, place=place, season=None))


def in_style_of(scene: Scene, style: str | None) -> Scene:
    """The same scene in another style."""
    return replace(scene, cast=replace(scene.cast, style=style))


def rearranged(scene: Scene, relation: Relation) -> Scene:
    """From side by side to "riding on", where the subject moves onto the ride, or to "wearing", where the worn thing
    moves onto the subject's head.
    """
    subject = next(o for o in scene.objects if o.word == scene.cast.subject)
    partner = next(o for o in scene.objects if o.word == scene.cast.partner)
    if relation == "riding on":
        lifted = partner.y - 0.16 * partner.size - 0.42 * subject.size
        objects = (partner, replace(subject, x=partner.x, y=max(lifted, subject.size / 2 + 0.01)))
    elif relation == "wearing":
        objects = (subject, replace(partner, x=subject.x, y=subject.y - 0.46 * subject.size - 0.26 * partner.size))
    else:
        raise ValueError(f"'{relation}' is not an arrangement to change to; give 'riding on' or 'wearing'")
    return replace(scene, cast=replace(scene.cast, relation=relation), objects=objects)


def alike(cast: Cast, noun: str) -> list[str]:
    """Other nouns that could replace one of a cast's: of the same kind, or fit for its role.

    >>> alike(Cast("wearing", "dog", "", "hat"), "hat")
    ['crown']
    """
    fitting: dict[str, Sequence[str]] = {"holding": HELD, "wearing": WORN, "in front of": BUILDINGS}
    chosen = fitting.get(cast.relation) if noun == cast.partner else FLYING if cast.relation == "above" else None
    kind = [name for name, other in NOUNS.items() if other.category == NOUNS[noun].category]
    return [name for name in (kind if chosen is None else chosen) if name not in cast.nouns]


def sayable(cast: Cast) -> bool:
    """Whether a caption can say the number of subjects."""
    return cast.count == 1 or bool(NOUNS[cast.subject].plural)


def _changed(scene: Scene, noun: str, adjective: str | None, change: Callable[[Placed], Placed]) -> Scene:
    objects = tuple(change(placed) if placed.word == noun else placed for placed in scene.objects)
    if scene.cast.subject == noun:
        return replace(scene, cast=replace(scene.cast, subject_adjective=adjective), objects=objects)
    return replace(scene, cast=replace(scene.cast, partner_adjective=adjective), objects=objects)
