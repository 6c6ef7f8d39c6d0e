from dataclasses import replace

import pytest

from wordbrush.attention.sites import AttentionLayer, Site
from wordbrush.errors import SettingsError
from wordbrush.maps.plan import MapsPlan, default_grid, plan_maps
from wordbrush.maps.request import MapsRequest
from wordbrush.tokens.prompt_tokens import PromptTokens

PROMPT = PromptTokens.from_offsets("a dog", [(0, 1), (2, 5)], begin=1, length=8)
LAYERS = [
    layer
    for name, side, heads in [("down", 32, 2), ("down", 16, 4), ("mid", 8, 4), ("up", 16, 4), ("up", 32, 2)]
    for layer in (
        AttentionLayer.own(f"{name}.{side}", heads, (side, side)),
        AttentionLayer.cross(f"{name}.{side}", heads, (side, side), 8),
    )
]


def plan(layers=tuple(LAYERS), steps: int = 10, **options) -> MapsPlan:
    return plan_maps(MapsRequest(**options), {0: PROMPT}, layers, steps)


def names(planned: MapsPlan) -> list[list[str]]:
    return [[layer.site.name for layer in stack] for stack in planned.stacks]


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((64, 32, 16, 8), 16),  # Stable Diffusion at 512
        ((96, 48, 24, 12), 24),  # Stable Diffusion 2 at 768
        ((32, 16, 8, 4), 16),  # Stable Diffusion at 256
        ((16, 8, 4), 16),  # the bundled model at 64
        ((8, 4, 2), 8),
    ],
)
def test_the_default_resolution(sides, expected):
    assert default_grid([(side, side) for side in sides]) == (expected, expected)
    assert default_grid([(2 * side, side) for side in sides]) == (2 * expected, expected)


def test_layers_are_averaged_by_resolution_or_kept_apart():
    assert names(plan()) == [["down.16", "up.16"]]
    assert names(plan(resolution="all")) == [["down.32", "up.32"], ["down.16", "up.16"], ["mid.8"]]
    assert names(plan(resolution=8)) == names(plan(resolution=(8, 8))) == [["mid.8"]]
    assert names(plan(per_site=True)) == [["down.16"], ["up.16"]]
    assert names(plan(sites="up")) == [["up.32"], ["up.16"]]
    assert names(plan(sites=["up", "mid"], resolution=16)) == [["up.16"]]


def test_shapes_and_bytes():
    planned = plan(resolution="all", per_step=True, per_head=True, steps=4)
    assert [planned.shape(0, i) for i in range(3)] == [(2, 4, 2, 32, 32), (2, 4, 4, 16, 16), (2, 4, 4, 8, 8)]
    assert planned.num_bytes == 4 * 2 * 4 * (2 * 32 * 32 + 4 * 16 * 16 + 4 * 8 * 8)
    assert plan().num_bytes == 4 * 2 * 16 * 16
    assert plan(self_components=3).num_bytes == 4 * (2 * 16 * 16 + 256 * 256)


def test_self_attention_of_the_default_resolution():
    assert [layer.site for layer in plan(self_components=1).self_layers] == [
        Site("down.16", "self"),
        Site("up.16", "self"),
    ]
    assert plan().self_layers == ()
    large = [replace(layer, height=64, width=64) for layer in LAYERS]
    with pytest.raises(SettingsError, match="no self-attention layer has 1024 positions or fewer"):
        plan(layers=large, self_components=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"resolution": 64},
            "no cross-attention layer has resolution 64 at this size; there are: 32 x 32, 16 x 16, 8",
        ),
        ({"sites": "left"}, "name begins with 'left'; the layers are: down.32, down.16, mid.8"),
        (
            {"sites": "mid", "resolution": 32},
            "no cross-attention layer has resolution 32 at this size; there are: 8 x 8",
        ),
    ],
)
def test_what_the_model_has_not_is_told(options, message):
    with pytest.raises(SettingsError, match=message):
        plan(**options)


def test_heads_of_layers_that_have_different_numbers_have_no_mean():
    mixed = [replace(layer, height=16, width=16) for layer in LAYERS]
    assert plan(layers=mixed).stacks
    with pytest.raises(
        SettingsError, match=r"have 2 to 4 heads, so their heads cannot be averaged .* give per_site=True"
    ):
        plan(layers=mixed, per_head=True)
    assert len(plan(layers=mixed, per_head=True, per_site=True).stacks) == 5


def test_what_would_not_fit_is_told_with_what_to_ask_instead():
    with pytest.raises(SettingsError) as told:
        plan(resolution="all", per_step=True, per_head=True, self_components=3, max_bytes=100_000)
    message = str(told.value)
    assert "(2 words, 3 maps per word, 10 steps each, 2 heads each, self-attention of 256 positions)" in message
    assert "would take 528384 bytes, over max_bytes = 100000" in message
    assert "per_step=False" in message
    assert "per_head=False" in message
    assert "a larger max_bytes" in message
    with pytest.raises(SettingsError, match="over max_bytes = 2047"):
        plan(max_bytes=2047)
    assert plan(max_bytes=2048)
