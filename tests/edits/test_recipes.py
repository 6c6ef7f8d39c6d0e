from dataclasses import replace

import pytest
import torch

from helpers.adapter_files import concept
from helpers.rounding import assert_same_latents
from wordbrush.editor import Editor
from wordbrush.edits.recipes import (
    AROUND_ALL,
    AROUND_OUTLINES,
    EMPTIED,
    GENERATED,
    IN_REGION,
    JOINT,
    LARGER,
    MOVED,
    PAINTED,
    PHOTOGRAPH,
    RECOUNTED,
    REDRAWN,
    SWAPPED,
    WHOLE_REGION,
    WITHIN,
)
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import SettingsError
from wordbrush.json_form import from_plain, to_plain
from wordbrush.scenes.judge.judge import Judge
from wordbrush_bench.tiny.joint import SIZE, tiny_flux, tiny_sd3

SWAP, PLACE, STYLE = "a cat eating an apple", "a dog eating an apple in the snow", "a sketch of a dog eating an apple"
RUN = {"seed": 3, "num_inference_steps": 5, "guidance_scale": 2.0, "size": (32, 32)}


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.fixture(scope="module")
def source(editor):
    return editor.generate("a dog eating an apple", **RUN)


def test_a_recipe_fills_in_what_is_left_out_and_no_more(editor, source):
    chosen = editor.edit_settings(SWAP, source, recipe="auto", cross_replace_steps=0.7)
    assert chosen.kinds == ("swap",)
    assert chosen.cross_replace_steps == {"default_": (0.0, 0.7)}
    assert chosen.self_replace_steps == (0.0, 1 / RUN["num_inference_steps"])  # at least a step of five
    assert chosen.local_blend == replace(SWAPPED, subtract_words=("apple",))
    assert chosen.describe() == (
        "swap of a thing: words free after 70 %, layout after 20 % of the steps; all but a region held",
    )


def test_no_recipe_beside_a_method_or_without_a_source(editor, source):
    from wordbrush import MutualSelfAttention

    alone = editor.edit_settings(SWAP, source, recipe="auto", mutual_self_attention=MutualSelfAttention())
    assert (alone.recipe, alone.kinds, alone.local_blend) == ("published", (), None)
    assert editor.edit_settings(SWAP).recipe == "published"
    with pytest.raises(SettingsError, match="give the source too"):
        editor.edit_settings(SWAP, recipe="auto")
    with pytest.raises(SettingsError, match="recipe is 'best'; give one of auto, published"):
        editor.edit_settings(SWAP, source, recipe="best")


def test_a_model_that_says_nothing_is_edited_as_published(editor, source):
    settings = editor.edit_settings(SWAP, source)
    assert settings == EditSettings.of(SWAP, recipe="published")
    assert settings.describe() == ()


def test_the_region_can_be_left_out_and_a_mask_takes_its_place(editor, source):
    assert editor.edit_settings(SWAP, source, recipe="auto", local_blend="off").local_blend is None
    white = editor.edit(source, PLACE, recipe="auto").image.convert("L").point(lambda _: 255)
    masked = editor.edit_settings(SWAP, source, recipe="auto", mask=white)
    assert masked.local_blend is not None
    assert masked.local_blend.words == ()


def test_targets_of_several_kinds_run_in_one_batch_as_they_do_alone(editor, source):
    together = editor.edit(source, [SWAP, PLACE, STYLE], recipe="auto")
    settings = together[0].record.edit
    assert settings.kinds == ("swap", "place", "style")
    around = replace(AROUND_ALL, subtract_words=("dog", "apple"))
    beside = replace(SWAPPED, subtract_words=("apple",))
    assert [control.local_blend for control in settings.controls] == [beside, around, None]
    for result in together:
        alone = editor.edit(source, result.target, recipe="auto")
        assert_same_latents(result.latents, alone.latents)
        assert result.record.acted[result.index] == alone.record.acted[0]
        assert (result.blend_masks is None) == (alone.blend_masks is None)
    held = ~together[0].blend_masks[-1]
    assert torch.equal(together[0].latents[0][:, held], source.latents[0][:, held])
    assert from_plain(EditSettings, to_plain(settings), "the record") == settings
    again = editor.replay(together[0].record)
    assert [result.image.tobytes() for result in again] == [result.image.tobytes() for result in together]


@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_a_recipe_acts_in_a_run_of_few_steps(editor, num_steps):
    few = editor.generate("a dog eating an apple", **{**RUN, "num_inference_steps": num_steps})
    for target in (SWAP, PLACE):
        assert editor.edit(few, target, recipe="auto").record.controlled_calls


