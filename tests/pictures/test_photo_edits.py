"""Photographs through the editor: any size in, the same size out, and kept inversions that change nothing."""

import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from helpers.picture_files import picture, saved, with_orientation
from wordbrush.editor import Editor
from wordbrush.errors import PhotoError, RecordError, SettingsError
from wordbrush.inversion.methods import METHODS
from wordbrush.pictures.read import read_photo
from wordbrush.runs.cache import InversionCache, Kept
from wordbrush.runs.record import RunRecord

DOG, CAT = "a dog eating an apple", "a cat eating an apple"
WIDE = saved(picture(60, 40), "JPEG", quality=95, exif=with_orientation(8))
"""Stored 60 x 40, shown 40 wide and 60 high."""
STEPS = {"num_inference_steps": 3}


@pytest.fixture(scope="module")
def editor(tiny_folder):
    return Editor.from_pretrained(tiny_folder, "cpu")


@pytest.fixture(scope="module")
def frugal_editor(tiny_folder):
    """Keeps nothing of attention, as the command line does."""
    return Editor.from_pretrained(tiny_folder, "cpu", keep_bytes=0)


@pytest.fixture
def cache(tmp_path):
    return InversionCache(tmp_path / "cache")


def test_an_edit_has_the_photos_size_and_way_up(editor):
    source = editor.invert(WIDE, DOG, **STEPS)
    result = editor.edit(source, CAT)
    assert source.photo.size == source.image.size == result.image.size == (40, 60)
    assert source.notes == ("turned upright, as its metadata says",)
    assert source.fit.photo_size == (60, 40)
    assert source.canvas.size == result.canvas.size == source.fit.canvas_size[::-1] == (24, 40)
    assert editor.regenerate(source, CAT).image.size == (40, 60)
    assert result.image.info == {}


def test_a_photo_of_the_models_own_size_is_not_scaled(editor):
    photo = picture(32, 32)
    source = editor.invert(photo, DOG, **STEPS)
    assert source.photo.tobytes() == photo.tobytes()
    assert source.fit.is_whole
    assert source.image.tobytes() == source.canvas.tobytes()
    result = editor.edit(source, CAT)
    assert result.image.tobytes() == result.canvas.tobytes()


def test_a_canvas_can_be_asked_for(editor):
    source = editor.invert(WIDE, DOG, size=(48, 40), **STEPS)
    assert (source.settings.height, source.settings.width) == (48, 40)
    assert source.fit.box == (0, 4, 48, 32)
    with pytest.raises(SettingsError, match="height is 33"):
        editor.invert(WIDE, DOG, size=(33, 32), **STEPS)


def test_outside_of_a_mask_are_the_very_pixels_of_the_photo(editor):
    mask = Image.new("L", (40, 60))
    mask.paste(255, (0, 0, 40, 30))
    source = editor.invert(WIDE, DOG, **STEPS)
    result = editor.edit(source, CAT, mask=mask)
    photo, edited = np.asarray(source.photo), np.asarray(result.image)
    shown = np.asarray(result.blend_mask)
    assert shown.shape == (60, 40)
    assert not (photo != edited).any(axis=2)[shown == 0].any()
    assert (photo != edited).any(axis=2)[shown == 255].any()
    assert np.mean((shown == 255) == (np.asarray(mask) == 255)) > 0.9
    assert editor.edit(source, CAT, mask=result.blend_mask).image.tobytes() == result.image.tobytes()
    with pytest.raises(SettingsError, match="another shape than the picture"):
        editor.edit(source, CAT, mask=Image.new("L", (60, 40), 255))


def test_an_address_is_not_fetched(editor):
    with pytest.raises(PhotoError, match="is a web address, and only files are read"):
        editor.invert("https://example.org/cat.png", DOG)
    with pytest.raises(SettingsError, match="allow_url"):
        editor.invert(WIDE, DOG, allow_url=True)


def test_a_photo_that_was_read_keeps_its_notes(editor):
    source = editor.invert(read_photo(WIDE), DOG, **STEPS)
    assert source.notes == ("turned upright, as its metadata says",)


@pytest.mark.parametrize("method", METHODS)
def test_a_kept_inversion_gives_the_same_edit(frugal_editor, cache, method):
    editor = frugal_editor
    settings = {"method": method, "cache": cache, "guidance_scale": 2.0, **STEPS}
    fresh = editor.invert(WIDE, DOG, **settings)
    kept = editor.invert(WIDE, DOG, **settings)
    assert fresh.notes[1:] == ()
    assert kept.notes[1:] == ("the inversion was kept from before",)
    assert kept.report == fresh.report
    assert kept.record == fresh.record
    assert kept.image.tobytes() == fresh.image.tobytes()
    edits = [editor.edit(source, CAT, local_blend="auto").image.tobytes() for source in (fresh, kept)]
    assert edits[0] == edits[1]


