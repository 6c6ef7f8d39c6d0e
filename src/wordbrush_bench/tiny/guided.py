"""What guides a tiny network beside its text, of real diffusers and transformers classes: random weights, seeded,
built offline.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    FluxControlNetModel,
    FluxControlNetPipeline,
    SD3ControlNetModel,
    StableDiffusion3ControlNetPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionXLControlNetPipeline,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from PIL import Image
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from wordbrush_bench.tiny.joint import tiny_flux, tiny_sd3
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


class CertainAutoencoder(AutoencoderKL):  # type: ignore[misc]  # of a library without types
    """One of which a sample is its mean, and a picture is the same, bit for bit, whatever is beside it: transformers'
    pipelines read control images through a sample, for each row.
    """

    def encode(self, x: Tensor, return_dict: bool = True) -> Any:
        """The same, without a spread."""
        parameters = torch.cat([super(CertainAutoencoder, self).encode(row[None]).latent_dist.parameters for row in x])
        return AutoencoderKLOutput(latent_dist=DiagonalGaussianDistribution(parameters, deterministic=True))


def tiny_controlled_sd3(nets: int = 1, **changes: Any) -> StableDiffusion3ControlNetPipeline:
    """Stable Diffusion 3.5 with so many ControlNets of two blocks, with `changes` of their settings."""
    plain = tiny_sd3()
    config = {**plain.transformer.config, "num_layers": 2, "extra_conditioning_channels": 0, **changes}

    def net(seed: int) -> Any:
        torch.manual_seed(seed)
        made = SD3ControlNetModel.from_config(config)
        return _trained(made, seed, made.pos_embed_input.proj, *made.controlnet_blocks)

    return _controlled_flow(StableDiffusion3ControlNetPipeline, plain, [net(seed) for seed in range(nets)])


def tiny_controlled_flux(nets: int = 1, **changes: Any) -> FluxControlNetPipeline:
    """FLUX.1 dev with so many ControlNets of a double and a single block, with `changes` of their settings."""
    plain = tiny_flux()
    config = {**plain.transformer.config, "num_layers": 1, "num_single_layers": 1, **changes}

    def net(seed: int) -> Any:
        torch.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of diffusers, about its own code
            made = FluxControlNetModel.from_config(config)
        last = *made.controlnet_blocks, *made.controlnet_single_blocks
        return _trained(made, seed, made.controlnet_x_embedder, *last)

    return _controlled_flow(FluxControlNetPipeline, plain, [net(seed) for seed in range(nets)])


def _trained(net: Any, seed: int, *zeros: Any) -> Any:
    """A ControlNet whose layers that begin with zeros are not, as in one that was trained."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in zeros:
            layer.weight.copy_(0.3 * torch.randn(layer.weight.shape, generator=generator))
    return net.eval()


def _controlled_flow(kind: Any, plain: Any, nets: list[Any]) -> Any:
    vae = CertainAutoencoder.from_config(plain.vae.config)
    vae.load_state_dict(plain.vae.state_dict())
    parts = {name: part for name, part in plain.components.items() if part is not None}
    pipeline = kind(**{**parts, "vae": vae.eval()}, controlnet=nets[0] if len(nets) == 1 else nets)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


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
