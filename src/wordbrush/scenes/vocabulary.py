"""The words of the bundled model's world."""

from dataclasses import dataclass
from typing import Literal

Category = Literal["animal", "food", "ride"]


@dataclass(frozen=True)
class Noun:
    """A thing that scenes show: its word, the emoji that draws it (CLDR slug), its kind, its height in the picture
    relative to an animal's head.
    """

    word: str
    emoji: str
    category: Category
    size: float


NOUNS = {
    noun.word: noun
    for noun in (
        Noun("dog", "dog-face", "animal", 1.0),
        Noun("cat", "cat-face", "animal", 1.0),
        Noun("lion", "lion", "animal", 1.1),
        Noun("tiger", "tiger-face", "animal", 1.05),
        Noun("panda", "panda", "animal", 1.05),
        Noun("bear", "bear", "animal", 1.1),
        Noun("rabbit", "rabbit-face", "animal", 1.05),
        Noun("fox", "fox", "animal", 1.0),
        Noun("frog", "frog", "animal", 0.95),
        Noun("pig", "pig-face", "animal", 1.0),
        Noun("monkey", "monkey-face", "animal", 0.95),
        Noun("koala", "koala", "animal", 1.0),
        Noun("cow", "cow-face", "animal", 1.1),
        Noun("penguin", "penguin", "animal", 1.0),
        Noun("mouse", "mouse-face", "animal", 0.9),
        Noun("chicken", "chicken", "animal", 0.95),
        Noun("apple", "red-apple", "food", 0.62),
        Noun("orange", "tangerine", "food", 0.6),
        Noun("banana", "banana", "food", 0.68),
        Noun("strawberry", "strawberry", "food", 0.56),
        Noun("watermelon", "watermelon", "food", 0.74),
        Noun("cake", "shortcake", "food", 0.72),
        Noun("pizza", "pizza", "food", 0.72),
        Noun("lemon", "lemon", "food", 0.58),
        Noun("carrot", "carrot", "food", 0.68),
        Noun("donut", "doughnut", "food", 0.62),
        Noun("bicycle", "bicycle", "ride", 1.0),
        Noun("skateboard", "skateboard", "ride", 0.72),
        Noun("car", "automobile", "ride", 1.0),
        Noun("scooter", "kick-scooter", "ride", 1.0),
        Noun("bus", "bus", "ride", 1.05),
    )
}

PLACES = {
    "garden": "in the garden",
    "beach": "on the beach",
    "snow": "in the snow",
    "street": "on the street",
    "night": "at night",
    "forest": "in the forest",
    "desert": "in the desert",
}
"""Places by name, and how a caption says them. A caption without one shows a plain wall."""

RELATIONS = ("eating", "riding on", "next to")
SIZES = ("small", "big")

_GRAMMAR = "a an the photo of in on at and with"

SYNONYMS = {
    "puppy": "dog",
    "hound": "dog",
    "kitten": "cat",
    "kitty": "cat",
    "bike": "bicycle",
    "bunny": "rabbit",
    "hare": "rabbit",
    "teddy": "bear",
    "piglet": "pig",
    "ape": "monkey",
    "calf": "cow",
    "hen": "chicken",
    "rat": "mouse",
    "mice": "mouse",
    "tangerine": "orange",
    "melon": "watermelon",
    "doughnut": "donut",
    "automobile": "car",
    "truck": "bus",
    "city": "street",
    "road": "street",
    "park": "garden",
    "sea": "beach",
    "winter": "snow",
    "woods": "forest",
    "little": "small",
    "tiny": "small",
    "large": "big",
    "huge": "big",
}
"""Words that people type, and the nearest one that scenes show."""


def known_words() -> frozenset[str]:
    """Every word that a caption can hold.

    >>> {"dog", "riding", "snow"} <= known_words()
    True
    """
    phrases = [*NOUNS, *PLACES.values(), *RELATIONS, *SIZES, _GRAMMAR]
    return frozenset(word for phrase in phrases for word in phrase.split())
