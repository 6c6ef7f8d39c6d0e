from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.editor import Editor
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.strength import StrengthSearch, moved_window, one_step
from wordbrush.errors import SettingsError
from wordbrush.sweep import Axis

PARTS = st.floats(0, 1)
WINDOWS = st.tuples(PARTS, PARTS).map(lambda bounds: (min(bounds), max(bounds)))


@given(WINDOWS, PARTS, PARTS, st.floats(0, 0.2))
def test_a_smaller_strength_holds_every_step_of_a_larger_one(window, one, other, least):
    weak, strong = (moved_window(window, s, least) for s in sorted((one, other)))
    assert 0 <= weak[0] <= weak[1] <= 1
    if strong[1] > strong[0]:
        assert weak[0] <= strong[0] + 1e-4
        assert weak[1] >= strong[1] - 1e-4


@given(WINDOWS)
def test_its_ends_and_its_middle(window):
    assert moved_window(window, 0.0) == (0.0, 1.0)
    assert moved_window(window, 0.5) == pytest.approx(window, abs=1e-4)
    assert moved_window(window, 1.0)[1] == 0


@given(st.integers(1, 10_000))
def test_one_step_is_one_step(num_steps):
    assert int(one_step(num_steps) * num_steps) == 1


def test_all_windows_move_and_the_region_stays():
    windows = {"cat": (0.0, 0.4), "default_": (0.2, 0.8)}
    edit = EditSettings.of("a cat", cross_replace_steps=windows, local_blend="cat")
    moved = edit.at_strength(0.75)
    assert moved.cross_replace_steps == {"cat": (0.0, 0.2), "default_": (0.2, 0.4)}
    assert moved.local_blend == edit.local_blend
    assert moved.strength == 0.75


def test_the_full_strength_still_holds_a_step(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    source = editor.generate("a dog", num_inference_steps=7)
    result = editor.edit(source, "a cat", strength=1)
    assert result.record.controlled_calls > 0
    assert result.record.edit.cross_replace_steps == MappingProxyType({"default_": (0.0, 0.0)})
    assert result.record.edit.strength == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strength": 1.5}, "strength is 1.5; give a number from 0 to 1"),
        ({"strength": "much"}, "strength is 'much'"),
        ({"strength": "auto"}, "give a number"),
        ({"strength": 0.4, "mutual_self_attention": MutualSelfAttention()}, "give one or the other"),
    ],
)
def test_what_it_cannot_be(options, said):
    with pytest.raises(SettingsError, match=said):
        EditSettings.of("a cat", **options)


def test_windows_move_once():
    with pytest.raises(SettingsError, match=r"strength 0\.7 already"):
        Axis("strength", (0.2, 0.4)).applied(EditSettings.of("a cat", strength=0.7), 0.2)


@pytest.mark.parametrize("wrong", [{"candidates": 0}, {"candidates": 6}, {"good_enough": 1.2}])
def test_a_search_checks_its_numbers(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        StrengthSearch(**wrong)
