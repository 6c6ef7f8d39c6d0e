import pytest

from wordbrush.edits.settings import EditSettings
from wordbrush.edits.shortcuts import EXACT, FAST, Shortcuts
from wordbrush.errors import SettingsError


def test_a_name_is_resolved_to_what_it_stands_for():
    assert EditSettings.of("a cat").fast == EXACT
    assert EditSettings.of("a cat", fast="balanced").fast == FAST["balanced"]
    own = Shortcuts(late_start=0.1)
    assert EditSettings.of("a cat", fast=own).fast == own


def test_each_name_leaves_out_more():
    exact, balanced, fast = (FAST[name] for name in ("exact", "balanced", "fast"))
    assert exact == Shortcuts()
    for less, more in ((exact, balanced), (balanced, fast)):
        assert more.guidance_interval[1] <= less.guidance_interval[1]
        assert more.late_start >= less.late_start
        assert more.cache_interval >= less.cache_interval
        assert more.region_interval >= less.region_interval
        assert more.region_cache_interval >= less.region_cache_interval
        assert more.negative_interval >= less.negative_interval
        assert more.early_interval >= less.early_interval
        assert more.source_negative >= less.source_negative
        assert more != less


def test_one_step_in_which_the_edit_acts_remains():
    late = Shortcuts(late_start=0.5)
    assert late.first_step([True] * 10) == 5
    assert late.first_step([True] * 3 + [False] * 7) == 2
    assert Shortcuts(late_start=0.1).first_step([True] * 3) == 0


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Shortcuts(late_start=1.0), "late_start is 1.0; give a fraction"),
        (lambda: Shortcuts(cache_interval=0), "cache_interval is 0; give 1 or more"),
        (lambda: Shortcuts(negative_interval=0), "negative_interval is 0; give 1 or more"),
        (lambda: Shortcuts(region_interval=0), "region_interval is 0; give 1 or more"),
        (lambda: Shortcuts(region_cache_interval=0), "region_cache_interval is 0; give 1 or more"),
        (lambda: Shortcuts(early_interval=0), "early_interval is 0; give 1 or more"),
        (lambda: Shortcuts(region_halo=-1), "region_halo is -1; give 0 or more cells"),
        (lambda: Shortcuts(guidance_interval=(0.5, 0.2)), "give a number in 0..1, or"),
        (lambda: Shortcuts.parse("quick"), "fast is 'quick'; give exact, balanced or fast"),
    ],
)
def test_bad_values_are_named(make, told):
    with pytest.raises(SettingsError, match=told):
        make()
