"""Pixels of an edit's region that it hardly changed stay the source's."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from wordbrush.pictures.changed import changed_pixels
from wordbrush.pictures.fit import Fit
from wordbrush.pictures.masks import composite_edit

REGION = torch.zeros(8, 8, dtype=torch.bool)
REGION[1:7, 1:7] = True


def a_picture(seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(60, 180, (64, 64, 3), dtype=np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2))


def with_a_thing(picture: Image.Image, tint: int = 4) -> Image.Image:
    """All pixels a little lighter, and a thing in the middle."""
    edited = Image.fromarray(np.asarray(picture) + np.uint8(tint))
    edited.paste((250, 20, 20), (24, 24, 40, 40))
    return edited


def test_a_thing_is_shown_and_a_tint_around_it_is_not():
    before = a_picture()
    after = with_a_thing(before)
    changed = changed_pixels(before, after, REGION, 0.25)
    shown = np.asarray(composite_edit(before, after, REGION, changed=changed))
    assert np.array_equal(shown[26:38, 26:38], np.asarray(after)[26:38, 26:38])
    assert np.array_equal(shown[8:16, 8:56], np.asarray(before)[8:16, 8:56])


def test_nothing_is_left_of_an_old_things_soft_rim():
    """Its rim is half its place's colour, so that the edit, which shows the place there, differs little from it."""
    place = Image.new("RGB", (64, 64), (150, 150, 160))
    before = place.copy()
    before.paste((90, 50, 20), (24, 24, 40, 40))
    before = before.filter(ImageFilter.GaussianBlur(2))
    changed = changed_pixels(before, place, REGION, 0.3)
    shown = np.asarray(composite_edit(before, place, REGION, changed=changed), np.int16)
    assert np.abs(shown - np.asarray(place, np.int16)).max() <= 1


def test_a_slight_change_is_shown_where_nothing_else_changed():
    """What counts is a fraction of the strongest change, so that a paler colour is an edit too."""
    before = a_picture()
    after = Image.fromarray(np.asarray(before) + np.uint8(4))
    assert np.asarray(changed_pixels(before, after, REGION, 0.25)).min() == 255


def test_pixels_that_agree_by_chance_within_a_thing_are_bridged():
    before = a_picture()
    after = with_a_thing(before)
    after.paste(before.crop((31, 31, 33, 33)), (31, 31))
    assert changed_pixels(before, after, REGION, 0.25).getpixel((32, 32)) == 255


@pytest.mark.parametrize("least", [0.1, 0.3, 0.5])
def test_more_is_held_the_more_is_asked_for(least: float):
    before = a_picture()
    after = Image.blend(before, a_picture(1), 0.6)
    less, more = (np.asarray(changed_pixels(before, after, REGION, value)) for value in (least, least + 0.3))
    assert np.all(less >= more)
    assert less.sum() > more.sum()


@pytest.mark.parametrize("region", [REGION, torch.zeros_like(REGION)])
def test_an_edit_that_changed_nothing_shows_nothing(region: torch.Tensor):
    before = a_picture()
    assert not np.asarray(changed_pixels(before, before, region, 0.25)).any()


def test_a_photograph_of_another_size_keeps_its_own_pixels():
    """What comes back of it differs everywhere; the edit is compared with that and laid over the photograph."""
    photo = a_picture(3).resize((96, 48), Image.Resampling.LANCZOS)
    fit = Fit((48, 96), (64, 64), (16, 0, 32, 64))
    back = a_picture(5)
    after = with_a_thing(back)
    changed = changed_pixels(back, after, REGION, 0.25)
    shown = np.asarray(composite_edit(photo, after, REGION, fit, changed=changed))
    assert np.array_equal(shown[:, :20], np.asarray(photo)[:, :20])
    assert tuple(shown[24, 48]) == (250, 20, 20)