def test_only_words_that_change_are_freed_early(editor, source):
    coloured = editor.edit_settings("a dog eating a green apple", source, recipe="auto").cross_replace_steps
    recipe = GENERATED["attribute"]
    assert coloured == {"green": (0.0, recipe.changed_steps), "default_": (0.0, recipe.kept_steps)}
    assert recipe.changed_steps < recipe.kept_steps
    longer = editor.edit_settings("a cat eating a big apple", source, recipe="auto").cross_replace_steps
    assert set(longer) == {"cat", "big", "default_"}


def test_a_swap_holds_only_things_that_stay(editor, source):
    result = editor.edit(source, SWAP, recipe="auto")
    settings, recipe = result.record.edit, GENERATED["swap"]
    assert settings.cross_replace_steps == {"apple": (0.0, recipe.things_steps), "default_": (0.0, recipe.kept_steps)}
    assert settings.describe()[0].startswith("swap of a thing: 'apple' free after 80 %, others after 15 %")
    assert from_plain(EditSettings, to_plain(settings), "the record") == settings
    others = editor.edit(source, SWAP, recipe="auto", cross_replace_steps=recipe.kept_steps)
    assert not torch.equal(others.latents, result.latents)  # the thing's window acts
    alone = editor.generate("a dog on the beach", **RUN)
    swapped = editor.edit_settings("a cat on the beach", alone, recipe="auto").cross_replace_steps
    assert swapped == {"default_": (0.0, recipe.kept_steps)}


def test_a_word_of_ones_own_is_free_at_once_in_a_region(editor, source, tmp_path):
    editor.load_concept(concept(tmp_path / "rex.safetensors"))
    try:
        made = editor.generate("a dog eating an apple", **RUN)
        result = editor.edit(made, "a <rex> eating an apple", recipe="auto")
    finally:
        editor.unload_concept("<rex>")
    settings, recipe = result.record.edit, GENERATED["own"]
    assert settings.kinds == ("own",)
    assert settings.cross_replace_steps == {"<rex>": (0.0, 0.0), "default_": (0.0, recipe.kept_steps)}
    assert settings.self_replace_steps == (0.0, 1 / RUN["num_inference_steps"])
    assert settings.local_blend == recipe.local_blend
    assert settings.describe()[0].startswith("swap for a word of your own: '<rex>' free after 0 %, others after 20 %")
    assert from_plain(EditSettings, to_plain(settings), "the record") == settings


def test_what_is_asked_of_a_word_stands_beside_a_recipe(editor, source):
    asked = {"cat": 0.9, "default_": 0.3}
    chosen = editor.edit_settings(SWAP, source, recipe="auto", cross_replace_steps=asked)
    assert chosen.cross_replace_steps == {"cat": (0.0, 0.9), "default_": (0.0, 0.3)}
    assert "'cat' free after 90 %, others after 30 %" in chosen.describe()[0]


def test_a_new_place_leaves_the_things_that_stay_as_they_are():
    editor = Editor.from_pretrained()
    source = editor.generate("a dog eating an apple on the beach", seed=2, num_inference_steps=4)
    (moved,) = editor.edit(source, ["a dog eating an apple at night"], recipe="auto")
    held = ~moved.blend_masks[-1]
    assert 0.02 < held.float().mean() < 0.8
    assert torch.equal(moved.latents[0][:, held], source.latents[0][:, held])
    assert moved.record.acted[0][-1].startswith("only where 'dog' or 'apple' is not")


def sized(words, others, scale):
    """The region of a thing that is to have another size, or of several, which are left to the prompt."""
    if not scale:
        return replace(IN_REGION, words=words)
    return replace(REDRAWN, words=words, subtract_words=others, fill_scale=scale)


def around_outlines(words):
    """All but the things that stay, to their outlines."""
    return replace(AROUND_OUTLINES, subtract_words=words)


def counted(words, others, counts):
    """The region of a thing that is to be there in another number."""
    return replace(RECOUNTED, words=words, subtract_words=others, fill_counts=counts)


def painted(thing, colour):
    """The region of a thing that is given a colour."""
    return replace(PAINTED, words=(thing,), fill_colour=colour)


def moved(thing, other, relation):
    """The region of a thing that is to stand otherwise to another."""
    return replace(MOVED, words=(thing,), subtract_words=(other,), fill_relation=relation)


