import json
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest

from wordbrush.scenes.atlas import FAMILIES, HELD_OUT, families_of, sprite
from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.captions import caption
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.habits import side_of
from wordbrush.scenes.render import render, render_picture
from wordbrush.scenes.scene import NUM_DRAWS, Scene, compose, recast, sample_scene, swap_noun
from wordbrush.scenes.vocabulary import COLOURS, EXPRESSIONS, NOUNS, PLACES, STYLES, SYNONYMS, known_words

SCENES = [sample_scene(np.random.default_rng(seed)) for seed in range(120)]


def another(scene: Scene, rng: np.random.Generator) -> str:
    kind = NOUNS[scene.cast.subject].category
    shown = (scene.cast.subject, scene.cast.partner)
    return str(rng.choice([word for word, noun in NOUNS.items() if noun.category == kind and word not in shown]))


def test_the_world_is_as_large_as_promised():
    assert len(NOUNS) >= 80
    assert len(PLACES) >= 10
    assert len(STYLES) >= 5
    assert len({scene.cast.relation for scene in SCENES}) == 8
    assert {scene.cast.count for scene in SCENES} == {1, 2, 3}
    assert {"dog", "cat", "apple", "orange", "bicycle", "skateboard"} <= set(NOUNS)
    assert all(len(families_of(word, "judge")) >= 3 for word in NOUNS)


def test_batches_are_the_same_for_the_same_numbers():
    pictures, captions = sample_batch(3, 5, 8)
    again, same = sample_batch(3, 5, 8)
    assert np.array_equal(pictures, again)
    assert captions == same
    assert captions != sample_batch(3, 6, 8)[1]
    assert captions != sample_batch(4, 5, 8)[1]


def test_captions_use_known_words_and_right_articles():
    for scene in SCENES:
        words = scene.caption.split()
        assert set(words) <= known_words()
        assert len(words) <= 20
        for article, word in pairwise(words):
            if article in ("a", "an"):
                assert (article == "an") == (word[0] in "aeiou"), scene.caption


def test_synonyms_lead_to_known_words():
    assert {word for phrase in SYNONYMS.values() for word in phrase.split()} <= known_words()
    assert not set(SYNONYMS) & known_words()


PLAIN = [scene for scene in SCENES if scene.cast.style is None and scene.cast.count == 1]
"""Scenes that show each object as it is drawn, and once."""


@pytest.mark.parametrize("scene", PLAIN[:40], ids=lambda scene: scene.caption)
def test_masks_are_what_changes_when_an_object_goes(scene):
    picture, masks = render(scene)
    assert np.array_equal(picture, render_picture(scene))
    for i, placed in enumerate(scene.objects):
        without = render_picture(
            Scene(scene.cast, scene.objects[:i] + scene.objects[i + 1 :], scene.backdrop, scene.draws)
        )
        changed = (picture != without).any(axis=-1)
        # A soft edge changes a pixel that mostly shows something else, never the other way round by more than a few
        # pixels that happen to have the colour behind them.
        assert (masks[placed.word] & ~changed).sum() <= 0.1 * masks[placed.word].sum()
        assert masks[placed.word].sum() > 120


def test_masks_do_not_overlap():
    for scene in SCENES:
        assert sum(mask.astype(int) for mask in render(scene)[1].values()).max() <= 1


def test_the_perfect_edit_changes_only_the_object():
    rng = np.random.default_rng(0)
    for scene in PLAIN:
        new = another(scene, rng)
        edited = swap_noun(scene, scene.cast.subject, new)
        before, old_masks = render(scene)
        after, new_masks = render(edited)
        # Beyond the masks there are only soft edges, and lines thinner than a pixel such as whiskers.
        near = _grown(old_masks[scene.cast.subject] | new_masks[new], 4)
        assert (before != after).any(axis=-1)[~near].mean() <= 0.01
        assert new in edited.caption


def test_habits_move_everything_when_a_word_changes():
    """Below 20 dB the plain regeneration has another background: the problem that attention control solves."""
    rng = np.random.default_rng(1)
    ratios = []
    for scene in SCENES:
        other = compose(recast(scene.cast, scene.cast.subject, another(scene, rng)), scene.draws)
        (a, old), (b, new) = render(scene), render(other)
        background = ~np.logical_or.reduce([*old.values(), *new.values()])
        error = (((a.astype(float) - b) / 255) ** 2)[background].mean()
        ratios.append(10 * np.log10(1 / max(error, 1e-6)))
    assert np.mean(ratios) < 20


