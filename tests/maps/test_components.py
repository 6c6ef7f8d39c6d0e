import numpy as np

from wordbrush.maps.components import principal_components


def test_pixels_that_attend_alike_have_one_colour():
    groups = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    attention = (groups[:, None] == groups).astype(np.float32)
    attention /= attention.sum(axis=1, keepdims=True)
    components, shares = principal_components(attention, 3)
    assert components.shape == (3, 8)
    for group in range(3):
        np.testing.assert_allclose(components[:, groups == group].std(axis=1), 0, atol=1e-6)
    assert np.ptp(components[0]) > 0.3
    assert np.isclose(sum(shares), 1)
    assert shares[0] >= shares[1] > shares[2] - 1e-9


def test_it_is_the_projection_on_the_axes_of_the_covariance():
    attention = np.random.default_rng(0).random((12, 12)).astype(np.float32)
    components, shares = principal_components(attention, 4)
    centred = attention - attention.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    for index in range(4):
        expected = centred @ axes[:, -1 - index]
        np.testing.assert_allclose(np.abs(components[index]), np.abs(expected), atol=1e-4)
        assert components[index][np.abs(components[index]).argmax()] > 0
        assert np.isclose(shares[index], values[-1 - index] / values.sum(), atol=1e-5)


def test_flat_attention_has_none():
    components, shares = principal_components(np.full((4, 4), 0.25, np.float32), 2)
    assert not components.any()
    assert shares == (0, 0)
