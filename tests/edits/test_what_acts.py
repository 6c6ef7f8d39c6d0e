"""What an edit says that it did is what was applied; what could not act is an error that says so."""

import re

import numpy as np
import pytest
import torch

from wordbrush.editor import Editor
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.strength import StrengthSearch
from wordbrush.errors import IdleEditError, OutputError, PromptError, PromptWarning, SettingsError
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

RUN = {"seed": 3, "num_inference_steps": 3}
PROMPT = "a smiling cat on a mat"


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


@pytest.fixture(scope="module")
def source(editor):
    return editor.generate(PROMPT, **RUN)


def pixels(edit) -> np.ndarray:
    return np.asarray(edit.image, dtype=int)


@pytest.mark.parametrize("target", [PROMPT, f"{PROMPT} ", "A Smiling CAT on a mat", "a  smiling cat  on a mat"])
def test_a_target_of_the_same_words_asks_for_nothing(editor, source, target):
    with pytest.raises(PromptError, match="source and target are both"):
        editor.edit(source, target)


def test_an_accent_in_one_or_two_characters_is_the_same_word(editor):
    source = editor.generate("a caf\u00e9", **RUN)
    with pytest.raises(PromptError, match="source and target are both"):
        editor.edit(source, "a cafe\u0301")


@pytest.mark.parametrize("weights", [{"cat": 1}, {"cat": 1.0, "mat": 1}, {"smiling cat": np.float32(1)}])
def test_a_weight_of_1_alone_is_idle(editor, source, weights):
    with pytest.raises(IdleEditError, match=r"is 1 and the prompt .* is the source's"):
        editor.edit(source, PROMPT, equalizer=weights)


def test_a_weight_of_1_beside_a_change_is_not_reported(editor, source):
    edit = editor.edit(source, "a smiling dog on a mat", equalizer={"smiling": 1, "mat": 2})
    assert edit.record.acted == (("'cat' -> 'dog'", "'mat' x 2"),)


@pytest.mark.parametrize(
    "options",
    [
        {"cross_replace_steps": 0.0, "self_replace_steps": 0.0},
        {"mutual_self_attention": MutualSelfAttention(0.0)},
        {"plug_and_play": PlugAndPlay()},
    ],
    ids=["no window", "mutual", "plug-and-play"],
)
def test_a_weight_acts_where_no_window_is_open(editor, source, options):
    target = "a smiling dog on a mat"
    heavy = editor.edit(source, target, equalizer={"smiling": 6.0}, **options)
    assert "'smiling' x 6" in heavy.record.acted[0]
    assert "'cat' -> 'dog', by the prompt alone" in heavy.record.acted[0]
    without = {**options, "cross_replace_steps": 0.0}
    if "mutual_self_attention" in options or "plug_and_play" in options:
        assert (pixels(heavy) != pixels(editor.edit(source, target, **without))).any()
    else:
        assert (pixels(heavy) != pixels(editor.regenerate(source, target))).any()


def test_a_weight_keeps_the_published_window_where_one_is_open(editor, source):
    half = editor.edit(source, PROMPT, equalizer={"cat": 4.0}, cross_replace_steps=0.5)
    whole = editor.edit(source, PROMPT, equalizer={"cat": 4.0}, cross_replace_steps=1.0)
    assert (pixels(half) != pixels(whole)).any()


@pytest.mark.parametrize("window", [{"cat": 0.0}, {"cat": (0.5, 0.5)}, {"smiling cat": 0.0}, {"cat": 0.1}])
def test_a_weight_whose_own_window_is_empty_is_idle(editor, source, window):
    with pytest.raises(IdleEditError, match="the weight of 'cat' acts at none of the 3 steps"):
        editor.edit(source, PROMPT, equalizer={"cat": 2.0}, cross_replace_steps={"default_": 0.8, **window})


@pytest.mark.parametrize("scale", [1, 0.5, 0.0])
def test_a_negative_prompt_without_guidance_is_refused(editor, scale):
    with pytest.raises(SettingsError, match="negative_prompt does nothing at a guidance_scale of"):
        editor.generate(PROMPT, guidance_scale=scale, negative_prompt="red", **RUN)
    editor.generate(PROMPT, guidance_scale=scale, seed=1, num_inference_steps=1)


@pytest.mark.parametrize(
    ("prompt", "option"),
    [
        ("a (cat:1.3)", "equalizer"),
        ("a ((cat))", "equalizer"),
        ("a [[cat]]", "equalizer"),
        ("a [cat:dog:0.5]", "cross_replace_steps"),
        ("a cat <lora:style:0.8>", "Editor.load_lora"),
    ],
)
def test_syntax_of_web_uis_is_read_as_it_stands_and_said(editor, prompt, option):
    with pytest.warns(PromptWarning, match=option):
        editor.generation_settings(prompt)
    with pytest.warns(PromptWarning, match=option):
        editor.edit_settings(["a dog", prompt])
    with pytest.warns(PromptWarning, match=option):
        editor.generation_settings("a dog", negative_prompt=prompt)


@pytest.mark.parametrize(
    "call",
    [
        lambda editor: editor.generation_settings("a (cat:1.3)"),
        lambda editor: editor.edit_settings("a (cat:1.3)"),
        lambda editor: editor.generate("a (cat:1.3)", **RUN),
        lambda editor: editor.edit(editor.generate("a cat", **RUN), "a (cat:1.3)"),
        lambda editor: editor.find_strength(
            editor.generate("a cat", **RUN), "a (cat:1.3)", strength=StrengthSearch(1)
        ),
    ],
)
def test_a_warning_stands_where_the_editor_was_called(editor, call):
    with pytest.warns(PromptWarning) as seen:
        call(editor)
    assert [warning.filename for warning in seen] == [__file__]


