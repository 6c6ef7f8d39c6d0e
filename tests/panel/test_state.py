import ast
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.edits.blend import LocalBlend
from wordbrush.models.adapter_file import AdapterFile
from wordbrush.models.guides import GuidesRecord
from wordbrush.panel.program import Program
from wordbrush.panel.state import PanelState
from wordbrush.tokens.words import find_words, split_words

START = PanelState("a dog eating an apple", "a dog eating an apple", 7, 4, 7.5, (0.0, 0.8), (0.0, 0.4))
words = st.sampled_from(["a", "an", "cat", "Cat", "dog", "red", "don't", "t-shirt", ",", "!?", "big"])
prompts = st.lists(words, max_size=8).map(" ".join)


@given(prompts, prompts)
def test_every_word_of_the_target_has_a_selector_of_its_own(prompt, target):
    state = replace(START, prompt=prompt, target=target)
    places = [find_words(target, word.selector) for word in state.words()]
    assert places == [
        range(i, i + 1) for i, word in enumerate(split_words(target)) if any(map(str.isalnum, word.text))
    ]
    assert all((word.kind == "new") == (word.stands_for == "") for word in state.words())


def test_words_say_what_they_stand_for():
    state = replace(START, target="a cat eating an apple in autumn")
    assert [(word.text, word.kind, word.stands_for) for word in state.words()] == [
        ("a", "same", "a"),
        ("cat", "swapped", "dog"),
        ("eating", "same", "eating"),
        ("an", "same", "an"),
        ("apple", "same", "apple"),
        ("in", "new", ""),
        ("autumn", "new", ""),
    ]


def test_only_weights_that_act_are_given():
    state = replace(START, weights={"apple": 2.0, "dog": 1.0, "zebra": 3.0})
    assert state.equalizer() == {"apple": 2.0}
    assert replace(state, target="a zebra").equalizer() == {"zebra": 3.0}
    assert "equalizer" not in START.edit_arguments()


@pytest.mark.parametrize(
    ("target", "chosen", "words"),
    [
        ("a cat eating an apple", ("cat", "apple"), ("dog", "cat", "apple")),
        ("a dog eating an apple in the snow", ("snow",), ("snow",)),
        ("an auto eating an apple", ("auto",), ("dog", "auto[0]")),  # "auto" alone would be what the edit changes
    ],
)
def test_a_local_blend_has_the_words_and_what_they_stand_for(target, chosen, words):
    state = replace(START, target=target, blend=chosen, blend_threshold=0.5)
    assert state.local_blend() == LocalBlend(words, threshold=0.5)
    assert replace(state, target="nothing of it").local_blend() is None


texts = st.one_of(st.text(), st.sampled_from(['it\'s a "cat"', "a\\b", "a\nb", "{x} %s", "'''", '"""', "é 猫"]))


@given(texts, texts, texts, st.floats(-2, 10), st.integers(0, 2**53))
def test_the_code_says_what_the_state_says(prompt, target, model, factor, seed):
    state = replace(START, prompt=prompt, target=f"{target} cat", seed=seed, weights={"cat": factor})
    tree = ast.parse(state.code(model))
    load, generate, edit = (statement.value for statement in tree.body[1:])
    assert [ast.literal_eval(a) for a in load.args] == ([] if model == "bundled" else [model])
    assert ast.literal_eval(generate.args[0]) == prompt
    assert ast.literal_eval(edit.args[1]) == state.target
    assert {k.arg: ast.literal_eval(k.value) for k in generate.keywords} == state.generate_arguments()
    assert {k.arg: ast.literal_eval(k.value) for k in edit.keywords} == state.edit_arguments()


@pytest.mark.parametrize(("text", "literal"), [("a cat", '"a cat"'), ('a "cat"', "'a \"cat\"'"), ("it's", '"it\'s"')])
def test_texts_of_the_code_stand_in_double_quotes_where_they_can(text, literal):
    assert f"generate({literal}," in replace(START, prompt=text).code("bundled")


def test_an_added_word_is_one_word_and_the_code_loads_it():
    state = replace(START, target="a <my-dog> eating an apple", added=frozenset({"<my-dog>"}))
    assert [(word.selector, word.stands_for) for word in state.words()][1] == ("<my-dog>", "dog")
    loaded = [
        AdapterFile("concept", "<my-dog>", "my-dog.safetensors", "0" * 64),
        AdapterFile("lora", "style", "style.safetensors", "1" * 64, 0.5),
    ]
    assert state.code("bundled", loaded).splitlines()[2:5] == [
        "editor = wordbrush.Editor.from_pretrained()",
        'editor.load_concept("my-dog.safetensors", "<my-dog>")',
        'editor.load_lora("style.safetensors", 0.5, "style")',
    ]


def test_the_code_loads_what_guides_the_model_from_the_users_own_variables():
    guides = GuidesRecord(("0" * 64,), (0.5,), "1" * 64, None)
    loads = "control_image=control_image, controlnet_conditioning_scale=[0.5], ip_adapter_image=ip_adapter_image"
    line = f"editor.load_guides({loads}, ip_adapter_scale=None)"
    assert line in START.code("bundled", (), guides)
    part = replace(guides, control_guidance_start=(0.0,), control_guidance_end=(0.5,))
    assert "control_guidance_start=[0.0], control_guidance_end=[0.5], ip_adapter_image" in START.code("b", (), part)
    adapters = [AdapterFile("ip-adapter", "look", "look.safetensors", "0" * 64)]
    assert 'editor.load_ip_adapter("look.safetensors")' in START.code("b", adapters, guides)
    adapters.append(AdapterFile("image-encoder", "clip", "models/clip", "1" * 64))
    assert 'editor.load_ip_adapter("look.safetensors", "models/clip")' in START.code("b", adapters, guides)
    program = Program("bundled", "a dog", {}, None, (), (), guides)
    assert line in program.python()
    assert program.command() is None
    assert "load_guides" not in START.code("bundled")
