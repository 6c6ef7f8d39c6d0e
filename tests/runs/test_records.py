import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.shortcuts import Shortcuts
from wordbrush.errors import RecordError
from wordbrush.inversion.settings import InversionSettings
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.pictures.fit import Fit, fit_into
from wordbrush.runs.record import EarlierEdit, ModelRecord, PhotoRecord, RunRecord
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.versions import installed_versions

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
fractions = st.floats(0, 1)
windows = st.tuples(fractions, fractions).map(lambda pair: (min(pair), max(pair)))
numbers = st.floats(allow_nan=False, allow_infinity=False)

words = st.lists(text, min_size=1, max_size=2).map(tuple)
shares = st.floats(0, 1, exclude_max=True)
masks = st.integers(1, 5).flatmap(lambda n: st.lists(st.text("#.", min_size=n, max_size=n), min_size=1, max_size=5))
blends = st.builds(
    LocalBlend,
    words=words,
    source_words=st.none() | words,
    target_words=st.none() | st.lists(words, max_size=2).map(tuple),
    subtract_words=words,
    threshold=shares,
    subtract_threshold=shares,
    pool=st.sampled_from([1, 3, 5]),
    start_blend=shares,
    maps=st.sampled_from(["edited", "own"]),
    mask=st.none() | masks.filter(lambda rows: "#" in "".join(rows)).map(tuple).map(LatentMask),
    fill_steps=st.floats(0, 1),
    apart=st.booleans(),
    spread=st.booleans(),
    hold_pixels=st.booleans(),
)
outlined = blends.filter(lambda blend: blend.names_words).map(lambda b: replace(b, outlined=True, parted=0.5))
recounted = outlined.map(lambda b: replace(b, fill_steps=0.6, fill_counts=(3, 2)))
rearranged = outlined.map(
    lambda b: replace(b, fill_steps=0.6, subtract_words=b.subtract_words or ("hat",), fill_relation="on")
)
painted = outlined.map(lambda b: replace(b, fill_steps=0.6, fill_colour=(0, 128, 255)))
rescaled = blends.filter(lambda blend: blend.names_words).map(lambda b: replace(b, fill_steps=0.6, fill_scale=1.3))
edits = st.builds(
    EditSettings,
    targets=st.lists(text, min_size=1, max_size=3).map(tuple),
    edit=st.sampled_from(["auto", "replace", "refine"]),
    cross_replace_steps=st.dictionaries(text, windows, max_size=3).map(lambda d: {"default_": (0.0, 0.8), **d}),
    self_replace_steps=windows,
    self_replace_max_pixels=st.integers(1, 4096),
    equalizer=st.dictionaries(text, numbers, max_size=3),
    local_blend=st.none() | blends | rescaled | outlined | recounted | rearranged | painted,
    mutual_self_attention=st.none() | st.builds(lambda w, layer: MutualSelfAttention(*w, layer), windows, shares),
    plug_and_play=st.none() | st.builds(PlugAndPlay, fractions, fractions, shares, shares),
    strength=st.none() | fractions,
    fast=st.builds(
        Shortcuts,
        windows,
        st.floats(0, 0.99),
        st.integers(1, 9),
        st.integers(1, 9),
        st.integers(0, 9),
        st.integers(1, 9),
    ),
)
inversions = st.sampled_from(
    [
        ("direct", {}),
        ("edit-friendly", {"skip": 0.36}),
        ("fixed-point", {"num_iterations": 3}),
        ("null-text", {}),
        ("negative-prompt", {"proximal": "l1", "recon_t": 200}),
    ]
).map(lambda pair: InversionSettings.parse(*pair))
sides = st.integers(1, 5000)
fits = st.builds(fit_into, st.tuples(sides, sides), st.tuples(sides, sides))
photos = st.builds(PhotoRecord, image_sha256=text, fit=fits, prompt=text, inversion=inversions)
records = st.builds(
    RunRecord,
    model=st.builds(ModelRecord, name=text, fingerprint=text, device=text, dtype=text),
    generation=st.builds(
        GenerationSettings,
        prompt=text,
        negative_prompt=text,
        seed=st.integers(0, 2**63 - 1),
        num_inference_steps=st.integers(1, 1000),
        guidance_scale=st.floats(0, 1e6),
        height=st.integers(1, 4096),
        width=st.integers(1, 4096),
    ),
    photo=st.none() | photos,
    edit=st.none() | edits,
    together=st.booleans(),
    keep_bytes=st.integers(0, 2**40),
    acted=st.lists(st.lists(text, max_size=2).map(tuple), max_size=2).map(tuple),
    controlled_calls=st.integers(0, 10**6),
    warnings=st.lists(text, max_size=2).map(tuple),
    versions=st.dictionaries(text, text, max_size=3),
    image_sha256=st.dictionaries(text, text, max_size=3),
    chain=st.lists(
        st.builds(EarlierEdit, edits, st.integers(0, 2), st.booleans(), st.integers(0, 2**40)), max_size=2
    ).map(tuple),
    seeds=st.lists(st.integers(0, 2**63 - 1), max_size=3).map(tuple),
)

