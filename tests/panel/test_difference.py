from wordbrush.panel.difference import chips


def shown(source, target, weights=None):
    return [(chip.text, chip.kind, chip.stands_for) for chip in chips(source, target, weights or {})]


def test_each_word_says_what_became_of_it():
    assert shown("a big dog sleeps", "a cat sleeps soundly") == [
        ("a", "kept", "a"),
        ("cat", "replaced", "big dog"),
        ("sleeps", "kept", "sleeps"),
        ("soundly", "added", ""),
    ]
    assert shown("a red dog", "a dog")[1] == ("red", "dropped", "red")


def test_a_word_that_occurs_twice_is_named_by_its_place():
    both = chips("a cat and a cat", "a cat and a dog", {"a[1]": 2.0})
    assert [chip.selector for chip in both] == ["a[0]", "cat", "and", "a[1]", "dog"]
    assert [chip.weight for chip in both] == [1.0, 1.0, 1.0, 2.0, 1.0]


def test_a_weight_of_a_word_that_is_not_there_is_nobodys():
    assert all(chip.weight == 1 for chip in chips("a dog", "a cat", {"horse": 3.0}))
