"""The report's own prompts, for Stable Diffusion and every other model without a vocabulary of its own.

The report gives no seeds, and finds a quarter of the steps most natural for self-attention.
"""

from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.settings import EditOptions
from wordbrush.figures.spec import Change, EditRow, Figure, MapsRow, NoiseRow, self_injection, swaps, weights

QUARTER: EditOptions = {"self_replace_steps": 0.25}
_DOG, _CAT = "a dog eating an apple", "a cat riding on a bicycle"
_STYLES = ("a sketch picture of {}", "an oil painting of {}", "Children drawing a disney style of {}")
_PAINTERS = ("Monet", "Picasso", "Van Gogh")


def _refined(source: str, targets: tuple[str, ...], seed: int) -> EditRow:
    return EditRow(source, tuple(Change(target, options=QUARTER) for target in targets), seed)


def _beside_plain(source: str, targets: tuple[str, ...], seed: int) -> EditRow:
    changes = tuple(Change(target, options=QUARTER) for target in targets)
    return EditRow(source, changes, seed, with_plain=True)


def _streets(seed: int) -> EditRow:
    source = "a car on the side of the street"
    return _refined(
        source, ("a Ferrari car on the side of the street", f"{source} in New York", f"{source} in Hawaii"), seed
    )


def _seasons(seed: int) -> EditRow:
    source = "a photo of a house on a mountain"
    return _refined(source, tuple(f"{source} in {season}" for season in ("autumn", "winter", "summer")), seed)


def _animals(source: str, word: str, others: tuple[str, ...], seed: int) -> EditRow:
    return swaps(source, word, others, seed, **QUARTER)


PAPER = (
    Figure(
        "1.1",
        "One word changed: the plain picture of the new prompt moves everything, the edit only what the word names.",
        (_beside_plain(_DOG, ("a cat eating an apple", "a dog eating an orange"), 0),),
    ),
    Figure("2.2", "The attention map of every word.", (MapsRow(_DOG, 0), MapsRow(_CAT, 1))),
    Figure("2.3", "Forward: a picture on its way to noise. Reverse: from noise to the picture.", (NoiseRow(_DOG, 0),)),
    Figure(
        "2.3.4",
        "Self-attention of the source kept for none to all of the steps.",
        (
            self_injection(_DOG, "a cat eating an apple", (0.0, 0.25, 0.5, 0.75, 1.0), 0),
            self_injection(_CAT, "a cat riding on a skateboard", (0.0, 0.25, 0.5, 0.75, 1.0), 1),
        ),
    ),
    Figure(
        "3.1",
        "Text replacement: the plain picture of the new prompt above, the edit below.",
        (
            _beside_plain(_DOG, ("a cat eating an apple",), 0),
            _beside_plain(_CAT, ("a cat riding on a skateboard",), 1),
        ),
    ),
    Figure(
        "3.3",
        "Text replacement: a laughing lion becomes a tiger, a panda, a bear.",
        (_animals("The photo of a lion laughing with a big mouth", "lion", ("tiger", "panda", "bear"), 0),),
    ),
    Figure(
        "3.4",
        "Text replacement: the lion of a zoo becomes a tiger, a panda, a bear.",
        (_animals("The photo of a lion in a zoo", "lion", ("tiger", "panda", "bear"), 0),),
    ),
    Figure(
        "3.5",
        "Text replacement: the rider of a bicycle becomes a dog, a panda, a bear.",
        (_animals("The photo of a small cat riding on a bicycle", "cat", ("dog", "panda", "bear"), 0),),
    ),
    Figure(
        "3.6",
        "Text refinement: another make and other places for a car, seasons for a mountain; two seeds of each.",
        (_streets(0), _streets(1), _seasons(0), _seasons(1)),
    ),
    Figure(
        "3.7",
        "Text refinement, global: a castle in three styles.",
        (_refined("a medieval castle", tuple(style.format("a medieval castle") for style in _STYLES), 0),),
    ),
    Figure(
        "3.8",
        "Text refinement, global: sunflowers in the style of three painters.",
        (_refined("sunflowers", tuple(f"a picture of sunflowers in the style of {who}" for who in _PAINTERS), 0),),
    ),
    Figure(
        "3.9",
        "Text refinement, global: high buildings in three places.",
        (
            _refined(
                "photo of lots of high buildings",
                tuple(f"photo of lots of high buildings in {place}" for place in ("Spain", "Venice", "Vatican")),
                0,
            ),
        ),
    ),
    Figure(
        "3.10",
        "Text refinement, local: something new in a garden.",
        (
            _refined(
                "photo of a small garden",
                tuple(
                    f"photo of a small garden with {what}"
                    for what in ("a old lady walking in it", "a house in the background", "dogs and cats")
                ),
                0,
            ),
        ),
    ),
    Figure(
        "3.11",
        "Text refinement, local: three kinds of car.",
        (_animals("a car on the side of the street", "a car", ("a Ferrari car", "a muscle car", "a golden car"), 0),),
    ),
    Figure(
        "3.12",
        "Text refinement, local: three kinds of dog.",
        (
            _animals(
                "A photo of a dog eating an apple", "a dog", ("a Labrador dog", "a Samoyed dog", "a black dog"), 0
            ),
        ),
    ),
    Figure(
        "3.13",
        "Re-weighting: a word with a region of its own.",
        (weights("a smiling teddy bear", "smiling", (2, 3, 4, 5), 0),),
    ),
    Figure("3.14", "Re-weighting: an adjective without one.", (weights("a lush tree", "lush", (2, 3, 4, 5), 0),)),
    Figure(
        "3.15",
        "Re-weighting: an adverb.",
        (weights("a boy playing happily with his dog", "happily", (2, 3, 4, 5), 0),),
    ),
    Figure(
        "3.16",
        "Re-weighting: the noun that the adjective of figure 3.14 meant.",
        (weights("a photo of a tree full of leaves", "leaves", (2, 3, 4, 5), 0),),
    ),
    Figure(
        "blend",
        "Beyond the report: the same edit, free and with a local blend, which keeps all but the changed words' place.",
        (
            EditRow(
                _DOG,
                (
                    Change("a cat eating an apple", "dog -> cat, free", EditOptions(self_replace_steps=0.0)),
                    Change(
                        "a cat eating an apple",
                        "dog -> cat, blended",
                        EditOptions(self_replace_steps=0.0, local_blend=LocalBlend()),
                    ),
                ),
                0,
            ),
        ),
    ),
)
"""All figures, in the report's order."""
