import pytest

from wordbrush.edits.relations import Rearrangement, rearranged
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens


def moves(source, target):
    return rearranged(PromptPair.of(*(PromptTokens.words_of(text) for text in (source, target))))


@pytest.mark.parametrize(
    ("source", "target", "found"),
    [
        ("a cat next to a sofa", "a cat sitting on a sofa", (("cat",), ("sofa",), "on")),
        ("a cat and a sofa", "a cat on top of a sofa", (("cat",), ("sofa",), "on")),
        ("a cat on a sofa", "a cat near a sofa", (("cat",), ("sofa",), "beside")),
        (
            "a photo of a cat by a big sofa at night",
            "a photo of a cat on a big sofa at night",
            (("cat",), ("sofa",), "on"),
        ),
        ("a bear with a hat at the zoo", "a bear wearing a hat at the zoo", (("hat",), ("bear",), "worn by")),
        ("a bear is wearing a hat", "a bear is next to a hat", (("hat",), ("bear",), "beside")),
        ("a cup on a table", "a cup to the right of a table", (("cup",), ("table",), "right of")),
        ("a teddy bear on a bus", "a teddy bear beside a bus", (("teddy", "bear"), ("bus",), "beside")),
    ],
)
def test_what_moves_where(source, target, found):
    assert moves(source, target) == Rearrangement(*found)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("a cat next to a sofa", "a dog on a sofa"),
        ("a cat next to a cat", "a cat on a cat"),
        ("a cat next to a sofa", "a cat near a sofa"),
        ("a cat on a sofa", "a cat and a sofa"),
        ("a cat in a city", "a cat next to a city"),
        ("a cat sitting next to a sofa", "a cat sleeping next to a sofa"),
        ("a cat eating an apple", "a cat on an apple"),
        ("a cat on a hat", "a cat wearing a hat"),
        ("a woman with shoes", "a woman wearing shoes"),
        ("a cat next to a sofa and a lamp", "a cat on a sofa beside a lamp"),
        ("a cat", "a cat on a sofa"),
    ],
)
def test_nothing_moves_where_it_is_not_said_of_two_things_that_are_there(source, target):
    assert moves(source, target) is None
