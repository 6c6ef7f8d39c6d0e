import json
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest

from wordbrush.scenes.atlas import FAMILIES, HELD_OUT, families_of, sprite
from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.render import render, render_picture
from wordbrush.scenes.scene import Scene, compose, recast, sample_scene, swap_noun
from wordbrush.scenes.vocabulary import NOUNS, PLACES, SYNONYMS, known_words

SCENES = [sample_scene(np.random.default_rng(seed)) for seed in range(120)]


def another(scene: Scene, rng: np.random.Generator) -> str:
    kind = NOUNS[scene.cast.subject].category
    shown = (scene.cast.subject, scene.cast.partner)
    return str(rng.choice([word for word, noun in NOUNS.items() if noun.category == kind and word not in shown]))


def test_the_world_is_as_large_as_promised():
    assert len(NOUNS) >= 24
    assert len(PLACES) >= 6
    assert len({scene.cast.relation for scene in SCENES}) == 4
    assert {"dog", "cat", "apple", "orange", "bicycle", "skateboard"} <= set(NOUNS)
    assert all(len(families_of(word)) >= 3 for word in NOUNS)


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
        assert len(words) <= 16
        for article, word in pairwise(words):
            if article in ("a", "an"):
                assert (article == "an") == (word[0] in "aeiou"), scene.caption


def test_synonyms_lead_to_known_words():
    assert set(SYNONYMS.values()) <= known_words()
    assert not set(SYNONYMS) & known_words()


@pytest.mark.parametrize("scene", SCENES[:40], ids=lambda scene: scene.caption)
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
        assert masks[placed.word].sum() > 30


def test_masks_do_not_overlap():
    for scene in SCENES:
        assert sum(mask.astype(int) for mask in render(scene)[1].values()).max() <= 1


def test_the_perfect_edit_changes_only_the_object():
    rng = np.random.default_rng(0)
    for scene in SCENES:
        new = another(scene, rng)
        edited = swap_noun(scene, scene.cast.subject, new)
        before, old_masks = render(scene)
        after, new_masks = render(edited)
        # Beyond the masks there are only soft edges, and lines thinner than a pixel such as whiskers.
        near = _grown(old_masks[scene.cast.subject] | new_masks[new], 3)
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


def test_held_out_art_is_never_drawn_in_training():
    for seed in range(300):
        cast = sample_scene(np.random.default_rng(seed)).cast
        assert (cast.subject, cast.subject_family) not in HELD_OUT
        assert (cast.partner, cast.partner_family) not in HELD_OUT
    shown = [sample_scene(np.random.default_rng(seed), held_out=True).cast for seed in range(60)]
    assert any((cast.subject, cast.subject_family) in HELD_OUT for cast in shown)


def test_every_sprite_is_there_and_its_family_is_licensed():
    folder = files("wordbrush.scenes") / "art"
    licences = (folder / "LICENSES.md").read_text()
    index = json.loads((folder / "atlas.json").read_text())
    assert len(index) == len(NOUNS) * len(FAMILIES)
    for word in NOUNS:
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
