"""Scores, candidates, seeds and the search, on real models."""

import json

import pytest
import torch

from helpers.tiny_metrics import clip_folder
from wordbrush.editor import Editor
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.strength import StrengthSearch
from wordbrush.errors import SettingsError
from wordbrush.runs.png import read_record
from wordbrush.search.cost import plain_rows
from wordbrush.search.trials import Trials, score_of


@pytest.fixture(scope="module")
def bundled() -> Editor:
    return Editor.from_pretrained()


@pytest.fixture(scope="module")
def tiny(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


def test_the_score_tells_no_edit_from_a_plain_one_and_from_one_that_holds(bundled):
    """The source itself, the plain picture of the target, and an edit whose windows hold nearly all."""
    source = bundled.generate("a dog eating an apple", seed=6)
    edit = bundled.edit_settings("a cat eating an apple", source)
    adapter = bundled._adapter
    none = score_of(adapter, source, edit, source.latents)
    plain = score_of(adapter, source, edit, bundled.regenerate(source, edit.targets[0]).latents)
    held = score_of(adapter, source, edit, bundled.edit(source, edit.targets[0], strength=0.1).latents)
    assert none.held == 1
    assert none.fits == 0
    assert none.gone == pytest.approx(0, abs=1e-3)
    assert plain.fits > 0.5
    assert plain.held < held.held <= none.held
    assert plain.total > none.total


def test_a_weight_alone_is_scored_by_what_it_holds(tiny):
    source = tiny.generate("a red dog", num_inference_steps=3)
    edit = tiny.edit_settings("a red dog", source, equalizer={"red": 3.0})
    score = score_of(tiny._adapter, source, edit, tiny.apply(source, edit)[0].latents)
    assert score.fits is None
    assert score.gone is None
    assert score.total > 0


def test_a_score_does_not_depend_on_its_batch(tiny):
    source = tiny.generate("a dog", num_inference_steps=4)
    edits = [tiny.edit_settings("a cat", source, strength=s) for s in (0.2, 0.9)]
    together, first = (Trials(tiny._adapter, source, edits[0]) for _ in range(2))
    run = together.run(edits)
    for latents in run.latents:
        first.look(latents[None])
    for one, other in zip(together.scores(), first.scores(), strict=True):
        assert vars(one) == pytest.approx(vars(other), abs=1e-4)


@pytest.mark.parametrize("sampler", ["ddim", "euler", "dpm++", "lcm"])
def test_the_noise_that_a_look_adds_is_unit_noise(tiny, sampler):
    """It is what the network's error is measured against."""
    solver = tiny._adapter.solver(10, 32, 32, sampler=sampler)
    latents = torch.ones(tiny._adapter.noise(0, 32, 32).shape)
    start = solver.start(tiny._adapter.noise(5, 32, 32))
    for timestep in solver.timesteps[3:8]:
        level = solver.rates(timestep)
        noise = (solver.noised(latents, start, timestep) - level.signal * latents) / level.noise
        torch.testing.assert_close(noise, tiny._adapter.noise(5, 32, 32), atol=1e-3, rtol=1e-3)


def test_the_search_costs_what_it_says_and_replays_without_searching(tiny, monkeypatch):
    source = tiny.generate("a dog", num_inference_steps=10)
    rows = []
    network = tiny._adapter._unet
    handle = network.register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    found = tiny.find_strength(source, "a cat")
    handle.remove()
    assert found.cost == sum(rows) / plain_rows(tiny._adapter, source.settings, source.kept)
    assert found.cost + 1 <= 8
    result = tiny.edit(source, "a cat", strength="auto")
    assert result.record.edit == found.best.edit
    monkeypatch.setattr(Editor, "find_strength", None)
    again = tiny.replay(result.record)[0]
    assert again.image.tobytes() == result.image.tobytes()


def test_each_of_several_targets_is_searched_for(tiny):
    results = tiny.generate_and_edit(
        "a dog", ["a cat", "a red dog"], strength=StrengthSearch(candidates=1), num_inference_steps=4
    )
    assert [result.target for result in results] == ["a cat", "a red dog"]
    assert len(results[0].record.edit.controls) == 2
    assert tiny.replay(results[1].record)[1].image.tobytes() == results[1].image.tobytes()


def test_candidates_are_ranked_saved_and_replay(tiny, tmp_path):
    source = tiny.generate("a dog", num_inference_steps=4)
    ranked = tiny.candidates(source, "a cat", 5)
    totals = [one.score.total for one in ranked]
    assert totals == sorted(totals, reverse=True)
    assert len({one.label for one in ranked}) == 5
    assert sorted(len(one.result.record.edit.targets) for one in ranked) == [1, 4, 4, 4, 4]
    paths = ranked.save(tmp_path)
    assert all(path.exists() for path in paths)
    assert ranked.sheet().width > 300
    entries = json.loads((tmp_path / "ranking.json").read_text())["edits"]
    assert [entry["score"] for entry in entries] == totals
    last = ranked[-1].result
    record = read_record(tmp_path / entries[-1]["file"])
    assert tiny.replay(record)[entries[-1]["picture"]].image.tobytes() == last.image.tobytes()


def test_seeds_run_together_and_each_replays(tiny):
    ranked = tiny.explore("a dog", "a cat", seeds=[3, 1, 8], num_inference_steps=4)
    for one in ranked:
        seed = one.result.source.settings.seed
        assert one.label == f"seed {seed}"
        assert one.result.record.seeds == (3, 1, 8)
        again = tiny.replay(one.result.record)[0]
        assert again.image.tobytes() == one.result.image.tobytes()
        assert again.source.image.tobytes() == one.result.source.image.tobytes()
        alone = tiny.generate_and_edit("a dog", "a cat", seed=seed, num_inference_steps=4)
        torch.testing.assert_close(alone.latents, one.result.latents, atol=1e-4, rtol=1e-4)


def test_seeds_whose_things_are_looked_up_run_one_by_one(tiny):
    ranked = tiny.explore("a dog", "a cat", seeds=2, num_inference_steps=4, resize=1.5)
    again = [tiny.replay(one.result.record)[0].image.tobytes() for one in ranked]
    assert again == [one.result.image.tobytes() for one in ranked]


def test_a_clip_model_has_a_say(tiny, tmp_path):
    folder = clip_folder(tmp_path / "clip")
    source = tiny.generate("a dog", num_inference_steps=2)
    ranked = tiny.candidates(source, "a cat", 2, clip=folder)
    assert all(0 <= one.score.clip <= 1 for one in ranked)
    found = tiny.find_strength(source, "a cat", strength=StrengthSearch(1, clip=folder))
    assert found.best.score.clip is not None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda editor, source: editor.candidates(source, "a cat", 1), "count is 1"),
        (lambda editor, source: editor.candidates(source, "a cat", strength=0.5), "leave strength out"),
        (lambda editor, source: editor.explore("a dog", "a cat", seeds=0), "seeds to explore are none"),
        (lambda editor, source: editor.explore("a dog", "a cat", seeds=[1, 1]), "given twice"),
        (lambda editor, source: editor.explore("a dog", "a cat", seed=1), "give seeds"),
        (lambda editor, source: editor.explore("a dog", "a cat", strength="auto"), "give a number"),
        (
            lambda editor, source: editor.edit(source, "a dog", equalizer={"dog": 2.0}, strength="auto"),
            "the same words; give a strength",
        ),
    ],
)
def test_what_cannot_be_ranked(tiny, call, said):
    source = tiny.generate("a dog", num_inference_steps=2)
    with pytest.raises(SettingsError, match=said):
        call(tiny, source)


