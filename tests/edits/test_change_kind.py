import pytest

from wordbrush.edits.change_kind import KINDS, change_kind
from wordbrush.edits.recipes import GENERATED, JOINT, PHOTOGRAPH
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush_bench.scenes.cases import scene_cases

ASKED = {
    "change-object": ("swap",),
    "add-object": ("addition",),
    "delete-object": ("removal",),
    "change-content": ("size", "number", "attribute"),
    "change-pose": ("pose",),
    "change-colour": ("attribute",),
    "change-background": ("place",),
    "change-style": ("style",),
}


def kind(source, target):
    prompts = (PromptTokens.from_offsets(text, [], begin=1, length=64) for text in (source, target))
    return change_kind(PromptPair.of(*prompts))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("a woman with a hat", "a woman with a helmet", "swap"),
        ("a teddy bear on a sofa", "a lion on a sofa", "swap"),
        ("a man", "a man holding a guitar", "addition"),
        ("a table with flowers", "a table", "removal"),
        ("a girl sitting on a chair", "a girl standing on a chair", "pose"),
        ("a dog next to a ball", "a dog behind a ball", "pose"),
        ("a red car on the street", "a yellow car on the street", "attribute"),
        ("a car", "a rusty old car", "attribute"),
        ("a crying boy", "a laughing boy", "attribute"),
        ("two birds on a branch", "three birds on a branch", "number"),
        ("two birds on a branch", "a big bird on a branch", "number"),
        ("a bird on a branch", "a tiny bird on a branch", "size"),
        ("a dog in a park", "a cat in the snow", "scene"),
        ("a house in the mountains", "a house on the beach", "place"),
        ("a house in summer", "a house in winter", "place"),
        ("a harbour at night", "a harbour at dawn", "place"),
        ("a tree", "a tree in the snow", "place"),
        ("a horse", "an oil painting of a horse", "style"),
        ("a photo of a city", "a watercolor of a city", "style"),
        ("a castle", "a castle in the style of van gogh", "style"),
        ("a house next to a castle", "a house next to a tower", "swap"),
        ("a cat on a sofa", "a dog on a red sofa", "mixed"),
        ("a cat on a sofa", "a dog on a bench", "mixed"),
        ("a dog", "the dog", "weights"),
        ("a dog", "a dog", "weights"),
    ],
)
def test_kinds_of_plain_english(source, target, expected):
    assert kind(source, target) == expected


def test_kinds_of_the_benchmarks_changes():
    """Those that are one change: two at once may be of one kind, such as two swaps."""
    cases = [case for case in scene_cases(12) if case.origin == "generated" and case.kind in ASKED]
    wrong = [case.id for case in cases if kind(case.source_prompt, case.target_prompt) not in ASKED[case.kind]]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("a dog eating an apple", "a <Rex> eating an apple", "own"),
        ("a dog", "a <rex> wearing a hat", "own"),
        ("a dog", "a jolly", "own"),
        ("a <rex> eating an apple", "a cat eating an apple", "swap"),
        ("a dog", "a dog and a <rex>", "addition"),
        ("a dog on a beach", "a <rex> in the snow", "scene"),
        ("a dog", "a dog in the style of <rex>", "style"),
        ("a <rex>", "a red <rex>", "attribute"),
    ],
)
def test_a_word_of_ones_own_names_a_thing_whatever_it_looks_like(source, target, expected):
    prompts = (PromptTokens.words_of(text, {"<rex>", "jolly"}) for text in (source, target))
    assert change_kind(PromptPair.of(*prompts)) == expected


def test_every_kind_has_a_recipe():
    assert list(GENERATED) == list(PHOTOGRAPH) == list(JOINT) == list(KINDS)
    for table in (GENERATED, PHOTOGRAPH, JOINT):
        assert [recipe.kind for recipe in table.values()] == list(KINDS)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("a castle", "a tent", "swap"),
        ("a cactus at night", "a castle at night", "swap"),
        ("a photo of a bridge", "a photo of a boat", "swap"),
        ("a dog and a waterfall", "a dog and a rock", "swap"),
        ("a dog in a castle", "a dog in a barn", "place"),
        ("a dog at the factory", "a dog at the beach", "place"),
        ("a castle in the desert", "a castle in the snow", "place"),
        ("a photo of a beach", "a photo of a forest", "place"),
    ],
)
def test_a_building_is_a_thing_unless_something_is_in_it(source, target, expected):
    assert kind(source, target) == expected
