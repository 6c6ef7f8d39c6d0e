"""The same experiments for the bundled model: the report's prompts where it knows their words, else the same kind of
edit, and a note that says so. Where seeds or windows were chosen by looking at several, the note says that too.
"""

from wordbrush.edits.blend import LocalBlend
from wordbrush.figures.spec import Change, EditRow, Figure, MapsRow, NoiseRow, self_injection, swaps, weights

_SEED = "Seed 9 has the clearest bicycle of four that were tried."
_WINDOWS = "Windows are shorter than the default, which left the places nearly as they were."
_WEIGHTS = "Self-attention is let go: kept for the default 80 % of the steps it hid what weights do."
_DOG, _CAT = "a dog eating an apple", "a cat riding on a bicycle"
_EARLY = {"cross_replace_steps": 0.4, "self_replace_steps": 0.2}
"""A new place changes the whole picture: less of the source is kept."""
_FREE = {"cross_replace_steps": 1.0, "self_replace_steps": 0.0}
"""The source's self-attention would hold what a weight is to change."""


def _beside_plain(source: str, targets: tuple[str, ...], seed: int) -> EditRow:
    return EditRow(source, tuple(map(Change, targets)), seed, with_plain=True)


def _refined(source: str, targets: tuple[str, ...], seed: int, **settings: float) -> EditRow:
    return EditRow(source, tuple(Change(target, **settings) for target in targets), seed)  # type: ignore[arg-type]


def _places(source: str, places: tuple[str, ...], seed: int) -> EditRow:
    return _refined(source, tuple(f"{source} {place}" for place in places), seed, **_EARLY)


def _weights(prompt: str, word: str, seed: int) -> EditRow:
    return weights(prompt, word, (-2, 2, 4, 8), seed, **_FREE)