def test_an_edit_of_words_without_a_place_is_scored(tiny):
    source = tiny.generate("a dog", num_inference_steps=2)
    score = score_of(tiny._adapter, source, EditSettings.of("an dog"), source.latents)
    assert score.held is None
    assert score.there is None


def test_a_search_is_seen_while_it_looks(tiny):
    source = tiny.generate("a dog eating an apple", seed=6, num_inference_steps=3)
    tried, scores, seen, alone = [], [], [], []

    class Hears:
        def __init__(self, previews):
            self.previews, self.look = previews, previews.look

        def __call__(self, done, total):
            self.previews(done, total)

        def tries(self, edits):
            assert len(scores) == len(tried)
            tried.extend(edits)

        def scored(self, now):
            scores[:] = now

    on_step = Hears(tiny.previews(alone.append, each=seen.append, share=1))
    found = tiny.find_strength(source, "a cat eating an apple", on_step=on_step)
    assert {edit.strength for edit in tried} == {one.edit.strength for one in found.tried}
    assert sorted(score.total for score in scores) == sorted(one.score.total for one in found.tried)
    assert len(seen) >= 3  # each step of a batch
    assert {len(pictures) for pictures in seen} <= {2, 3}
    assert all(picture.size == source.canvas.size for pictures in seen for picture in pictures)


def test_a_ranking_is_seen_while_it_is_made(tiny):
    seen = []
    tiny.candidates(
        tiny.generate("a dog eating an apple", num_inference_steps=2),
        "a cat eating an apple",
        2,
        on_step=tiny.previews(lambda picture: None, each=seen.append, share=1),
    )
    assert [len(pictures) for pictures in seen] == [2, 2]
