"""A photo in a canvas and back: whole, in shape, in its place, its own pixels outside of a mask."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers.picture_files import picture
from wordbrush.errors import PhotoError, SettingsError
from wordbrush.pictures.fit import Fit, fit_into, fit_to, from_canvas, to_canvas
from wordbrush.pictures.masks import composite_edit, mask_picture

SIDES = st.integers(1, 3000)
NATIVE = st.sampled_from([((512, 512), 64), ((768, 768), 64), ((128, 128), 32), ((64, 64), 16), ((512, 768), 64)])


@given(SIDES, SIDES, NATIVE)
def test_every_photo_fits(height, width, model):
    native, multiple = model
    fit = fit_to((height, width), native, multiple)
    top, left, box_height, box_width = fit.box
    assert all(side % multiple == 0 for side in fit.canvas_size)
    assert fit.canvas_size[0] * fit.canvas_size[1] <= 1.1 * native[0] * native[1]
    assert fit.box[2] in (fit.canvas_size[0],) or fit.box[3] == fit.canvas_size[1]
    assert abs(box_height / height - box_width / width) <= 1 / min(height, width)
    assert top + box_height <= fit.canvas_size[0]
    assert left + box_width <= fit.canvas_size[1]


@pytest.mark.parametrize("size", [(512, 512), (64, 64), (2000, 2000)])
def test_a_square_needs_no_padding(size):
    fit = fit_to(size, (512, 512), 64)
    assert (fit.canvas_size, fit.box) == ((512, 512), (0, 0, 512, 512))
    assert fit.is_whole == (size == (512, 512))


def test_a_photo_of_the_canvas_is_itself():
    photo = picture(64, 64)
    fit = fit_into((64, 64), (64, 64))
    assert to_canvas(photo, fit) is photo
    assert from_canvas(photo, fit) is photo


@pytest.mark.parametrize("size", [(200, 300), (300, 200), (40, 41), (20, 400), (1, 300), (1, 1), (400, 30)])
def test_there_and_back_is_the_photo_scaled(size):
    photo = picture(size[1], size[0])
    fit = fit_to(size, (128, 128), 32)
    canvas = to_canvas(photo, fit)
    assert (canvas.height, canvas.width) == fit.canvas_size
    back = from_canvas(canvas, fit)
    assert back.size == photo.size
    lost = np.abs(np.asarray(back, int) - np.asarray(photo, int)).mean()
    assert lost < 12  # pictures of a few colours, so that scaling takes little


def test_the_rest_mirrors_the_photo():
    photo = picture(64, 32)
    canvas = np.asarray(to_canvas(photo, fit_into((32, 64), (64, 64))))
    assert np.array_equal(canvas[16:48], np.asarray(photo))
    assert np.array_equal(canvas[15], canvas[17])
    assert np.array_equal(canvas[48], canvas[46])


@pytest.mark.parametrize(("size", "canvas"), [((64, 64), (64, 64)), ((200, 300), (96, 160)), ((33, 20), (64, 64))])
def test_outside_of_a_mask_are_the_photos_pixels(size, canvas):
    photo, fit = picture(size[1], size[0]), fit_into(size, canvas)
    edited = Image.new("RGB", (canvas[1], canvas[0]), (255, 0, 255))
    mask_hw = torch.zeros(canvas[0] // 8, canvas[1] // 8, dtype=torch.bool)
    mask_hw[:, : canvas[1] // 16] = True
    mended = np.asarray(composite_edit(photo, edited, mask_hw, fit, mask_hw=mask_hw))
    changed = (mended != np.asarray(photo)).any(axis=2)
    middle = from_canvas(mask_picture(mask_hw, edited.size), fit).point(lambda value: 255 if value >= 128 else 0)
    assert not changed[np.asarray(middle) == 0].any()
    assert (mended[size[0] // 2, 1] == (255, 0, 255)).all()


def test_a_fit_is_checked():
    with pytest.raises(SettingsError, match="fit of the photo is invalid"):
        Fit((10, 10), (64, 64), (0, 0, 65, 64))
    with pytest.raises(SettingsError, match="fit of the photo is invalid"):
        Fit((10, 10), (64, 64), (-1, 0, 60, 64))
    with pytest.raises(PhotoError, match=r"is 16 x 24 pixels \(height x width\), and its fit is for 10 x 10"):
        to_canvas(picture(), fit_into((10, 10), (64, 64)))
