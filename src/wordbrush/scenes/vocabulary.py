"""The words of the bundled model's world."""

from dataclasses import dataclass
from typing import Literal

Category = Literal["animal", "food", "ride", "thing"]


@dataclass(frozen=True)
class Noun:
    """A thing that scenes show.

    Its word, the emoji that draws it (CLDR slug), its kind, its height in the picture relative to an animal's head,
    its plural if scenes count it (else ""), and whether it takes no article ("cherries", "bread").
    """

    word: str
    emoji: str
    category: Category
    size: float
    plural: str = ""
    bare: bool = False


def _nouns() -> tuple[Noun, ...]:
    def animal(word: str, emoji: str, size: float, plural: str) -> Noun:
        return Noun(word, emoji, "animal", size, plural)

    def food(word: str, emoji: str, size: float, plural: str = "", *, bare: bool = False) -> Noun:
        return Noun(word, emoji, "food", size, plural, bare)

    def ride(word: str, emoji: str, size: float) -> Noun:
        return Noun(word, emoji, "ride", size)

    def thing(word: str, emoji: str, size: float, plural: str = "") -> Noun:
        return Noun(word, emoji, "thing", size, plural)

    return (
        animal("dog", "dog-face", 1.0, "dogs"),
        animal("cat", "cat-face", 1.0, "cats"),
        animal("lion", "lion", 1.1, "lions"),
        animal("tiger", "tiger-face", 1.05, "tigers"),
        animal("panda", "panda", 1.05, "pandas"),
        animal("bear", "bear", 1.1, "bears"),
        animal("rabbit", "rabbit-face", 1.05, "rabbits"),
        animal("fox", "fox", 1.0, "foxes"),
        animal("frog", "frog", 0.95, "frogs"),
        animal("pig", "pig-face", 1.0, "pigs"),
        animal("monkey", "monkey-face", 0.95, "monkeys"),
        animal("koala", "koala", 1.0, "koalas"),
        animal("cow", "cow-face", 1.1, "cows"),
        animal("penguin", "penguin", 1.0, "penguins"),
        animal("mouse", "mouse-face", 0.9, "mice"),
        animal("chicken", "chicken", 0.95, "chickens"),
        animal("horse", "horse-face", 1.1, "horses"),
        animal("owl", "owl", 1.0, "owls"),
        animal("duck", "duck", 0.95, "ducks"),
        animal("elephant", "elephant", 1.2, ""),
        animal("turtle", "turtle", 0.95, ""),
        animal("goat", "goat", 1.05, ""),
        animal("hamster", "hamster", 0.95, ""),
        animal("teddy bear", "teddy-bear", 1.0, ""),
        animal("unicorn", "unicorn", 1.1, ""),
        animal("raccoon", "raccoon", 1.0, ""),
        animal("giraffe", "giraffe", 1.2, ""),
        animal("dinosaur", "sauropod", 1.2, ""),
        animal("wolf", "wolf", 1.05, ""),
        animal("robot", "robot", 1.0, ""),
        animal("snowman", "snowman-without-snow", 1.1, ""),
        food("apple", "red-apple", 0.62, "apples"),
        food("orange", "tangerine", 0.6, "oranges"),
        food("banana", "banana", 0.68, "bananas"),
        food("strawberry", "strawberry", 0.5, "strawberries"),
        food("watermelon", "watermelon", 0.8),
        food("cake", "shortcake", 0.72, "cakes"),
        food("pizza", "pizza", 0.76),
        food("lemon", "lemon", 0.58, "lemons"),
        food("carrot", "carrot", 0.68, "carrots"),
        food("donut", "doughnut", 0.62, "donuts"),
        food("cherries", "cherries", 0.56, bare=True),
        food("grapes", "grapes", 0.62, bare=True),
        food("pear", "pear", 0.62, "pears"),
        food("peach", "peach", 0.58),
        food("pineapple", "pineapple", 0.78),
        food("hamburger", "hamburger", 0.68),
        food("ice cream", "soft-ice-cream", 0.68),
        food("cookie", "cookie", 0.58, "cookies"),
        food("bread", "bread", 0.66, bare=True),
        food("cheese", "cheese-wedge", 0.64, bare=True),
        food("mushroom", "mushroom", 0.6, "mushrooms"),
        food("avocado", "avocado", 0.62),
        food("lollipop", "lollipop", 0.6),
        ride("bicycle", "bicycle", 1.0),
        ride("skateboard", "skateboard", 0.78),
        ride("car", "automobile", 1.0),
        ride("scooter", "kick-scooter", 1.0),
        ride("bus", "bus", 1.1),
        ride("train", "locomotive", 1.1),
        ride("boat", "sailboat", 1.1),
        ride("rocket", "rocket", 1.05),
        ride("tractor", "tractor", 1.1),
        thing("house", "house", 1.35),
        thing("castle", "castle", 1.45),
        thing("tree", "deciduous-tree", 1.35, "trees"),
        thing("tent", "tent", 1.25),
        thing("cactus", "cactus", 1.05),
        thing("sunflower", "sunflower", 0.85, "sunflowers"),
        thing("rose", "rose", 0.75, "roses"),
        thing("balloon", "balloon", 0.8, "balloons"),
        thing("umbrella", "umbrella-with-rain-drops", 0.9),
        thing("guitar", "guitar", 0.85),
        thing("drum", "drum", 0.7),
        thing("trumpet", "trumpet", 0.75),
        thing("kite", "kite", 0.8),
        thing("ball", "soccer-ball", 0.6, "balls"),
        thing("book", "blue-book", 0.62, "books"),
        thing("gift", "wrapped-gift", 0.66, "gifts"),
        thing("chair", "chair", 0.9),
        thing("clock", "alarm-clock", 0.7),
        thing("crown", "crown", 0.66),
        thing("hat", "top-hat", 0.62),
    )