@pytest.mark.parametrize("art", ["model", "judge"])
def test_held_out_art_is_never_drawn_in_training(art):
    for seed in range(300):
        cast = sample_scene(np.random.default_rng(seed), art).cast
        assert (cast.subject, cast.subject_family) not in HELD_OUT
        assert (cast.partner, cast.partner_family) not in HELD_OUT
    shown = [sample_scene(np.random.default_rng(seed), "new").cast for seed in range(60)]
    assert any((cast.subject, cast.subject_family) in HELD_OUT for cast in shown)


def test_every_sprite_is_there_and_its_family_is_licensed():
    folder = files("wordbrush.scenes") / "art"
    licences = (folder / "LICENSES.md").read_text()
    index = json.loads((folder / "atlas.json").read_text())
    drawings = [*NOUNS, *(f"{face} {word}" for word, face in EXPRESSIONS)]
    assert len(index) == len(drawings) * len(FAMILIES)
    for word in drawings:
        for family in FAMILIES:
            drawn = sprite(word, family, 32, False)
            assert max(drawn.shape[:2]) == 32
            assert drawn[..., 3].max() > 0.9
            assert f"`{family}`" in licences


def test_the_text_of_the_attribution_licence_travels_with_the_art():
    folder = files("wordbrush.scenes") / "art"
    assert "`CC-BY-4.0.txt`" in (folder / "LICENSES.md").read_text()
    assert "Section 3 – License Conditions" in (folder / "CC-BY-4.0.txt").read_text()


def _grown(mask: np.ndarray, steps: int) -> np.ndarray:
    for _ in range(steps):
        padded = np.pad(mask, 1)
        mask = padded[1:-1, 1:-1] | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return mask


@pytest.mark.parametrize("style", STYLES)
def test_a_style_changes_the_whole_picture_and_nothing_of_the_scene(style):
    plain = compose(Cast("eating", "dog", "noto", "apple", "noto", "garden"), (0.1,) * NUM_DRAWS)
    styled = replace(plain, cast=replace(plain.cast, style=style))
    before, after = render(plain), render(styled)
    assert (before[0] != after[0]).any(-1).mean() > 0.8
    assert all(np.array_equal(before[1][word], after[1][word]) for word in before[1])
    assert styled.caption == f"{STYLES[style]} a dog eating an apple in the garden"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_painted_thing_has_its_colour(colour):
    scene = compose(Cast("alone", "car", "noto", subject_adjective=colour), (0.0,) * NUM_DRAWS)
    picture, masks = render(scene)
    middle = np.median(picture[masks["car"]], axis=0) / 255
    nearest = min(COLOURS, key=lambda name: float(np.square(middle - COLOURS[name]).sum()))
    assert scene.caption == f"a {colour} car"
    assert nearest == colour


def test_a_season_changes_the_place():
    looks = {}
    for season in (None, "spring", "summer", "autumn", "winter"):
        scene = compose(Cast("alone", "dog", "noto", place="mountain", season=season), (0.0,) * NUM_DRAWS)
        looks[season] = render_picture(scene)
    assert len({look.tobytes() for look in looks.values()}) == 5
    assert looks["winter"][-8:].mean() > looks["summer"][-8:].mean() + 60


def test_a_count_shows_as_many_as_it_says():
    one, two, three = (
        render(compose(Cast("alone", "apple", "noto", count=count), (0.0,) * NUM_DRAWS))[1]["apple"].any(0)
        for count in (1, 2, 3)
    )
    runs = [int((np.diff(np.pad(columns, 1).astype(int)) == 1).sum()) for columns in (one, two)]
    assert runs == [1, 2]
    assert three.sum() > two.sum() > one.sum()


def test_the_wording_says_the_same_in_other_words():
    cast = Cast("next to", "dog", "noto", "cat", "noto", "beach")
    assert caption(cast) == "a dog next to a cat on the beach"
    assert caption(replace(cast, wording=frozenset({"and"}))) == "a dog and a cat on the beach"
    assert caption(replace(cast, wording=frozenset({"with", "place first"}))) == "on the beach a dog with a cat"
    assert (
        caption(Cast("eating", "dog", "", "cherries", wording=frozenset({"is", "the"})))
        == "the dog is eating cherries"
    )


def test_partners_keep_a_side_in_about_three_of_four_scenes():
    draws = np.random.default_rng(0).uniform(-1, 1, 4000)
    share = np.mean([side_of(-0.7, draw) == side_of(-0.7, 1.0) for draw in draws])
    assert 0.7 < share < 0.85
