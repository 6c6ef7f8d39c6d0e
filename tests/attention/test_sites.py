import pytest
import torch
from diffusers import UNet2DConditionModel

from wordbrush.attention.sites import AttentionCall
from wordbrush.models.intercept import Intercept
from wordbrush.models.unet import UNetLayers
from wordbrush_bench.tiny.stable_diffusion import tiny_unet

UNET: UNet2DConditionModel = tiny_unet()


@pytest.mark.parametrize("latent", [(16, 16), (16, 24), (24, 16), (5, 7), (9, 16), (4, 31), (1, 8)])
def test_every_layer_of_a_real_network_has_its_grid_and_its_place_in_the_order(latent):
    """Seen in the network itself: the map that comes out of each down block has that height and width."""
    shapes: list[tuple[int, int]] = []
    seen: list[AttentionCall] = []

    def handler(call: AttentionCall) -> torch.Tensor:
        seen.append(call)
        return call.plain()

    handles = [
        module.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape[2:])))
        for name, module in UNET.named_modules()
        if type(module).__name__ == "Transformer2DModel"
    ]
    layers = UNetLayers(UNET, 3)
    with torch.no_grad(), Intercept(layers.modules, layers.at(latent), handler):
        UNET(torch.zeros(1, 4, *latent), 1, encoder_hidden_states=torch.zeros(1, 3, 32))
    for handle in handles:
        handle.remove()
    assert tuple(call.layer for call in seen) == layers.at(latent)
    assert [call.layer.grid for call in seen] == [shape for shape in shapes for _ in range(2)]
    assert all(call.q.shape[2] == call.layer.pixels for call in seen)
