import re
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pages import Page
from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.settings import EditSettings
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.views.html import (
    Figure,
    acted_lines,
    card,
    code_block,
    edit_facts,
    escaped,
    facts_line,
    gallery,
    generation_facts,
    marked_prompts,
    plain_prompt,
    sheet,
    table,
    warnings,
)

HARMLESS = {"style", "class", "src", "alt", "width", "height", "scope", "tabindex", "aria-label"}

nasty = st.one_of(
    st.text(),
    st.text(alphabet="<>&\"'/=$\\`-! abs\n\0\x1b\N{RIGHT-TO-LEFT OVERRIDE}"),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' onload='alert(1)",
            "</bdi></div></td>",
            "&lt;b&gt; &amp;",
            "<!-- a cat -->",
            "<![CDATA[ a cat ]]>",
            "javascript:alert(1)",
            "$\\href{javascript:alert(1)}{cat}$",
            "a\0cat\ud800",
        ]
    ),
)


def shown(text: str) -> str:
    """A text with a mark for each character that HTML cannot hold."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if category(c) in ("Cc", "Cs") and c not in "\t\n\r" else c for c in text
    )


@given(nasty)
def test_a_prompt_means_itself(prompt):
    page = Page(plain_prompt(prompt))
    assert page.elements == [("bdi", {})]
    assert page.text == shown(prompt)


@given(nasty)
def test_text_in_an_attribute_stays_there(text):
    page = Page(gallery([Figure(b"png", 8, 8, text, plain_prompt(text))]))
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert [attributes["alt"] for attributes in images] == [shown(text)]
    assert {tag for tag, _ in page.elements} == {"div", "figure", "img", "figcaption", "bdi"}
    assert {name for _, attributes in page.elements for name in attributes} <= HARMLESS


@given(nasty, nasty, st.floats(-2, 10))
def test_marks_change_nothing_of_what_prompts_say(source, target, factor):
    before, after = (Page(html) for html in marked_prompts(source, target, {}))
    assert (before.text, after.text) == (shown(source), shown(target))
    assert {tag for tag, _ in before.elements} <= {"bdi", "del"}
    assert {tag for tag, _ in after.elements} <= {"bdi", "ins"}
    weighted = Page(marked_prompts(source, f"{target} cat", {"cat[0]": factor})[1])
    assert [tag for tag, _ in weighted.elements].count("b") == 1
    assert f"{factor:g}" in weighted.text


@given(nasty, nasty)
def test_no_piece_lets_text_out(name, value):
    for html in (
        facts_line([(name, value)]),
        acted_lines([name, value], 3),
        table([(name, escaped(value))]),
        code_block(value),
        warnings([name, value]),
        sheet(Figure(b"", 8, 8, name, escaped(value))),
    ):
        page = Page(card(html))
        assert {tag for tag, _ in page.elements} <= {"div", "bdi", "table", "tr", "th", "td", "pre", "br", "img"}
        assert {attribute for _, attributes in page.elements for attribute in attributes} <= HARMLESS
        assert shown(value) in page.text


@pytest.mark.parametrize(
    ("source", "target", "lost", "gained"),
    [
        ("a dog eating an apple", "a cat eating an apple", ["dog"], ["cat"]),
        ("a dog", "a dog in the snow", [], ["in the snow"]),
        ("a big dog", "a dog", ["big"], []),
        ("a dog, asleep", "a dog, asleep", [], []),
        ("a rabbit on a mat", "a teddy bear on a mat", ["rabbit"], ["teddy bear"]),
    ],
)
def test_what_changed_is_marked_as_whole_phrases(source, target, lost, gained):
    before, after = marked_prompts(source, target, {})
    assert re.findall(r"<del[^>]*>(.*?)</del>", before) == lost
    assert re.findall(r"<ins[^>]*>(.*?)</ins>", after) == gained


def test_weights_stand_at_their_own_words():
    after = marked_prompts("a cat and a cat", "a cat and a teddy bear", {"cat": 2.0, "Teddy Bear": -0.5})[1]
    assert (
        Page(after).text == "a cat\N{NO-BREAK SPACE}×2 and a teddy\N{NO-BREAK SPACE}×-0.5 bear\N{NO-BREAK SPACE}×-0.5"
    )


def test_no_dollar_becomes_a_formula():
    assert re.match(r'<div class="[^"]*\btex2jax_ignore\b', card("$x$"))


@pytest.mark.parametrize(
    ("size", "width"), [((64, 64), 256), ((128, 128), 256), ((100, 60), 384), ((512, 512), 384), ((8, 8), 256)]
)
def test_small_pictures_are_enlarged_by_whole_factors_and_large_ones_shrink(size, width):
    assert f'<figure style="margin:0;width:{width}px;' in gallery([Figure(b"", *size, "", "")])


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
