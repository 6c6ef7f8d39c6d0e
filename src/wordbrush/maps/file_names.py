"""File names for arbitrary words."""

from collections.abc import Sequence

_MOST_LETTERS = 40


def file_names(words: Sequence[str]) -> tuple[str, ...]:
    """A name for each word, in order: safe on every file system, and unique.

    >>> file_names(["dog", "../teddy bear", "cat[1]", "🐱"])
    ('1-dog', '2-teddy-bear', '3-cat-1', '4')
    """
    digits = len(str(len(words)))
    names = []
    for number, word in enumerate(words, start=1):
        letters = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in word)
        names.append("-".join([f"{number:0{digits}}", *letters.lower().split()])[:_MOST_LETTERS])
    return tuple(names)
