"""One thing of a scene changed, the rest where it is."""

import numpy as np
import pytest

from wordbrush.scenes.cast import Cast
from wordbrush.scenes.changes import (
    alike,
    in_style_of,
    moved_to,
    one_fewer,
    rearranged,
    recoloured,
    resized,
    with_face,
    without_partner,
)
from wordbrush.scenes.render import render
from wordbrush.scenes.scene import NUM_DRAWS, Scene, compose


def scene(relation: str = "next to", subject: str = "dog", partner: str | None = "car", **more: object) -> Scene:
    cast = Cast(relation, subject, "noto", partner, "noto" if partner else "", "beach", **more)  # type: ignore[arg-type]
    return compose(cast, (0.1,) * NUM_DRAWS)


def changed_pixels(before: Scene, after: Scene) -> np.ndarray:
    return (render(before)[0] != render(after)[0]).any(-1)


@pytest.mark.parametrize(
    ("change", "caption", "touched"),
    [
        (without_partner, "a dog on the beach", "car"),
        (lambda s: recoloured(s, "car", "blue"), "a dog next to a blue car on the beach", "car"),
        (lambda s: resized(s, "dog", "small"), "a small dog next to a car on the beach", "dog"),
    ],
)
def test_only_the_thing_that_is_changed_changes(change, caption, touched):
    before = scene()
    after = change(before)
    assert after.caption == caption
    around = render(before)[1][touched] | render(after)[1].get(touched, np.zeros((128, 128), bool))
    grown = np.pad(around, 2)
    near = np.logical_or.reduce([grown[y : y + 128, x : x + 128] for y in range(5) for x in range(5)])
    where = changed_pixels(before, after)
    assert where.any()
    assert not (where & ~near).any()


def test_a_thing_that_grows_or_shrinks_stays_on_its_ground():
    before = scene()
    for size in ("small", "big"):
        after = resized(before, "dog", size)
        feet = [next(o.y + o.size / 2 for o in s.objects if o.word == "dog") for s in (before, after)]
        assert feet[0] == pytest.approx(feet[1])


def test_a_place_changes_behind_things_that_stay():
    before = scene()
    after = moved_to(before, "space")
    assert after.caption == "a dog next to a car in space"
    assert after.objects == before.objects
    solid = render(before)[1]["dog"] & ~changed_pixels(before, after)
    assert solid.sum() > 0.8 * render(before)[1]["dog"].sum()


def test_styles_faces_and_numbers():
    assert in_style_of(scene(), "sketch").caption == "a sketch of a dog next to a car on the beach"
    assert with_face(scene(subject="cat"), "cat", "angry").caption == "an angry cat next to a car on the beach"
    three = scene("alone", partner=None, count=3)
    assert one_fewer(three).caption == "two dogs on the beach"
    assert one_fewer(one_fewer(three)).caption == "a dog on the beach"
    assert len(one_fewer(three).objects) == 2


def test_arrangements_move_one_thing():
    riding = rearranged(scene(), "riding on")
    assert riding.caption == "a dog riding on a car on the beach"
    car, dog = riding.objects
    assert (car.word, dog.x) == ("car", car.x)
    assert dog.y < car.y
    wearing = rearranged(scene(partner="hat"), "wearing")
    hat = wearing.objects[-1]
    assert (hat.word, hat.y < wearing.objects[0].y) == ("hat", True)
    with pytest.raises(ValueError, match="not an arrangement to change to"):
        rearranged(scene(), "eating")


def test_alike_things_fit_their_part():
    assert set(alike(Cast("riding on", "dog", "", "car"), "car")) >= {"bicycle", "bus"}
    assert "dog" not in alike(Cast("next to", "cat", "", "dog"), "cat")
    assert set(alike(Cast("above", "kite", "", "dog"), "kite")) == {"balloon", "rocket"}