BUNDLED = (
    Figure(
        "1.1",
        "One word changed: the plain picture of the new prompt moves everything, the edit only what the word names.",
        (_beside_plain(_DOG, ("a cat eating an apple", "a dog eating an orange"), 7),),
    ),
    Figure("2.2", "The attention map of every word.", (MapsRow(_DOG, 7), MapsRow(_CAT, 9))),
    Figure("2.3", "Forward: a picture on its way to noise. Reverse: from noise to the picture.", (NoiseRow(_DOG, 7),)),
    Figure(
        "2.3.4",
        "Self-attention of the source kept for none to all of the steps.",
        (
            self_injection(_DOG, "a cat eating an apple", (0.0, 0.25, 0.5, 0.75, 1.0), 7),
            self_injection(_CAT, "a cat riding on a skateboard", (0.0, 0.25, 0.5, 0.75, 1.0), 9),
        ),
        note=_SEED,
    ),
    Figure(
        "3.1",
        "Text replacement: the plain picture of the new prompt above, the edit below.",
        (
            _beside_plain(_DOG, ("a cat eating an apple",), 7),
            _beside_plain(_CAT, ("a cat riding on a skateboard",), 9),
        ),
        note=_SEED,
    ),
    Figure(
        "3.3",
        "Text replacement: a lion becomes a tiger, a panda, a bear.",
        (swaps("a photo of a lion", "lion", ("tiger", "panda", "bear"), 1),),
        note="Its lions do not laugh.",
    ),
    Figure(
        "3.4",
        "Text replacement: the lion of a place becomes a tiger, a panda, a bear.",
        (swaps("a photo of a lion in the forest", "lion", ("tiger", "panda", "bear"), 3),),
        note="A forest stands for the zoo.",
    ),
    Figure(
        "3.5",
        "Text replacement: the rider of a bicycle becomes a dog, a panda, a bear.",
        (swaps("a photo of a small cat riding on a bicycle", "cat", ("dog", "panda", "bear"), 9),),
        note=_SEED,
    ),
    Figure(
        "3.6",
        "Text refinement: another size and other places for a car, places for a bear; two seeds of each.",
        (
            *(
                _refined("a car", ("a big car", "a car on the street", "a car on the beach"), seed, **_EARLY)
                for seed in (1, 2)
            ),
            *(
                _places("a photo of a bear", ("in the forest", "in the snow", "in the desert"), seed)
                for seed in (1, 2)
            ),
        ),
        note=f"'Big' stands for 'Ferrari', places stand for New York and Hawaii, and for seasons. {_WINDOWS}",
    ),
    Figure(
        "3.7",
        "Text refinement, global: a fox in three lights.",
        (_places("a photo of a fox", ("at night", "in the snow", "on the beach"), 1),),
        note=f"It knows no styles: places and the night stand for them. {_WINDOWS}",
    ),
    Figure(
        "3.8",
        "Text refinement, global: a strawberry in three places.",
        (_places("a strawberry", ("in the snow", "in the desert", "in the garden"), 1),),
        note=f"It knows no painters: places stand for them. {_WINDOWS}",
    ),
    Figure(
        "3.9",
        "Text refinement, global: a bus in three places.",
        (_places("a photo of a bus", ("on the street", "at night", "in the snow"), 1),),
        note=f"A bus stands for the buildings. {_WINDOWS}",
    ),
    Figure(
        "3.10",
        "Text refinement, local: something comes beside a rabbit.",
        (
            _refined(
                "a rabbit in the garden",
                (
                    "a rabbit eating a carrot in the garden",
                    "a rabbit next to a chicken in the garden",
                    "a rabbit riding on a skateboard in the garden",
                ),
                1,
            ),
        ),
        note="Its gardens are never empty: a rabbit is there first.",
    ),
    Figure(
        "3.11",
        "Text refinement, local: a car of another size.",
        (_refined("a car on the street", ("a small car on the street", "a big car on the street"), 1),),
        note="Sizes stand for makes and colours.",
    ),
    Figure(
        "3.12",
        "Text refinement, local: a dog of another size.",
        (
            _refined(
                f"a photo of {_DOG}",
                ("a photo of a small dog eating an apple", "a photo of a big dog eating an apple"),
                7,
            ),
        ),
        note="Sizes stand for breeds and colours.",
    ),
    Figure(
        "3.13",
        "Re-weighting: an adjective that the model draws.",
        (_weights("a small bear", "small", 1),),
        note=f"'Small' stands for 'smiling'. {_WEIGHTS}",
    ),
    Figure(
        "3.14",
        "Re-weighting: a word for the whole picture.",
        (_weights("a photo of a car in the snow", "snow", 1),),
        note=f"'Snow' stands for 'lush'. {_WEIGHTS}",
    ),
    Figure(
        "3.15",
        "Re-weighting: a word for what is done.",
        (_weights("a rabbit riding on a skateboard", "riding", 1),),
        note=f"'Riding' stands for 'happily'. {_WEIGHTS}",
    ),
    Figure(
        "3.16",
        "Re-weighting: a noun with a region of its own.",
        (_weights("a panda eating a banana", "banana", 1),),
        note=f"A banana stands for the leaves. {_WEIGHTS}",
    ),
    Figure(
        "blend",
        "Beyond the report: the same edit free, and with only the region of the changed words let change.",
        (
            EditRow(
                _DOG,
                (
                    Change("a cat eating an apple", "dog -> cat, free", self_replace_steps=0.4),
                    Change(
                        "a cat eating an apple",
                        "dog -> cat, blended",
                        self_replace_steps=0.4,
                        local_blend=LocalBlend(threshold=0.5),
                    ),
                ),
                8,
            ),
            EditRow(
                _DOG,
                (
                    Change("a dog eating an orange", "apple -> orange, free"),
                    Change(
                        "a dog eating an orange",
                        "apple -> orange, blended",
                        local_blend=LocalBlend(threshold=0.7),
                    ),
                ),
                8,
            ),
        ),
        note="Thresholds are above the default, at which nearly the whole picture could change.",
    ),
)
"""All figures, in the report's order."""
