import numpy as np
import pytest

from helpers.some_maps import some_maps
from wordbrush.errors import PromptError, SettingsError


def test_a_word_is_the_mean_of_what_is_apart():
    maps = some_maps()
    np.testing.assert_allclose(maps.word("dog"), maps.arrays[0][1].mean(axis=(0, 1)), rtol=1e-6)
    np.testing.assert_allclose(maps.word(" CAT[1]"), maps.arrays[0][2].mean(axis=(0, 1)), rtol=1e-6)
    assert maps.word("dog").dtype == np.float32


def test_steps_and_heads_are_taken_by_their_own_numbers():
    maps = some_maps()
    np.testing.assert_array_equal(maps.step(4).head(1).word("dog"), maps.arrays[0][1, 2, 1])
    np.testing.assert_array_equal(maps.head(1).step(4).word("dog"), maps.arrays[0][1, 2, 1])
    np.testing.assert_allclose(maps.step(2).word("a"), maps.arrays[0][0, 0].mean(axis=0), rtol=1e-6)
    assert maps.step(4).info.steps == (4,)
    assert maps.head(1).info.stacks[0].heads == (1,)


def test_resolutions_and_layers_are_chosen_first():
    maps = some_maps(((8, 12), (4, 6)))
    assert maps.resolutions == ((8, 12), (4, 6))
    assert maps.at(4).word("dog").shape == maps.at((4, 6)).word("dog").shape == (4, 6)
    with pytest.raises(
        SettingsError, match=r"there are 2 maps per word \(8 x 12, 4 x 6\); choose with .at\(resolution\)"
    ):
        maps.word("dog")


@pytest.mark.parametrize(
    ("take", "error", "message"),
    [
        (lambda m: m.word("horse"), PromptError, r"no map of 'horse'; there are: a, dog, cat\[1\]"),
        (lambda m: m.word(5), PromptError, "no map of '5'"),
        (lambda m: m.at(16), SettingsError, "no maps of resolution 16; there are: 4 x 6"),
        (
            lambda m: m.site("down.4"),
            SettingsError,
            "no maps of layer 'down.4' alone; there are: none, the layers are averaged",
        ),
        (lambda m: m.step(0), SettingsError, "no maps of step 0; the steps are 2 to 4"),
        (lambda m: m.head(2), SettingsError, "no maps of head 2; the heads are 0 to 1"),
        (lambda m: m.averaged().step(2), SettingsError, "the steps are averaged, .* per_step=True"),
        (lambda m: m.averaged().head(0), SettingsError, "the heads are averaged, .* per_head=True"),
        (lambda m: m.resized((0, 4)), SettingsError, "give a positive height and width"),
    ],
)
def test_what_is_not_there_is_told(take, error, message):
    with pytest.raises(error, match=message):
        take(some_maps())


def test_a_threshold_is_a_part_of_the_words_largest_value():
    maps = some_maps()
    word = maps.word("dog")
    np.testing.assert_array_equal(maps.threshold("dog", 0.9), word > 0.9 * word.max())
    assert 0 < maps.threshold("dog", 0.9).sum() < maps.threshold("dog", 0.5).sum()


def test_resizing_goes_to_the_picture_and_keeps_what_is_flat():
    maps = some_maps()
    assert maps.resized().word("dog").shape == (32, 48)
    assert maps.resized().components.shape == (3, 32, 48)
    assert maps.resized((5, 7)).word("dog").shape == (5, 7)
    for array in maps.arrays:
        array[:] = 0.25
    np.testing.assert_allclose(maps.resized().word("dog"), 0.25)


@pytest.mark.parametrize(
    ("maps", "text"),
    [
        (some_maps(), "mean over 2 layers of 4 x 6; each of steps 2 to 4 of 10 and of 2 heads"),
        (some_maps().averaged(), "mean over steps 2 to 4 of 10, 2 heads, 2 layers of 4 x 6"),
        (some_maps().step(3).head(0).averaged(), "mean over step 3 of 10, head 0, 2 layers of 4 x 6"),
        (some_maps(reads="own").averaged(), "cross-attention maps, before the edit changed them: mean over steps"),
        (some_maps(((8, 12), (4, 6))).averaged(), "2 heads, 2 layers of 8 x 12, 2 layers of 4 x 6"),
    ],
)
def test_the_aggregation_is_said(maps, text):
    assert text in maps.aggregation
