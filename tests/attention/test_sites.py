import pytest
import torch
from diffusers import UNet2DConditionModel
from hypothesis import given
from hypothesis import strategies as st

from helpers.tiny import tiny_unet
from wordbrush.attention.sites import AttentionCall, grid
from wordbrush.errors import ControlError
from wordbrush.models.intercept import Intercept, attention_layers

UNET: UNet2DConditionModel = tiny_unet()


@pytest.mark.parametrize("latent", [(16, 16), (16, 24), (24, 16), (5, 7), (9, 16), (4, 31), (1, 8)])
def test_every_layer_of_a_real_network_has_its_grid(latent):
    """Seen in the network itself: the map that comes out of each down block has that height and width."""
    shapes: list[tuple[int, int]] = []
    pixels: list[int] = []

    def handler(call: AttentionCall) -> torch.Tensor:
        pixels.append(call.pixels)
        return call.plain()

    handles = [
        module.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape[2:])))
        for name, module in UNET.named_modules()
        if type(module).__name__ == "Transformer2DModel"
    ]
    with torch.no_grad(), Intercept(attention_layers(UNET), handler):
        UNET(torch.zeros(1, 4, *latent), 1, encoder_hidden_states=torch.zeros(1, 3, 32))
    for handle in handles:
        handle.remove()
    assert [grid(count, latent) for count in pixels] == [shape for shape in shapes for _ in range(2)]


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 4))
def test_grids_are_found_for_every_size(height, width, halvings):
    expected = (-(-height // 2**halvings), -(-width // 2**halvings))
    assert grid(expected[0] * expected[1], (height, width)) == expected


@pytest.mark.parametrize("pixels", [0, 255, 257, 100])
def test_what_is_no_halving_is_told(pixels):
    with pytest.raises(ControlError, match=f"has {pixels} pixels, which is no halving of latents of 16 x 16"):
        grid(pixels, (16, 16))
