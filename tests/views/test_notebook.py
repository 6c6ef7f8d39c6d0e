import re
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pages import Page
from wordbrush.views.notebook import (
    ShownPicture,
    code_html,
    marks_html,
    problem_html,
    result_html,
    sheet_html,
)
from wordbrush.views.prompts import Phrase, marked_prompts, unmarked

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


def picture(text: str) -> ShownPicture:
    return ShownPicture(b"png", 8, 8, text, unmarked(text))


def text_of(phrases: tuple[Phrase, ...]) -> str:
    return "".join(piece.text for phrase in phrases for piece in phrase.pieces)


@given(nasty)
def test_text_in_an_attribute_or_a_caption_stays_there(text):
    page = Page(result_html([picture(text)], []))
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert [attributes["alt"] for attributes in images] == [shown(text)]
    assert {tag for tag, _ in page.elements} == {"div", "figure", "img", "figcaption", "bdi"}
    assert {name for _, attributes in page.elements for name in attributes} <= HARMLESS
    assert shown(text) in page.text


@given(nasty, nasty, st.floats(-2, 10))
def test_marks_change_nothing_of_what_prompts_say(source, target, factor):
    before, after = marked_prompts(source, target, {})
    assert (text_of(before), text_of(after)) == (source, target)
    page = Page(marks_html(before, after, []))
    assert page.text.strip() == f"{shown(source)} → {shown(target)}".strip()
    assert {tag for tag, _ in page.elements} <= {"div", "bdi", "del", "ins"}
    weighted = Page(marks_html(before, marked_prompts(source, f"{target} cat", {"cat[0]": factor})[1], []))
    assert [tag for tag, _ in weighted.elements].count("b") == 1
    assert f"{factor:g}" in weighted.text


@given(nasty, nasty)
def test_no_piece_lets_text_out(name, value):
    for html in (
        result_html([], [(name, value)], acted=[name, value], controlled_calls=3, warnings=[value]),
        code_html(value),
        problem_html(value),
        sheet_html(picture(value)),
    ):
        page = Page(html)
        assert {tag for tag, _ in page.elements} <= {"div", "bdi", "pre", "img"}
        assert {attribute for _, attributes in page.elements for attribute in attributes} <= {*HARMLESS, "role"}
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
    html = marks_html(*marked_prompts(source, target, {}), [])
    assert re.findall(r"<del[^>]*>(.*?)</del>", html) == lost
    assert re.findall(r"<ins[^>]*>(.*?)</ins>", html) == gained


def test_weights_stand_at_their_own_words():
    after = marked_prompts("a cat and a cat", "a cat and a teddy bear", {"cat": 2.0, "Teddy Bear": -0.5})[1]
    page = Page(marks_html((), after, []))
    assert "a cat\N{NO-BREAK SPACE}×2 and a teddy\N{NO-BREAK SPACE}×-0.5 bear\N{NO-BREAK SPACE}×-0.5" in page.text


def test_no_dollar_becomes_a_formula():
    assert re.match(r'\s*<div class="[^"]*\btex2jax_ignore\b', code_html("$x$"))


@pytest.mark.parametrize(
    ("size", "width"), [((64, 64), 256), ((128, 128), 256), ((100, 60), 384), ((512, 512), 384), ((8, 8), 256)]
)
def test_small_pictures_are_enlarged_by_whole_factors_and_large_ones_shrink(size, width):
    html = result_html([ShownPicture(b"", *size, "", unmarked(""))], [])
    assert f'<figure style="margin:0;width:{width}px;' in html