EXAMPLE = RunRecord(
    model=ModelRecord("owner/name", "0123456789abcdef", "cpu", "float32", 2),
    generation=GenerationSettings("ein Hund, größer: 犬", "blurry", 7, 50, 7.5, 512, 768),
    photo=PhotoRecord(
        "ff00",
        Fit((60, 40), (64, 64), (0, 10, 64, 43)),
        "ein Hund",
        InversionSettings.parse("edit-friendly", {"skip": 0.36}),
    ),
    edit=EditSettings.of(
        "eine Katze 🐈",
        cross_replace_steps={"Katze": 0.4, "default_": 0.8},
        self_replace_steps=0.4,
        equalizer={"Katze": 2.0},
        local_blend=LocalBlend("Katze", target_words=(("Katze",),), mask=LatentMask(("#.", ".."))),
        mutual_self_attention=MutualSelfAttention(),
        plug_and_play=PlugAndPlay(),
    ),
    together=True,
    keep_bytes=0,
    acted=(("'Hund' -> 'Katze'",),),
    controlled_calls=70,
    warnings=(),
    versions=installed_versions(),
    image_sha256={"source": "00", "edited": "11"},
)


@given(records)
def test_a_record_comes_back_from_its_json_as_it_was(record: RunRecord) -> None:
    assert RunRecord.from_json(record.to_json()) == record


