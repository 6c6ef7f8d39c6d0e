"""What guides a tiny U-Net beside its text, of real diffusers and transformers classes: random weights, seeded, built
offline.
"""

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionXLControlNetPipeline
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from PIL import Image
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import tiny_xl

_WIDTH = 8
"""Of what the image encoder gives."""


def tiny_control_net(unet: Any, seed: int = 0) -> ControlNetModel:
    """A ControlNet of a U-Net's blocks. Its last convolutions are not zero, as in one that was trained."""
    net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in (*net.controlnet_down_blocks, net.controlnet_mid_block, net.controlnet_cond_embedding.conv_out):
            layer.weight.copy_(0.3 * torch.randn(layer.weight.shape, generator=generator))
    return net


def tiny_controlled(nets: int = 1, **changes: Any) -> StableDiffusionControlNetPipeline:
    """Stable Diffusion with so many ControlNets."""
    return _controlled(
        StableDiffusionControlNetPipeline, tiny_pipeline(**changes), nets, requires_safety_checker=False
    )


def tiny_controlled_xl(nets: int = 1, **changes: Any) -> StableDiffusionXLControlNetPipeline:
    """Stable Diffusion XL with so many ControlNets."""
    return _controlled(StableDiffusionXLControlNetPipeline, tiny_xl(**changes), nets, add_watermarker=False)


def _controlled(kind: Any, plain: Any, nets: int, **settings: bool) -> Any:
    beside = [tiny_control_net(plain.unet, seed) for seed in range(nets)]
    pipeline = kind(**plain.components, controlnet=beside[0] if nets == 1 else beside, **settings)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tiny_image_encoder(seed: int = 0, width: int = _WIDTH) -> CLIPVisionModelWithProjection:
    """What an IP-Adapter reads a picture with, of `width` outputs."""
    torch.manual_seed(seed)
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            projection_dim=width,
        )
    )


def tiny_ip_adapter(unet: Any, *, plus: bool = False, seed: int = 0) -> dict[str, Tensor]:
    """The tensors of an IP-Adapter for a U-Net by the names of its file, or of one of the kind Plus."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).div(shape[-1] ** 0.5)

    read = unet.config["cross_attention_dim"]
    layers: dict[str, Tensor] = {}
    for number, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            width = unet.get_submodule(name.removesuffix(".processor")).to_q.out_features
            layers |= {
                f"{number}.to_k_ip.weight": 4 * drawn(width, read),
                f"{number}.to_v_ip.weight": drawn(width, read),
            }
    if plus:
        resampler = IPAdapterPlusImageProjection(16, read, hidden_dims=64, depth=4, heads=1, num_queries=6)
        image_proj = {name.replace("to_out.0", "to_out"): part for name, part in resampler.state_dict().items()}
    else:
        image_proj = {"proj.weight": drawn(4 * read, _WIDTH), "proj.bias": drawn(4 * read)}
        image_proj |= {"norm.weight": torch.ones(read), "norm.bias": torch.zeros(read)}
    parts = {"image_proj": image_proj, "ip_adapter": layers}
    return {f"{part}.{name}": tensor for part, its in parts.items() for name, tensor in its.items()}


def with_ip_adapter(pipeline: Any, *, plus: bool = False) -> Any:
    """The same pipeline with an IP-Adapter in it, or one of the kind Plus, loaded as diffusers loads it."""
    extractor = CLIPImageProcessor(size=32, crop_size=32)
    pipeline.register_modules(image_encoder=tiny_image_encoder(), feature_extractor=extractor)
    parts: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in tiny_ip_adapter(pipeline.unet, plus=plus).items():
        part, _, own = name.partition(".")
        parts[part][own] = tensor
    pipeline.load_ip_adapter(parts, subfolder="", weight_name="")
    return pipeline


def picture(seed: int = 0, size: Sequence[int] = (40, 24)) -> Image.Image:
    """A picture of coarse random patches, of (width, height)."""
    patches = torch.randint(256, (3, 4, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return Image.fromarray(patches.numpy()).resize((size[0], size[1]), Image.Resampling.NEAREST)
