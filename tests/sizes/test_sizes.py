import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordbrush.scenes.vocabulary import NOUNS, SYNONYMS
from wordbrush.sizes.lookup import find_size
from wordbrush.sizes.ratio import LARGEST_RATIO, picture_ratio, share_alone
from wordbrush.sizes.table import Size, kinds, sizes

ROOT = Path(__file__).parents[2]

REPORT = (
    "dog cat apple orange watermelon bicycle skateboard lion tiger panda bear rabbit",
    "car street house mountain castle sunflowers buildings garden lady dogs cats tree boy leaves photo",
)
"""The nouns of the report's experiments that name a thing; "teddy bear" and "old lady" stand apart."""


def test_the_table_is_large_and_whole() -> None:
    table = sizes()
    assert len(table) >= 1500
    assert len({size.category for size in table.values()}) >= 15
    for noun, size in table.items():
        assert noun == size.noun == noun.casefold().strip()
        assert size.metres > 0
        assert size.category
        assert size.source


def test_the_table_holds_what_was_set_right_by_hand() -> None:
    with (ROOT / "tools/sizes/corrections.csv").open(encoding="utf-8", newline="") as file:
        corrected = list(csv.DictReader(file))
    assert len(corrected) >= 150
    for row in corrected:
        assert sizes()[row["noun"]].metres == float(row["metres"]), row["noun"]


def test_other_names_lead_to_a_noun_of_the_table_and_have_no_row_of_their_own() -> None:
    assert [word for word, kind in kinds().items() if kind.noun not in sizes()] == []
    assert kinds().keys() & sizes().keys() == set()


@pytest.mark.parametrize(
    "noun", [*NOUNS, *(n.plural for n in NOUNS.values() if n.plural), "teddy bear", *" ".join(REPORT).split()]
)
def test_the_bundled_models_nouns_and_the_reports_are_known_as_themselves(noun: str) -> None:
    found = find_size(noun)
    assert found is not None
    assert found.note == ""


def test_the_bundled_models_synonyms_are_known() -> None:
    things = {word for word, noun in SYNONYMS.items() if noun in NOUNS}
    assert {word for word in things if find_size(word) is None} == set()


@pytest.mark.parametrize(
    ("phrase", "noun", "said"),
    [
        ("Watermelons", "watermelon", False),
        ("two boxes", "box", True),
        ("knives", "knife", False),
        ("policemen", "police officer", False),
        ("snowmen", "snowman", False),
        ("a bottle of wine", "bottle", False),
        ("toy car", "toy", True),
        ("teddy bear", "teddy bear", False),
        ("fluffy teddy bear", "teddy bear", True),
        ("a German shepherd", "dog", True),
        ("spaniels", "dog", True),
        ("motorbike", "motorcycle", False),
    ],
)
def test_a_phrase_has_the_size_of_its_head_or_its_kind_and_says_so(phrase: str, noun: str, said: bool) -> None:
    found = find_size(phrase)
    assert found is not None
    assert found.size.noun == noun
    assert bool(found.note) == said
    if said:
        assert f"'{noun}'" in found.note


@pytest.mark.parametrize("phrase", ["", "of", "democracy", "xyzzy", "the"])
def test_what_names_no_thing_has_no_size(phrase: str) -> None:
    assert find_size(phrase) is None


@given(st.text())
def test_any_text_can_be_asked_for(phrase: str) -> None:
    found = find_size(phrase)
    assert found is None or found.size.metres > 0


lengths = st.floats(1e-3, 1e4)


def thing(metres: float, category: str = "object") -> Size:
    return Size("thing", category, metres, "a test")


@given(lengths, lengths, st.lists(lengths, max_size=2))
def test_a_ratio_is_bounded_and_turns_around(old: float, new: float, others: list[float]) -> None:
    company = [thing(metres) for metres in others]
    ratio = picture_ratio(thing(old), thing(new), company)
    assert 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO
    assert ratio * picture_ratio(thing(new), thing(old), company) == pytest.approx(1.0)
    assert (ratio - 1) * (new - old) >= 0


@given(lengths, lengths)
def test_company_never_lessens_a_ratio(old: float, new: float) -> None:
    alone, beside = (picture_ratio(thing(old), thing(new), others) for others in ((), (thing(1.0),)))
    assert abs(beside - 1) >= abs(alone - 1) - 1e-12


def test_a_background_is_no_measure() -> None:
    apple, watermelon = thing(0.08), thing(0.3)
    assert picture_ratio(apple, watermelon, [thing(60.0, "building")]) == picture_ratio(apple, watermelon)


@given(lengths, lengths)
def test_the_share_of_a_thing_alone_grows_with_its_length(one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert 1 / 3 <= share_alone(small) <= share_alone(large) <= 2 / 3 + 1e-12