NOUNS = {noun.word: noun for noun in _nouns()}

BUILDINGS = ("house", "castle", "tree", "tent")
"""Things large enough to be behind others."""

HELD = (
    "sunflower",
    "rose",
    "balloon",
    "umbrella",
    "guitar",
    "drum",
    "trumpet",
    "kite",
    "ball",
    "book",
    "gift",
    "clock",
)
"""Things that can be held."""

WORN = ("crown", "hat")
FLYING = ("balloon", "kite", "rocket")
"""Things that hover above others."""

PLACES = {
    "garden": "in the garden",
    "beach": "on the beach",
    "snow": "in the snow",
    "street": "on the street",
    "night": "at night",
    "forest": "in the forest",
    "desert": "in the desert",
    "zoo": "at the zoo",
    "city": "in the city",
    "mountain": "on a mountain",
    "farm": "on a farm",
    "sea": "under the sea",
    "space": "in space",
}
"""Places by name, with the words for them in a caption. A caption without a place shows a plain wall."""

SEASONS = ("spring", "summer", "autumn", "winter")
SEASONAL = ("garden", "forest", "mountain", "farm")
"""Places that look different in each season."""

RELATIONS = ("eating", "riding on", "next to", "holding", "in front of", "above", "wearing")
SIZES = ("small", "big")

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.88, 0.16, 0.16),
    "golden": (0.98, 0.8, 0.22),
    "green": (0.22, 0.68, 0.28),
    "blue": (0.2, 0.42, 0.92),
    "purple": (0.58, 0.3, 0.82),
    "pink": (0.99, 0.55, 0.72),
    "white": (0.97, 0.97, 0.97),
    "black": (0.16, 0.16, 0.18),
}
"""Colours that a thing can be painted in: red, green and blue in 0..1. "orange" is missing because it is a fruit."""

EXPRESSIONS = {
    ("cat", "smiling"): "grinning-cat-with-smiling-eyes",
    ("cat", "crying"): "crying-cat",
    ("cat", "angry"): "pouting-cat",
}
"""Facial expressions that the art has: noun and adjective, and the emoji that draws it."""

STYLES = {
    "photo": "a photo of",
    "sketch": "a sketch of",
    "oil painting": "an oil painting of",
    "watercolor": "a watercolor of",
    "pixel art": "pixel art of",
}
"""Styles of a whole picture by name, with the words that begin a caption."""

NUMBERS = {2: "two", 3: "three"}

_GRAMMAR = "a an the picture of in on at and with is are"

SYNONYMS = {
    "puppy": "dog",
    "hound": "dog",
    "kitten": "cat",
    "kitty": "cat",
    "bike": "bicycle",
    "bunny": "rabbit",
    "hare": "rabbit",
    "piglet": "pig",
    "ape": "monkey",
    "calf": "cow",
    "hen": "chicken",
    "rat": "mouse",
    "pony": "horse",
    "tangerine": "orange",
    "melon": "watermelon",
    "doughnut": "donut",
    "burger": "hamburger",
    "cherry": "cherries",
    "grape": "grapes",
    "automobile": "car",
    "truck": "bus",
    "locomotive": "train",
    "ship": "boat",
    "present": "gift",
    "flower": "sunflower",
    "home": "house",
    "fall": "autumn",
    "road": "street",
    "park": "garden",
    "ocean": "sea",
    "woods": "forest",
    "hill": "mountain",
    "little": "small",
    "tiny": "small",
    "large": "big",
    "huge": "big",
    "yellow": "golden",
    "gold": "golden",
    "violet": "purple",
    "happy": "smiling",
    "sad": "crying",
    "photograph": "photo",
    "drawing": "sketch",
}
"""Words that people type, and the nearest words that scenes show."""


def known_words() -> frozenset[str]:
    """Every word that a caption can have.

    >>> {"dog", "dogs", "teddy", "riding", "snow", "golden", "watercolor"} <= known_words()
    True
    """
    plurals = (noun.plural for noun in NOUNS.values())
    faces = (face for _, face in EXPRESSIONS)
    listed = (*NOUNS, *plurals, *PLACES.values(), *SEASONS, *RELATIONS, *SIZES, *COLOURS, *faces, *STYLES.values())
    return frozenset(word for phrase in (*listed, *NUMBERS.values(), _GRAMMAR) for word in phrase.split())
