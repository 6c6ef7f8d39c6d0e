import pytest

from wordbrush.scenes.vocabulary import SYNONYMS, known_words
from wordbrush.tokens.unknown_words import unknown_words

KNOWN = {"a", "an", "dog", "lion", "snow", "ice cream", "eating"}


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("A Dog eating snow, an LION!", {}),
        ("a lions", {"lions": "lion"}),
        ("a puppy", {"puppy": "dog"}),
        ("two puppies", {"two": None, "puppies": "dog"}),
        ("a Xylophone", {"Xylophone": None}),
        ("", {}),
        ("... !!", {}),
    ],
)
def test_unknown_words_and_their_nearest(prompt: str, expected: dict[str, str | None]) -> None:
    assert unknown_words([prompt], KNOWN, {"puppy": "dog", "puppie": "dog"}) == expected


def test_meaning_wins_over_spelling_and_only_known_words_are_offered() -> None:
    assert unknown_words(["a lionet"], KNOWN, {"lionet": "dog"}) == {"lionet": "dog"}
    assert unknown_words(["a lionet"], KNOWN, {"lionet": "zebra"}) == {"lionet": "lion"}


def test_the_bundled_models_synonyms_lead_to_words_it_knows() -> None:
    known = known_words()
    assert not set(SYNONYMS) & set(known)
    assert set(SYNONYMS.values()) <= set(known)
