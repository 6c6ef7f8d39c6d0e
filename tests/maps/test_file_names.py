from hypothesis import given
from hypothesis import strategies as st

from wordbrush.maps.file_names import file_names


@given(st.lists(st.text(max_size=60), min_size=1, max_size=120))
def test_any_words_have_names_of_their_own_that_are_safe(words):
    names = file_names(words)
    assert len({name.lower() for name in names}) == len(words)
    for name in names:
        assert all(letter.isascii() and (letter.isalnum() or letter == "-") for letter in name)
        assert 0 < len(name) <= 40


def test_they_sort_as_the_words_stand():
    assert file_names(["b", "a"] * 6)[8:] == ("09-b", "10-a", "11-b", "12-a")