@pytest.mark.parametrize(
    ("source", "target", "region"),
    [
        ("a fox wearing a red hat", "a fox wearing a blue hat", painted("hat", (0, 0, 255))),
        ("a fox wearing a hat", "a fox wearing a golden hat", painted("hat", (255, 215, 0))),
        ("a fox wearing a red hat", "a fox wearing a striped hat", replace(WITHIN, words=("hat",))),
        ("a fox wearing a red hat", "a fox wearing a hat", replace(WITHIN, words=("hat",))),
        ("a fox next to a hat at the zoo", "a fox wearing a hat at the zoo", moved("hat", "fox", "worn by")),
        ("a fox riding on a horse", "a fox next to a horse", moved("fox", "horse", "beside")),
        ("a fox behind a hat at the zoo", "a fox under a hat at the zoo", replace(IN_REGION, words=("fox", "hat"))),
        ("a fox sitting on a bed", "a fox sleeping on a bed", replace(IN_REGION, words=("fox", "bed"))),
        ("a fox wearing a hat at the zoo", "a fox at the zoo", replace(EMPTIED, subtract_words=("fox",))),
        ("a fox and a hat", "a big fox and a hat", sized(("fox",), ("hat",), LARGER)),
        ("a small teddy bear", "a huge teddy bear", sized(("teddy", "bear"), (), LARGER**2)),
        ("a fox wearing a big hat", "a fox wearing a hat", sized(("hat",), ("fox",), 1 / LARGER)),
        ("a fox and a hat", "a big fox and a big hat", sized(("fox", "hat"), (), 0)),
        ("a tall fox", "a wide fox", sized(("fox",), (), 0)),
        ("a fox", "two foxes", counted(("fox", "foxes"), (), (1, 2))),
        ("three foxes and a dog", "two foxes and a dog", counted(("foxes",), ("dog",), (3, 2))),
        ("foxes", "two foxes", IN_REGION),
        ("a fox and a dog", "a fox", replace(EMPTIED, subtract_words=("fox",))),
        ("a fox in a forest", "a lion at night", None),
        ("a fox with a hat in a forest", "a lion with a hat at night", around_outlines(("hat",))),
        ("a fox in a forest", "a fox at night", replace(AROUND_ALL, subtract_words=("fox",))),
        ("a dog and a dog in a forest", "a dog and a dog at night", None),
    ],
)
def test_whose_region_an_edit_changes(editor, source, target, region):
    made = editor.generate(source, **RUN)
    assert editor.edit_settings(target, made, recipe="auto").local_blend == region


def test_less_of_an_edit_shows_in_a_photograph():
    """What hardly differs from it stays as it was, but where a thing goes, whose edge would be seen again."""
    for kind in ("swap", "addition", "size", "number", "mixed"):
        shown, drawn = (table[kind].local_blend.least_pixel_difference for table in (PHOTOGRAPH, GENERATED))
        assert shown > drawn, kind
    assert PHOTOGRAPH["removal"] == GENERATED["removal"]


def test_a_thing_of_another_size_is_the_sources_thing_in_that_size_first():
    editor = Editor.from_pretrained()
    source = editor.generate("a panda eating an avocado", seed=5)
    larger = editor.edit(source, "a panda eating a big avocado", recipe="auto")
    told = "how large a thing is: words free after 10 %, layout after 25 % of the steps; all but a region held, which "
    assert larger.record.edit.describe()[0] == told + "shows the thing 1.3 x as long for 60 %"
    judge = Judge.load()
    before, after = judge.all([source.image, larger.image])
    assert after.where("avocado").sum() > before.where("avocado").sum()
    assert after.shows("panda")
    assert torch.equal(editor.replay(larger.record)[0].latents, larger.latents)


@pytest.mark.parametrize("build", [tiny_sd3, tiny_flux])
def test_joint_attention_has_recipes_of_its_own(build):
    """Words keep their own maps; the layout is held for a fifth of the steps, and pixels outside of a region."""
    editor = Editor.from_pipeline(build())
    source = editor.generate("a dog eating an apple", seed=3, num_inference_steps=5, size=SIZE)
    targets = [SWAP, "a dog", STYLE]
    assert editor.edit_settings(SWAP, source).recipe == "published"
    results = editor.edit(source, targets, recipe="auto")
    settings = results[0].record.edit
    assert settings.kinds == ("swap", "removal", "style")
    assert [control.local_blend for control in settings.controls] == [WHOLE_REGION, WHOLE_REGION, None]
    for control in settings.controls:
        assert control.self_replace_steps == (0.0, 0.2)
        assert set(control.cross_replace_steps.values()) == {(0.0, 1.0)}
    assert settings.describe()[0] == "swap of a thing: layout free after 20 % of the steps; all but a region held"
    assert settings.describe()[2] == "style of the picture: layout free after 20 % of the steps; no region held"
    for result in results[:2]:
        held = ~result.blend_masks[-1]  # nowhere, where random weights look everywhere alike
        assert torch.equal(result.latents[0][:, held], source.latents[0][:, held])
    again = editor.replay(results[0].record)
    assert [each.image.tobytes() for each in again] == [each.image.tobytes() for each in results]
    by_words = editor.edit_settings(SWAP, source, recipe="auto", edit="auto")
    assert "words free after 100 %" in by_words.describe()[0]
    one = editor.generate("a dog eating an apple", seed=3, num_inference_steps=2, size=SIZE)
    assert editor.edit_settings(SWAP, one, recipe="auto").self_replace_steps == (0.0, 0.5)
    assert JOINT["swap"] != GENERATED["swap"]
