import numpy as np

from wordbrush.views import colour


def test_steps_look_alike_and_lightness_rises():
    path = colour.colour_path()
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() / steps.min() < 1.01
    assert (np.diff(path[:, 0]) > 0.5 * steps).all(), "most of each step is lightness"


def test_the_colours_are_those_of_the_path():
    """Back from the bytes to Oklab, by the inverse matrices: rounding to bytes is all that differs."""
    rgb = colour.colour_table() / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lab = (np.linalg.inv(colour._TO_CONES) @ np.cbrt(np.linalg.inv(colour._TO_LINEAR) @ linear.T)).T
    assert np.abs(lab - colour.colour_path()).max() < 0.02
    assert len(np.unique(colour.colour_table(), axis=0)) == 256


def test_values_outside_take_the_nearer_end_and_no_number_the_lowest():
    ends = colour.coloured(np.array([-1, 0, 1, 2, np.nan], np.float32))
    assert (ends[0] == ends[1]).all()
    assert (ends[2] == ends[3]).all()
    assert (ends[4] == ends[0]).all()
