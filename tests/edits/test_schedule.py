import pytest
import torch

from tokens.test_align import tokens
from wordbrush.edits.compose import plan_edit
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.edits.schedule import cross_weights
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.window import Window, parse_cross_windows
from wordbrush.errors import PromptError, SettingsError
from wordbrush.tokens.pair import PromptPair, Prompts

LAYERS = EditableLayers({"down.attn1": 256, "up.attn1": 1024}, ("up.attn1",), ("up.block",))
CAT, DOG = tokens("a cat on a mat"), tokens("a dog on a mat")


def settings(**changes) -> EditSettings:
    values = {"targets": ["a dog on a mat"], "edit": "auto", "cross_replace_steps": 0.8, "self_replace_steps": 0.4}
    return EditSettings.of(**{**values, **changes})


def test_published_bounds():
    """0.8 of 50 steps is 40 for both kinds, by different formulas; they differ elsewhere."""
    window = Window(0.0, 0.8)
    assert window.cross_steps(50) == range(40)
    assert window.steps(50) == range(40)
    assert Window(0.0, 0.5).cross_steps(3) == range(2)
    assert Window(0.0, 0.5).steps(3) == range(1)
    assert Window(0.0, 1.0).cross_steps(50) == range(50)


def test_a_word_has_its_own_window():
    windows = parse_cross_windows({"default_": 1.0, "dog": (0.5, 1.0)})
    weights_NT = cross_weights(DOG, windows, num_steps=10)
    column = DOG.find("dog")[0]
    assert weights_NT[:, column].tolist() == [0] * 5 + [1] * 5
    assert weights_NT[:, column + 1].tolist() == [1] * 10


@pytest.mark.parametrize("value", [-0.1, 1.1, (0.8, 0.2), (0.1,), "0.8", True, float("nan"), "x"])
def test_bad_windows_are_named(value):
    with pytest.raises(SettingsError, match="self_replace_steps"):
        settings(self_replace_steps=value)


def test_one_is_a_number_like_any_other():
    assert settings(cross_replace_steps=1).cross_replace_steps == {"default_": (0.0, 1.0)}


def test_a_plan_edits_inside_its_windows_only():
    plan, acted = plan_edit(Prompts(CAT, (PromptPair.of(CAT, DOG),)), settings(), num_steps=10, layers=LAYERS)
    assert [plan.at(i).cross[0] is not None for i in range(10)] == [True] * 8 + [False] * 2
    assert [bool(plan.at(i).borrowed[0].maps) for i in range(10)] == [True] * 4 + [False] * 6
    assert acted == (("'cat' -> 'dog'",),)
    assert not plan.at(9).acts


def test_steps_of_equal_weights_share_one_map():
    plan, _ = plan_edit(Prompts(CAT, (PromptPair.of(CAT, DOG),)), settings(), num_steps=10, layers=LAYERS)
    assert plan.at(0).cross[0] is plan.at(7).cross[0]


def test_the_map_of_a_step_follows_the_words_windows():
    chosen = settings(cross_replace_steps={"default_": 0.8, "dog": 0.2})
    plan, _ = plan_edit(Prompts(CAT, (PromptPair.of(CAT, DOG),)), chosen, num_steps=10, layers=LAYERS)
    column = DOG.find("dog")[0]
    early, late = (plan.at(i).cross[0].token_map for i in (0, 5))
    assert early.keep_T[column] == 0
    assert late.keep_T[column] == 1
    assert not late.transfer_ST[:, column].any()
    assert torch.equal(late.transfer_ST[:, column + 1], early.transfer_ST[:, column + 1])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"equalizer": {"horse": 2.0}}, PromptError, "word 'horse' is not in the prompt"),
        ({"equalizer": {"a": 2.0}}, PromptError, "occurs twice"),
        ({"equalizer": {"dog": float("inf")}}, SettingsError, "weight of 'dog' is inf"),
        ({"cross_replace_steps": {"horse": 0.2}}, PromptError, "word 'horse'"),
        ({"targets": ["a cat on a mat"]}, PromptError, "source and target are both"),
        ({"cross_replace_steps": 0, "self_replace_steps": 0}, SettingsError, "select none of the 10 steps"),
        ({"cross_replace_steps": 0.01, "self_replace_steps": 0.01}, SettingsError, "select none of the 10 steps"),
        ({"edit": "swap"}, SettingsError, "give one of auto, replace, refine"),
        ({"targets": []}, SettingsError, "no target prompt"),
        ({"self_replace_max_pixels": 0}, SettingsError, "self_replace_max_pixels is 0"),
    ],
)
def test_what_cannot_act_is_an_error(changes, error, message):
    with pytest.raises(error, match=message):
        chosen = settings(**changes)
        plan_edit(Prompts.of(tokens, CAT.text, chosen.targets), chosen, num_steps=10, layers=LAYERS)


def test_words_of_one_of_several_targets_act_in_that_one():
    chosen = settings(targets=["a dog on a mat", "a fox on a mat"], equalizer={"fox": 2.0})
    _, acted = plan_edit(Prompts.of(tokens, CAT.text, chosen.targets), chosen, num_steps=10, layers=LAYERS)
    assert acted == (("'cat' -> 'dog'",), ("'cat' -> 'fox'", "'fox' x 2"))
