"""What a row becomes: pairs that its filters let through, the best first, always the same bytes."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from helpers.pair_sets import LENIENT, making_of
from helpers.tiny_metrics import clip_folder
from wordbrush.editor import split_options
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import ModelError, SettingsError
from wordbrush.json_form import from_plain
from wordbrush.maps.request import MapsRequest
from wordbrush.metrics.clip_score import ClipScore
from wordbrush.pairs.filters import Filters, best_first
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import Making, address_of
from wordbrush.pairs.part import Part
from wordbrush.pairs.row import check_row
from wordbrush.pairs.scores import clip_scores, difference, own_scores
from wordbrush.pairs.tries import Sampling

ROW = check_row(
    7,
    {"source": "a red dog", "target": ["a red cat", "a big dog"], "instruction": ["cat", "big"], "id": "x", "seed": 3},
)


def made(editor, making: Making, row=ROW, clip=None) -> Part:
    (part,) = PairMaker(editor, making, clip)(((row, address_of(making.depends_on(), row)),))
    return Part.of_bytes(part)


def test_a_row_becomes_pairs_that_say_how_they_were_made(tiny_editor, making):
    part = made(tiny_editor, replace(making, sampling=Sampling(tries=2, self_range=(0.5, 1.0))))
    assert (part.outcome.row, part.outcome.id, part.outcome.tries, part.outcome.kept) == (7, "x", 4, 4)
    assert len({sample.key for sample in part.samples}) == 4
    for sample in part.samples:
        about = sample.about
        assert about["instruction"] == {"a red cat": "cat", "a big dog": "big"}[about["target"]]
        assert about["seed"] == 3
        assert about["edit"]["targets"] == [about["target"]]
        assert 0.1 <= about["edit"]["cross_replace_steps"]["default_"][1] <= 0.9
        assert about["scores"].keys() == {"done", "kept"}


def test_a_pair_is_what_the_editor_makes_of_its_settings(tiny_editor, making):
    part = made(tiny_editor, making, check_row(1, {"source": "a red dog", "target": "a red cat", "seed": 3}))
    (sample,) = part.samples
    window = sample.about["edit"]["cross_replace_steps"]["default_"]
    generation, options = split_options({**making.options, "seed": 3, "cross_replace_steps": window})
    start = tiny_editor.generation_settings("a red dog", **generation)
    settings = tiny_editor.edit_settings("a red cat", start, **options)
    ((edit,),) = tiny_editor.generate_and_edit_all([(start, settings)], making.batch)
    for content, image in ((sample.before, edit.source.image), (sample.after, edit.image)):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), np.asarray(image))


def test_a_row_makes_the_same_bytes_again_and_batches_share_the_work(tiny_editor, making):
    assert made(tiny_editor, making) == made(tiny_editor, making)
    single = made(tiny_editor, replace(making, batch=2))
    assert {s.about["target"] for s in single.samples} == {"a red cat", "a big dog"}


def test_each_reason_is_counted_and_what_is_refused_can_be_looked_at(tiny_editor, making):
    row = check_row(1, {"source": "a red dog", "target": "a red cat", "seed": 3})
    four = replace(making, sampling=Sampling(tries=4, self_range=(0.5, 1.0)))

    def outcome(**changes):
        part = made(tiny_editor, replace(four, filters=replace(LENIENT, **changes)), row)
        return part.outcome.kept, dict(part.outcome.rejected), [name.partition("/")[0] for name, _ in part.looks]

    assert outcome(min_done=1.0) == (0, {"done": 4}, ["refused"])
    assert outcome(min_kept=1.0) == (0, {"kept": 4}, ["refused"])
    assert outcome(best=1) == (1, {"not among the best": 3}, ["kept"])
    assert outcome(min_difference=1.0) == (1, {"like a better one": 3}, ["kept"])


def test_a_try_whose_windows_hold_no_step_is_idle(tiny_editor, making):
    options = {"num_inference_steps": 2, "self_replace_steps": 0.0}
    idle = replace(making, options=options, sampling=Sampling(tries=12))  # an end below 1/3 holds no step of 2
    part = made(tiny_editor, idle, check_row(1, {"source": "a red dog", "target": "a red cat"}))
    ends = [s.about["edit"]["cross_replace_steps"]["default_"][1] for s in part.samples]
    assert part.outcome.rejected["idle"] > 0
    assert 0 < len(ends) <= 4
    assert all(end >= 1 / 3 for end in ends)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"target": "a cat " * 100}, "PromptError"),
        ({"target": "a cat", "equalizer": {"horse": 2.0}}, "PromptError: "),
        ({"target": "a cat", "size": [33, 33]}, "SettingsError"),
        ({"target": "a cat", "sampler": "none"}, "SettingsError"),
    ],
)
def test_what_only_a_model_can_tell_is_the_rows_outcome(tiny_editor, making, columns, reason):
    part = made(tiny_editor, making, check_row(4, {"source": "a dog", **columns}))
    assert (part.outcome.error or "").startswith(reason)
    assert (part.outcome.row, part.samples) == (4, [])


def test_a_row_with_a_window_of_its_own_is_tried_once_with_it(tiny_editor, making):
    row = check_row(1, {"source": "a red dog", "target": "a red cat", "cross_replace_steps": 0.7})
    part = made(tiny_editor, replace(making, sampling=Sampling(tries=4)), row)
    assert [sample.about["edit"]["cross_replace_steps"] for sample in part.samples] == [{"default_": [0.0, 0.7]}]


def test_a_strength_is_a_rows_own_and_auto_is_found_for_each_target(tiny_editor, making):
    many = replace(making, options={"num_inference_steps": 4}, sampling=Sampling(tries=4))
    fixed = made(tiny_editor, many, check_row(1, {"source": "a red dog", "target": "a red cat", "strength": 0.3}))
    assert [sample.about["edit"]["strength"] for sample in fixed.samples] == [0.3]
    columns = {"source": "a red dog", "target": ["a red cat", "a red fox"], "strength": "auto", "seed": 3}
    part = made(tiny_editor, many, check_row(1, columns))
    assert (part.outcome.error, part.outcome.tries) == (None, 2)
    source = tiny_editor.generate("a red dog", seed=3, num_inference_steps=4)
    best = {target: tiny_editor.find_strength(source, target).best.edit for target in columns["target"]}
    strengths = {edit.strength for edit in best.values()}
    for sample in part.samples:
        made_by = from_plain(EditSettings, sample.about["edit"], "the record")
        target = sample.about["target"]
        assert made_by.controls[made_by.targets.index(target)] == best[target].controls[0]
        assert made_by.strength == (min(strengths) if len(strengths) == 1 else None)
    assert part == made(tiny_editor, many, check_row(1, columns))


def test_a_disk_that_fails_is_no_rows_error(tiny_editor, making, monkeypatch):
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("wordbrush.pairs.maker.plain_png_bytes", broken)
    with pytest.raises(ModelError, match=r"failed at row 7 .*Input/output error.*run again"):
        made(tiny_editor, making)


def test_done_and_kept_tell_an_edit_from_none_and_from_another_picture(tiny_editor):
    def scores(**options):
        edit = tiny_editor.generate_and_edit(
            "a red dog", "a red cat", num_inference_steps=2, capture=MapsRequest(), **options
        )
        return own_scores(edit), edit

    close, edit = scores(cross_replace_steps=1.0, self_replace_steps=1.0)
    free, other = scores(cross_replace_steps=0.4, self_replace_steps=0.0)
    assert 0 < close["done"] < free["done"]
    assert close["kept"] > free["kept"]
    same = replace(edit, image=edit.source.image)
    assert own_scores(same) == {"done": 0.0, "kept": pytest.approx(1.0)}
    assert difference(edit, edit) == 0.0
    assert difference(edit, other) > 0.0


def test_a_change_of_the_whole_picture_is_not_asked_what_it_kept(tiny_editor):
    edit = tiny_editor.generate_and_edit(
        "a photo of a dog", "an oil painting of a dog", num_inference_steps=2, capture=MapsRequest()
    )
    assert own_scores(edit).keys() == {"done"}


def test_clip_measures_direction_and_likeness(tiny_editor, making, tmp_path):
    clip = ClipScore.load(clip_folder(tmp_path / "clip"))
    edit = tiny_editor.generate_and_edit("a dog", "a cat", num_inference_steps=2)
    scores = clip_scores(edit, clip)
    assert scores.keys() == {"clip_source", "clip_target", "clip_direction", "clip_image"}
    assert max(0, 100 * scores["clip_source"]) == pytest.approx(clip(edit.source.image, "a dog"), abs=1e-4)
    assert clip_scores(replace(edit, image=edit.source.image), clip)["clip_image"] == pytest.approx(1.0)
    lenient = replace(LENIENT, min_clip_source=-1, min_clip_target=-1, min_clip_direction=1.0)
    part = made(tiny_editor, replace(making, filters=lenient), clip=clip)
    assert part.outcome.rejected == {"clip_direction": 2}


def test_directions_order_tries_where_they_were_measured():
    scores = [{"done": 0.9, "kept": 0.9, "clip_direction": 0.1}, {"done": 0.1, "kept": 0.1, "clip_direction": 0.3}]
    assert [name for name, _ in best_first(["a", "b"], scores)] == ["b", "a"]


def test_a_worker_with_other_weights_refuses(making):
    with pytest.raises(ModelError, match="copy the same weights to every machine"):
        PairMaker.load(replace(making, model=replace(making.model, fingerprint="0" * 64)))


def test_filters_that_no_score_can_reach_are_refused():
    with pytest.raises(SettingsError, match="min_done is 2"):
        Filters(min_done=2.0)
    with pytest.raises(SettingsError, match="best is 0"):
        Filters(best=0)


def test_an_address_depends_on_what_is_made_and_not_on_where_it_stands(tiny_folder, tiny_editor, making):
    again = replace(ROW, number=9, id="y")
    assert address_of(making.depends_on(), ROW) == address_of(making.depends_on(), again)
    others = [
        making_of(tiny_folder, tiny_editor, tries=2),
        replace(making, batch=2),
        replace(making, options={"num_inference_steps": 3}),
        replace(making, model=replace(making.model, dtype="bfloat16")),
    ]
    assert len({address_of(other.depends_on(), ROW) for other in [making, *others]}) == 5
