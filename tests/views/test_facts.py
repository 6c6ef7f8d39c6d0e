import pytest

from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.settings import EditSettings
from wordbrush.inversion.settings import InversionSettings
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.views.facts import edit_facts, generation_facts, inversion_facts


def test_settings_are_told_where_they_are_not_the_usual():
    made = GenerationSettings("a dog", "blurry", 7, 20, 7.5, 64, 96)
    assert generation_facts(made) == [
        ("seed", "7"),
        ("steps", "20"),
        ("guidance", "7.5"),
        ("size", "64 x 96"),
        ("negative prompt", "blurry"),
    ]
    plain = EditSettings.of("a cat", self_replace_steps=(0.1, 0.4))
    assert edit_facts(plain) == [("cross", "0.8"), ("self", "0.1 to 0.4")]
    special = EditSettings.of(
        "a cat",
        edit="replace",
        cross_replace_steps={"cat": 0.4, "default_": 0.8},
        self_replace_steps=0.4,
        self_replace_max_pixels=1024,
    )
    assert edit_facts(special) == [
        ("kind", "replace"),
        ("cross", "0.8"),
        ("cross of 'cat'", "0.4"),
        ("self", "0.4"),
        ("self up to", "1024 pixels"),
    ]


@pytest.mark.parametrize(
    ("blend", "told"),
    [
        (LocalBlend(), "what changes"),
        (LocalBlend(("dog", "cat")), "dog, cat"),
        (LocalBlend((), source_words=("dog",), target_words=(("cat",), ("dog", "fox"))), "dog, cat, fox"),
        (LocalBlend(("dog",), mask=LatentMask(("#.",))), "dog and a mask"),
        (LocalBlend((), mask=LatentMask(("#.",))), "a mask"),
    ],
)
def test_a_local_blend_is_told_in_words(blend, told):
    settings = EditSettings.of(["a cat", "a fox"], local_blend=blend)
    assert edit_facts(settings)[-1] == ("only in", told)


def test_an_inversion_is_told_with_its_settings():
    settings = InversionSettings.parse("null-text", {})
    assert inversion_facts(settings) == [
        ("method", "null-text"),
        *((name.replace("_", " "), str(value)) for name, value in settings.settings.items()),
    ]
    assert len(settings.settings) > 1
