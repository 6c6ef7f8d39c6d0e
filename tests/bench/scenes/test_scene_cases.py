"""The fixed set: as large as it says, the same each time, and true."""

from collections import Counter

import numpy as np
import pytest

from wordbrush.errors import SettingsError
from wordbrush.scenes.judge.labels import NOUN_NAMES
from wordbrush.scenes.vocabulary import known_words
from wordbrush_bench.case import KINDS
from wordbrush_bench.scenes.cases import NOT_SHOWN, scene_cases


@pytest.fixture(scope="module")
def cases():
    return scene_cases()


def test_there_are_seven_hundred_of_all_kinds_that_scenes_show_the_same_on_both_origins(cases):
    assert len(cases) >= 700
    assert len({case.id for case in cases}) == len(cases)
    counts = Counter((case.kind, case.origin) for case in cases)
    assert set(counts.values()) == {40}
    assert {kind for kind, _ in counts} | set(NOT_SHOWN) == set(KINDS)
    generated, photographs = cases[::2], cases[1::2]
    assert [c.source_prompt for c in generated] == [c.source_prompt for c in photographs]


def test_a_limit_takes_the_first_of_each_kind(cases):
    few = scene_cases(limit=2, kinds=["change-pose", "mixed"])
    assert [c.id for c in few][:4] == [
        "mixed-01-generated",
        "mixed-01-photograph",
        "change-pose-01-generated",
        "change-pose-01-photograph",
    ]
    whole = {c.id: (c.source_prompt, c.target_prompt, c.seed) for c in cases}
    assert all(whole[c.id] == (c.source_prompt, c.target_prompt, c.seed) for c in few)


def test_prompts_are_of_words_that_the_model_knows_and_hold_the_words_of_the_edit(cases):
    words = known_words()
    for case in cases:
        assert set(case.source_prompt.split()) | set(case.target_prompt.split()) <= words
        assert case.source_prompt != case.target_prompt
        assert all(word in case.source_prompt for word in case.source_words)
        assert all(word in case.target_prompt for word in case.target_words)
        asked = case.expected
        assert {*asked.before, *asked.focus, *asked.absent, *asked.kept} <= set(NOUN_NAMES)


def test_outside_of_its_mask_the_perfect_edit_is_the_photo():
    for case in scene_cases(limit=2):
        material = case.material()
        if case.origin == "generated":
            assert (material.photo, material.mask, material.perfect) == (None, None, None)
            continue
        before, after = (np.asarray(image) for image in (material.photo, material.perfect))
        assert (before[~material.mask] == after[~material.mask]).all()
        assert (before != after).any()
        assert all(material.things[noun].any() for noun in case.expected.focus)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("change-shoes", "kind 'change-shoes' is unknown; give some of mixed, change-object,"),
        ("change-material", "has no cases here: no caption of these scenes says what a thing is made of"),
    ],
)
def test_a_kind_that_is_not_there_is_named_with_those_that_are(kind, said):
    with pytest.raises(SettingsError) as error:
        scene_cases(kinds=[kind])
    assert said in str(error.value)


def test_a_limit_below_one_is_refused():
    with pytest.raises(SettingsError, match="limit is 0; give 1 or more"):
        scene_cases(limit=0)


def test_the_first_cases_can_be_left_out() -> None:
    whole, later = scene_cases(limit=4, kinds=["mixed"]), scene_cases(limit=2, kinds=["mixed"], skip=2)
    assert [case.id for case in later] == [case.id for case in whole[4:]]
    assert later[0].source_prompt == whole[4].source_prompt
    with pytest.raises(SettingsError, match="skip is 40, and there are 40 cases of each kind; give 0 to 39"):
        scene_cases(skip=40)
