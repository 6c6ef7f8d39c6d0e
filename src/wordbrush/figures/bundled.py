"""The same experiments for the bundled model: the report's prompts where it knows their words, else the same kind of
edit, and a note that says so. Where seeds or windows were chosen by looking at several, the note says that too.
"""

from typing import Unpack

from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.settings import EditOptions
from wordbrush.figures.spec import Change, EditRow, Figure, MapsRow, NoiseRow, self_injection, swaps, weights

_WINDOWS = "Windows are shorter than the default, which left too little room for anything new."
_WEIGHTS = "The source's self-attention is not kept: it hid the effect of the weight."
_DOG, _CAT = "a dog eating an apple", "a cat riding on a bicycle"
_EARLY: EditOptions = {"cross_replace_steps": 0.4, "self_replace_steps": 0.2}
"""A new place changes the whole picture: less of the source is kept."""
_FREE: EditOptions = {"cross_replace_steps": 1.0, "self_replace_steps": 0.0}
"""The source's self-attention would keep what a weight is meant to change."""


def _beside_plain(source: str, targets: tuple[str, ...], seed: int) -> EditRow:
    return EditRow(source, tuple(map(Change, targets)), seed, with_plain=True)


def _refined(source: str, targets: tuple[str, ...], seed: int, **options: Unpack[EditOptions]) -> EditRow:
    return EditRow(source, tuple(Change(target, options=options) for target in targets), seed)


def _places(source: str, places: tuple[str, ...], seed: int) -> EditRow:
    return _refined(source, tuple(f"{source} {place}" for place in places), seed, **_EARLY)


def _styles(source: str, styles: tuple[str, ...], seed: int) -> EditRow:
    return _refined(source, tuple(f"{style} {source}" for style in styles), seed, **_EARLY)


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
    ),
    Figure(
        "3.1",
        "Text replacement: the plain picture of the new prompt above, the edit below.",
        (
            _beside_plain(_DOG, ("a cat eating an apple",), 7),
            _beside_plain(_CAT, ("a cat riding on a skateboard",), 9),
        ),
    ),
    Figure(
        "3.3",
        "Text replacement: a lion becomes a tiger, a panda, a bear.",
        (swaps("a lion", "lion", ("tiger", "panda", "bear"), 1),),
        note="Its lions do not laugh.",
    ),
    Figure(
        "3.4",
        "Text replacement: the lion of a place becomes a tiger, a panda, a bear.",
        (swaps("a lion at the zoo", "lion", ("tiger", "panda", "bear"), 3),),
    ),
    Figure(
        "3.5",
        "Text replacement: the rider of a bicycle becomes a dog, a panda, a bear.",
        (swaps("a small cat riding on a bicycle", "cat", ("dog", "panda", "bear"), 5),),
    ),
    Figure(
        "3.6",
        "Text refinement: a car of another make and elsewhere, a house in three seasons; two seeds of each.",
        (
            *(
                _refined(
                    "a car on the street",
                    ("a golden car on the street", "a car in the city", "a car on the beach"),
                    seed,
                )
                for seed in (1, 2)
            ),
            *(_places("a house on a mountain", ("in autumn", "in winter", "in summer"), seed) for seed in (1, 2)),
        ),
        note=f"'Golden' stands for 'Ferrari', the city and the beach for New York and Hawaii. {_WINDOWS}",
    ),
    Figure(
        "3.7",
        "Text refinement, global: a castle in three styles.",
        (_styles("a castle", ("a sketch of", "an oil painting of", "pixel art of"), 1),),
        note=f"Pixel art stands for a children's drawing. {_WINDOWS}",
    ),
    Figure(
        "3.8",
        "Text refinement, global: a sunflower in three styles.",
        (_styles("a sunflower", ("a watercolor of", "an oil painting of", "a sketch of"), 1),),
        note=f"Styles stand for painters. {_WINDOWS}",
    ),
    Figure(
        "3.9",
        "Text refinement, global: a castle in three places.",
        (_places("a castle", ("in the desert", "in the city", "on the beach"), 2),),
        note=f"A castle stands for the buildings, places for lands. {_WINDOWS}",
    ),
    Figure(
        "3.10",
        "Text refinement, local: something joins a rabbit.",
        (
            _refined(
                "a rabbit in the garden",
                (
                    "a rabbit in front of a house in the garden",
                    "a rabbit next to a chicken in the garden",
                    "a rabbit holding a balloon in the garden",
                ),
                1,
                **_EARLY,
            ),
        ),
        note=f"Its gardens are never empty: a rabbit is there first. {_WINDOWS}",
    ),
    Figure(
        "3.11",
        "Text refinement, local: a car in other colours.",
        (
            _refined(
                "a car on the street",
                ("a golden car on the street", "a blue car on the street", "a green car on the street"),
                1,
            ),
        ),
        note="Colours stand for makes.",
    ),
    Figure(
        "3.12",
        "Text refinement, local: a smaller and a bigger dog.",
        (_refined(_DOG, ("a small dog eating an apple", "a big dog eating an apple"), 7),),
        note="Sizes stand for breeds and colours.",
    ),
    Figure(
        "3.13",
        "Re-weighting: a smile.",
        (_weights("a smiling cat", "smiling", 1),),
        note=f"A cat stands for the teddy bear, whose art has no smiles. {_WEIGHTS}",
    ),
    Figure(
        "3.14",
        "Re-weighting: a word for the whole picture.",
        (_weights("a tree on a mountain in autumn", "autumn", 1),),
        note=f"'Autumn' stands for 'lush'. {_WEIGHTS}",
    ),
    Figure(
        "3.15",
        "Re-weighting: a word for an activity.",
        (_weights("a rabbit riding on a skateboard", "riding", 1),),
        note=f"'Riding' stands for 'happily'. {_WEIGHTS}",
    ),
    Figure(
        "3.16",
        "Re-weighting: a noun with a region of its own.",
        (_weights("a panda holding a balloon", "balloon", 1),),
        note=f"A balloon stands for the leaves. {_WEIGHTS}",
    ),
    Figure(
        "blend",
        "Beyond the report: the same edit, free and with a local blend, which keeps all but the changed words' place.",
        tuple(
            EditRow(
                _DOG,
                (
                    Change(target, f"{name}, free", EditOptions(self_replace_steps=0.4)),
                    Change(target, f"{name}, blended", EditOptions(self_replace_steps=0.4, local_blend=LocalBlend())),
                ),
                seed,
            )
            for target, name, seed in (
                ("a cat eating an apple", "dog -> cat", 8),
                ("a dog eating an orange", "apple -> orange", 7),
            )
        ),
    ),
)
"""All figures, in the report's order."""
