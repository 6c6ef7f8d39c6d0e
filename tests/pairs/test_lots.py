"""Rows share batches of the model, and it shows in none of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pair_sets import making_of
from wordbrush.editor import Editor
from wordbrush.pairs.batches import full_batches
from wordbrush.pairs.lots import MOST_BATCHES, lots_of, pictures_of
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import Making, address_of
from wordbrush.pairs.part import Part
from wordbrush.pairs.row import check_row
from wordbrush.pairs.tries import Sampling


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(2, 12))
def test_every_edit_is_in_one_batch_beside_its_source_and_no_batch_is_too_large(edits, pictures):
    batches = full_batches(edits, pictures)
    places = [(share.source, at) for batch in batches for share in batch for at in range(share.start, share.stop)]
    assert places == [(source, at) for source, count in enumerate(edits) for at in range(count)]
    for batch in batches:
        assert len({share.source for share in batch}) == len(batch) > 0
        assert sum(1 + share.stop - share.start for share in batch) <= pictures
    for batch in batches[:-1]:
        assert sum(1 + share.stop - share.start for share in batch) >= pictures - 1


def jobs(making: Making, *options: dict, start: int = 1):
    rows = [
        check_row(number, {"source": "a red dog", "target": "a red cat", "seed": number, **each})
        for number, each in enumerate(options, start)
    ]
    return [(row, address_of(making.depends_on(), row)) for row in rows]


def numbers(lots) -> list[list[int]]:
    return [[row.number for row, _ in lot] for lot in lots]


def test_rows_of_the_same_steps_size_and_guidance_are_made_together(making):
    few, many, size = {}, {"num_inference_steps": 3}, {"size": [32, 32]}
    asked = jobs(making, few, many, few, few, size, many, few)  # two pictures each, four in a batch
    assert numbers(lots_of(asked, making)) == [[1, 3], [2, 6], [4, 7], [5]]


def test_a_lot_whose_pictures_do_not_come_out_even_has_an_end(making):
    three = {"target": ["a red cat", "a red fox"]}
    asked = jobs(making, *[three] * 20)
    lots = list(lots_of(asked, making))
    assert numbers(lots)[0] == [1, 2, 3, 4]
    five = {"target": ["a red cat", "a red fox", "a red bear", "a red cow"]}
    uneven = list(lots_of(jobs(making, {}, *[five] * 8), making))
    assert all(sum(pictures_of(row, making) for row, _ in lot) <= MOST_BATCHES * making.batch + 4 for lot in uneven)


@pytest.fixture(scope="module")
def mixed(making):
    options = [
        {},
        {"target": ["a red cat", "a big dog", "a red dog at night"], "local_blend": "auto"},
        {"target": "a cat " * 100},
        {"cross_replace_steps": 0.5},
        {"resize": 0.5},
    ]
    return jobs(making, *options)


def test_what_is_made_beside_a_row_changes_no_byte_of_it(maker, mixed):
    together = maker(tuple(mixed))
    assert [Part.of_bytes(part).outcome.error is None for part in together] == [True, True, False, True, True]
    assert together == [part for job in mixed for part in maker((job,))]
    assert together[::-1] == maker(tuple(mixed[::-1]))


def test_a_row_that_fails_while_it_is_drawn_takes_no_other_with_it(tiny_editor, making, mixed, monkeypatch):
    expected = PairMaker(tiny_editor, making)(tuple(mixed[:2]))
    really = Editor.generate_and_edit_all

    def failing(self, asked, *arguments, **named):
        if any(generation.seed == 4 for generation, _ in asked):
            raise ValueError("a seed that cannot be")
        return really(self, asked, *arguments, **named)

    monkeypatch.setattr(Editor, "generate_and_edit_all", failing)
    parts = PairMaker(tiny_editor, making)((*mixed[:2], mixed[3]))
    assert parts[:2] == expected
    assert Part.of_bytes(parts[2]).outcome.error == "ValueError: a seed that cannot be"


def test_texts_are_encoded_once(tiny_folder, tiny_editor, making, monkeypatch):
    encoded, adapter = [], type(tiny_editor._adapter)

    def counted(really):
        def encode(self, prompt):
            encoded.append(prompt)
            return really(self, prompt)

        return encode

    for name in ("encode", "encode_negative"):
        monkeypatch.setattr(adapter, name, counted(getattr(adapter, name)))
    four = making_of(tiny_folder, tiny_editor, tries=4)
    assert four.sampling == Sampling(tries=4)
    PairMaker(tiny_editor, four)(tuple(jobs(four, {}, {})))
    assert sorted(encoded) == ["", "a red cat", "a red dog"]