def test_the_json_is_readable_as_it_stands() -> None:
    assert "größer: 犬" in EXAMPLE.to_json()
    assert json.loads(EXAMPLE.to_json())["schema"] == 2


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema", 3, "has schema 3"),
        ("schema", "1", "has schema '1'"),
        ("extra", 1, "'extra', which this version"),
        ("model", None, r"record\.model is None"),
        ("model.name", 3, r"record\.model\.name is 3, where str"),
        ("generation.seed", 1.5, r"generation\.seed is 1\.5, where int"),
        ("generation.seed", 2**70, "seed is 1180591620717411303424"),
        ("generation.num_inference_steps", True, "num_inference_steps is True, where int"),
        ("generation.num_inference_steps", 0, "num_inference_steps is 0; give 1 or more"),
        ("generation.guidance_scale", 10**400, "a number of usual size"),
        ("generation.guidance_scale", float("nan"), "guidance_scale is nan"),
        ("generation.height", -3, "size is -3x768"),
        ("edit.edit", "swap", "'auto' or 'replace' or 'refine'"),
        ("edit.targets", [], "there is no target prompt"),
        ("edit.targets", "a cat", "targets is 'a cat'"),
        ("edit.cross_replace_steps", {}, "has no 'default_'"),
        ("edit.cross_replace_steps", {"default_": [0, 3]}, r"outside of 0\.\.1"),
        ("edit.cross_replace_steps", {"default_": [0]}, r"default_ is \[0\], where a list of 2"),
        ("edit.self_replace_steps", [0.5, 0.1], r"outside of 0\.\.1"),
        ("edit.self_replace_steps", [0, float("nan")], r"outside of 0\.\.1"),
        ("edit.self_replace_max_pixels", -1, "self_replace_max_pixels is -1"),
        ("edit.equalizer", [2], r"equalizer is \[2\], where an object"),
        ("edit.local_blend", "Katze", r"local_blend is 'Katze', where an object"),
        ("edit.local_blend.words", "Katze", r"local_blend\.words is 'Katze', where tuple"),
        ("edit.local_blend.target_words", [["Katze"], 3], r"target_words\[1\] is 3"),
        ("edit.local_blend.threshold", 1, r"threshold is 1\.0; give a number from 0 to below 1"),
        ("edit.local_blend.pool", 4, "pool is 4; give an odd number"),
        ("edit.local_blend.maps", "stored", "'edited' or 'own'"),
        ("edit.local_blend.mask.rows", ["#.", "#"], "a mask is equally long rows of '#' and '.'"),
        ("edit.local_blend.mask.rows", ["..", ".."], "the mask lets nothing change"),
        ("edit.mutual_self_attention.start_step", 2, r"mutual self-attention is \(2\.0, 1\.0\), outside"),
        ("edit.mutual_self_attention.start_layer", 1, r"start_layer of mutual self-attention is 1\.0"),
        ("edit.plug_and_play.feature_layer", -1, r"feature_layer of Plug-and-Play is -1\.0"),
        ("edit.plug_and_play.feature_replace_steps", True, "feature_replace_steps is True, where float"),
        ("together", 1, "together is 1, where bool"),
    ],
)
def test_a_wrong_field_is_named(path: str, value: object, message: str) -> None:
    plain = json.loads(EXAMPLE.to_json())
    *parents, field = path.split(".")
    place = plain
    for parent in parents:
        place = place[parent]
    place[field] = value
    with pytest.raises(RecordError, match=message) as caught:
        RunRecord.from_json(json.dumps(plain))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "field",
    [name for name in json.loads(EXAMPLE.to_json()) if name not in ("sampler", "chain", "seeds", "beside", "batch")],
)
def test_a_missing_field_is_named(field: str) -> None:
    plain = json.loads(EXAMPLE.to_json())
    del plain[field]
    with pytest.raises(RecordError, match=f"has no '{field}'"):
        RunRecord.from_json(json.dumps(plain))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "3", '"text"', "[" * 100_000, "1" * 5000])
def test_what_is_no_record_is_refused(content: str) -> None:
    with pytest.raises(RecordError):
        RunRecord.from_json(content)


def test_pixel_hash_tells_pixels_modes_and_shapes_apart() -> None:
    images = [
        Image.new("RGB", (2, 3)),
        Image.new("RGB", (3, 2)),
        Image.new("L", (6, 3)),
        Image.new("RGB", (2, 3), (0, 0, 1)),
    ]
    assert len({pixel_sha256(image) for image in images}) == len(images)
    assert pixel_sha256(images[0]) == pixel_sha256(images[0].copy())


def test_records_of_different_settings_differ() -> None:
    other = replace(EXAMPLE, generation=replace(EXAMPLE.generation, seed=8))
    assert RunRecord.from_json(other.to_json()) != EXAMPLE


def test_a_record_from_before_an_option_existed_has_its_default() -> None:
    plain = json.loads(EXAMPLE.to_json())
    del plain["sampler"]  # all earlier runs had this one
    assert RunRecord.from_json(json.dumps(plain)).sampler == "ddim"
    for field in ("local_blend", "mutual_self_attention", "plug_and_play"):
        del plain["edit"][field]
    assert RunRecord.from_json(json.dumps(plain)).edit == EditSettings.of(
        "eine Katze 🐈",
        cross_replace_steps={"Katze": 0.4, "default_": 0.8},
        self_replace_steps=0.4,
        equalizer={"Katze": 2.0},
    )