def test_an_edit_of_a_kept_inversion_replays_bit_for_bit(editor, cache):
    sources = [editor.invert(WIDE, DOG, method="ddim", cache=cache, **STEPS) for _ in range(2)]
    assert [source.record.keep_bytes > 0 for source in sources] == [True, False]
    for source in sources:
        result = editor.edit(source, CAT)
        (again,) = editor.replay(result.record, photo=WIDE)
        assert again.record.image_sha256 == result.record.image_sha256


CHANGES = {
    "prompt": lambda call: {**call, "prompt": CAT},
    "photo": lambda call: {**call, "image": picture(40, 60, seed=1)},
    "steps": lambda call: {**call, "num_inference_steps": 2},
    "seed": lambda call: {**call, "seed": 1},
    "guidance": lambda call: {**call, "guidance_scale": 3.0},
    "negative": lambda call: {**call, "negative_prompt": "red"},
    "method": lambda call: {**call, "method": "ddim"},
    "setting": lambda call: {**call, "num_iterations": 2},
    "size": lambda call: {**call, "size": (32, 32)},
}


@pytest.mark.parametrize("part", CHANGES)
def test_each_part_of_the_key_counts(editor, cache, part):
    call = {"image": WIDE, "prompt": DOG, "method": "fixed-point", "num_iterations": 1, "cache": cache, **STEPS}
    if part == "method":
        call = {**call, "method": "direct"}
        del call["num_iterations"]
    editor.invert(**call)
    assert "kept" not in editor.invert(**CHANGES[part](call)).notes[-1:]
    assert len(list(cache.folder.iterdir())) == 2


@pytest.mark.filterwarnings("ignore::wordbrush.errors.SlowDtypeWarning")
def test_another_model_or_dtype_has_its_own(editor, cache, tiny_folder):
    editor.invert(WIDE, DOG, cache=cache, **STEPS)
    Editor.from_pretrained(tiny_folder, "cpu", "bfloat16").invert(WIDE, DOG, cache=cache, **STEPS)
    other = Editor(editor._adapter, replace(editor.model, fingerprint="0" * 64))
    other.invert(WIDE, DOG, cache=cache, **STEPS)
    assert len(list(cache.folder.iterdir())) == 3
    renamed = Editor(editor._adapter, replace(editor.model, name="elsewhere"))
    assert "the inversion was kept from before" in renamed.invert(WIDE, DOG, cache=cache, **STEPS).notes


def test_what_is_broken_there_is_made_anew(editor, cache):
    fresh = editor.invert(WIDE, DOG, cache=cache, **STEPS)
    (path,) = cache.folder.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    again = editor.invert(WIDE, DOG, cache=cache, **STEPS)
    assert "is damaged or not one" in again.notes[-1]
    assert again.image.tobytes() == fresh.image.tobytes()
    assert "kept from before" in editor.invert(WIDE, DOG, cache=cache, **STEPS).notes[-1]


def test_a_whole_file_that_is_no_inversion_of_this_is_made_anew(editor, cache, monkeypatch):
    fresh = editor.invert(WIDE, DOG, cache=cache, **STEPS)
    (path,) = cache.folder.iterdir()
    kept, _ = InversionCache.get(cache, {})
    assert kept is None
    monkeypatch.setattr(InversionCache, "_path", lambda self, key: path)
    good, _ = cache.get({})
    for wrong in (
        Kept({**good.tensors, "latents": good.tensors["latents"][..., :2]}, good.facts),
        Kept({**good.tensors, "latents": good.tensors["latents"] * float("nan")}, good.facts),
        Kept({"text": good.tensors["text"]}, good.facts),
        Kept(good.tensors, {}),
        Kept(good.tensors, {"report": {**good.facts["report"], "seconds": "soon"}}),
    ):
        cache.put({}, wrong)
        again = editor.invert(WIDE, DOG, cache=cache, **STEPS)
        assert "kept from before" not in again.notes[-1]
        assert again.image.tobytes() == fresh.image.tobytes()


def test_a_full_disk_and_an_interruption_lose_nothing(editor, cache, monkeypatch):
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        editor.invert(WIDE, DOG, cache=cache, on_step=stop, **STEPS)
    assert not cache.folder.exists()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    source = editor.invert(WIDE, DOG, cache=cache, **STEPS)
    assert "No space left on device" in source.notes[-1]
    assert editor.edit(source, CAT).image.size == (40, 60)
    assert list(cache.folder.iterdir()) == []


def test_a_record_replays_with_its_photo_and_without_it_says_what_is_missing(editor, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(WIDE)
    source = editor.invert(path, DOG, **STEPS)
    result = editor.edit(source, CAT, local_blend="auto")
    record = RunRecord.from_json(result.record.to_json())
    assert record.photo.fit == source.fit
    (again,) = editor.replay(record, photo=path)
    assert again.record.image_sha256 == result.record.image_sha256
    with pytest.raises(RecordError, match=r"is of a photograph .* add --photo FILE"):
        editor.replay(record)
    with pytest.raises(RecordError, match="the photo has other pixels"):
        editor.replay(record, photo=picture(40, 60))
    with pytest.raises(RecordError, match="the record has no photograph"):
        editor.replay(editor.generate(DOG, **STEPS).record, photo=path)