@pytest.mark.parametrize("prompt", ["a cat (red)", "3:2, a cat", "a [red] cat", "time: 12:30", "<cat-toy>"])
def test_usual_marks_are_not_taken_for_it(editor, prompt):
    editor.generation_settings(prompt)


@pytest.mark.parametrize(
    "options",
    [
        {"mutual_self_attention": MutualSelfAttention(1.0)},
        {"plug_and_play": PlugAndPlay(0.0, 0.0)},
        {"cross_replace_steps": 0.0, "self_replace_steps": 0.0},
    ],
    ids=["mutual", "plug-and-play", "windows"],
)
def test_what_acts_at_no_step_is_idle(editor, source, options):
    with pytest.raises(IdleEditError):
        editor.edit(source, "a smiling dog on a mat", **options)


@pytest.mark.parametrize(
    ("edit", "target", "acted"),
    [
        ("auto", "a smiling dog on a mat", ["'cat' -> 'dog'"]),
        ("refine", "a smiling dog on a mat", ["'cat' -> 'dog', by the prompt alone"]),
        ("refine", "a big smiling dog on a mat", ["new: 'big'", "'cat' -> 'dog', by the prompt alone"]),
        ("own", "a smiling dog on a mat", ["'cat' -> 'dog', by the prompt alone"]),
        (
            "own",
            "a smiling dog on a car",
            [f"{words}, by the prompt alone" for words in ("'cat' -> 'dog'", "'mat' -> 'car'")],
        ),
        # Word by word, as text replacement pairs them, and not as they align.
        ("auto", "a cat smiling on a mat", ["new: 'cat'", "gone: 'cat'"]),
        ("replace", "a cat smiling on a mat", ["'smiling' -> 'cat'", "'cat' -> 'smiling'"]),
        ("replace", "a smiling dog on a mat", ["'cat' -> 'dog'"]),
    ],
)
def test_what_is_reported_of_words_is_what_the_edit_did_with_them(editor, source, edit, target, acted):
    made = editor.edit(source, target, edit=edit, cross_replace_steps=0.8, self_replace_steps=0.4)
    assert list(made.record.acted[0]) == acted


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cross_replace_steps": 0.8}, True),
        ({"cross_replace_steps": 0.0}, False),
        ({"cross_replace_steps": {"default_": 0.8, "dog": 0.0}}, False),
        ({"cross_replace_steps": 0.8, "equalizer": {"dog": 3.0}}, False),
        ({"cross_replace_steps": 0.8, "equalizer": {"mat": 3.0}}, True),
    ],
)
def test_new_words_are_said_to_be_multiplied_where_they_were(editor, source, options, said):
    target = "a smiling dog on a mat"
    plain, boosted = (
        editor.edit(source, target, self_replace_steps=0.8, new_word_factor=factor, **options) for factor in (1, 5)
    )
    assert ("new words x 5" in boosted.record.acted[0]) is said
    assert (pixels(plain) != pixels(boosted)).any() == said


@pytest.fixture(scope="module")
def with_added_words() -> Editor:
    pipeline = tiny_pipeline()
    for token in ("<red-dog>", "big bear"):
        pipeline.load_textual_inversion({token: torch.ones(32)}, token=token)
    return Editor.from_pipeline(pipeline)


@pytest.mark.parametrize(
    ("prompt", "inside"),
    [
        ("a <red-dog> on a mat", "dog"),
        ("a <red-dog> on a mat", "red"),
        ("a <red-dog> on a mat", "red-dog"),
        ("a big bear on a mat", "bear"),
        ("a big bear on a mat", "big"),
        ("a big bear on a mat", "bear on"),
    ],
)
def test_a_word_inside_of_an_added_token_is_no_word(with_added_words, prompt, inside):
    """It has no tokens of its own, so that nothing could act on it alone."""
    editor = with_added_words
    source = editor.generate(prompt, **RUN)
    for asked in (
        lambda: editor.edit(source, prompt, equalizer={inside: 4.0}),
        lambda: editor.edit(source, "a cat on a mat", local_blend=[inside]),
        lambda: editor.edit(
            source, prompt, equalizer={"mat": 2.0}, cross_replace_steps={"default_": 0.8, inside: 0.4}
        ),
        lambda: editor.maps(source, [inside]),
    ):
        with pytest.raises(PromptError, match=f"'{inside}' is "):
            asked()
    added = next(token for token in ("<red-dog>", "big bear") if token in prompt)
    weighted = editor.edit(source, prompt, equalizer={added: 4.0})
    assert weighted.record.acted == ((f"'{added}' x 4",),)
    assert (pixels(weighted) != pixels(source)).any()
    assert editor.edit(source, "a cat on a mat").record.acted == ((f"'{added}' -> 'cat'",),)


@pytest.mark.parametrize(
    ("options", "dtype", "remedy"),
    [
        ({"guidance_scale": 1e38}, "float32", "give smaller weights or a smaller guidance_scale"),
        ({"equalizer": {"cat": 1e38}}, "float32", "give smaller weights or a smaller guidance_scale"),
        ({"equalizer": {"cat": -1e38}}, "float32", "give smaller weights or a smaller guidance_scale"),
        ({"guidance_scale": 1e38}, "bfloat16", "try dtype='float32'"),
    ],
)
@pytest.mark.filterwarnings("ignore::wordbrush.errors.SlowDtypeWarning")
def test_what_helps_where_numbers_overflow_can_be_followed(tiny_folder, options, dtype, remedy):
    with pytest.raises(OutputError, match=re.escape(remedy)):
        Editor.from_pretrained(tiny_folder, "cpu", dtype).generate_and_edit(
            PROMPT, PROMPT.replace("mat", "car"), **RUN, **options
        )
