"""The agreement of maps with changes, and what is chosen by it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wordbrush.attention.layer_choice import LayerChoice
from wordbrush.attention.sites import AttentionLayer
from wordbrush.edits.editable_layers import EditableLayers
from wordbrush.errors import ModelError
from wordbrush.probe.agreement import WordReading, agreement, best_layers, changed_cells, choose_words
from wordbrush.probe.cases import without
from wordbrush.probe.report import BlockReport, Measured, layout_layers

cells = arrays(np.float64, (4, 5), elements=st.integers(0, 9).map(float))


def counted(map_hw, changed):
    """By its definition: over all pairs of a cell that changes and one that does not."""
    pairs = [(a > b) + (a == b) / 2 for a in map_hw[changed] for b in map_hw[~changed]]
    return sum(pairs) / len(pairs) if pairs else 0.5


@given(cells, cells)
def test_agreement_is_the_share_of_pairs_in_order(map_hw, changes_hw):
    changed = changed_cells(changes_hw)
    assert agreement(map_hw, changes_hw) == pytest.approx(counted(map_hw, changed))
    assert changes_hw[changed].sum() * 2 >= changes_hw.sum()
    assert changes_hw[changed].min() >= changes_hw[~changed].max(initial=0)


def reading(prompt, **maps):
    change = np.zeros((2, 2))
    change[0, 0] = 1
    return WordReading(prompt, change, {name: np.array(values).reshape(2, 2) for name, values in maps.items()})


GOOD, BAD, FLAT = [3.0, 1, 1, 1], [0.0, 1, 1, 1], [1.0, 1, 1, 1]


def test_the_fewest_best_layers_of_one_group_are_chosen():
    readings = [reading("a", one=GOOD, two=FLAT, three=BAD), reading("b", one=GOOD, two=FLAT, three=BAD)]
    assert best_layers(readings, [["one", "three"], ["two"]]) == ("one",)
    chosen = choose_words(readings, [["one", "three"], ["two"]], ["two", "three"])
    assert (chosen.layers, chosen.own, chosen.held_out) == (("one",), 0.0, 1.0)


def test_a_choice_that_holds_for_no_other_prompt_is_not_taken():
    readings = [reading("a", one=GOOD, two=BAD), reading("b", one=BAD, two=GOOD)]
    chosen = choose_words(readings, [["one", "two"]], ["one"])
    assert (chosen.layers, chosen.own, chosen.held_out) == ((), 0.5, 0.0)
    assert choose_words(readings[:1], [["one", "two"]], ["two"]).layers == ()  # nothing to hold it out by


def test_the_layout_is_in_the_fewest_blocks_of_half_the_change():
    def block(name, change, layers=("attn",)):
        return BlockReport(name, (), tuple(f"{name}.{layer}" for layer in layers), Measured((change,)), None)

    blocks = (block("a", 0.1), block("b", 0.4), block("c", 0.3, ()), block("d", 0.2))
    assert layout_layers(blocks) == ("b.attn",)
    assert layout_layers((block("a", 0.2), block("b", 0.2))) == ("a.attn",)


def test_a_layout_is_held_in_chosen_layers_of_few_positions():
    layers = EditableLayers({"a": 16, "b": 64, "c": 16}, (), (), ("b", "c"))
    assert layers.self_up_to(16) == {"c"}
    assert layers.self_up_to(64) == {"b", "c"}


def test_only_layers_of_the_model_are_chosen():
    layers = [AttentionLayer.cross("a.attn2", 2, (4, 4), 7), AttentionLayer.own("a.attn1", 2, (4, 4))]
    LayerChoice(("a.attn2",), ("a.attn1",)).check(layers, "it")
    for wrong in (LayerChoice(words=("a.attn1",)), LayerChoice(layout=("a.attn2",)), LayerChoice(words=("b",))):
        with pytest.raises(ModelError, match="wordbrush probe"):
            wrong.check(layers, "it")


def test_a_phrase_is_dropped_with_what_describes_it():
    assert without("a photo of a teddy bear", range(3, 6)) == "a photo of"
    assert without("dog", range(1)) == ""
