"""A pipeline's weights under the names of the original Stable Diffusion code, as checkpoints in one file have them."""

import re
from pathlib import Path

from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_TOP = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def save_single_file(pipeline: StableDiffusionPipeline, path: Path) -> Path:
    unet, vae = pipeline.unet, pipeline.vae
    attending = ["attentions" in dict(block.named_children()) for block in unet.up_blocks]
    names = {
        **{f"model.diffusion_model.{_unet_name(k, unet, attending)}": v for k, v in unet.state_dict().items()},
        **{f"first_stage_model.{_vae_name(k, vae)}": _as_conv(k, v) for k, v in vae.state_dict().items()},
        **{f"cond_stage_model.transformer.{_text_name(k)}": v for k, v in pipeline.text_encoder.state_dict().items()},
    }
    save_file({name: tensor.contiguous().clone() for name, tensor in names.items()}, path)
    return path


def _text_name(key: str) -> str:
    return key if key.startswith("text_model.") else f"text_model.{key}"


def _unet_name(key: str, unet, attending: list[bool]) -> str:
    layers = int(unet.config.layers_per_block) + 1
    if match := re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.*)", key):
        way, block, kind, layer, rest = match.groups()
        number = (1 if way == "down" else 0) + int(block) * layers + int(layer)
        side = "input" if way == "down" else "output"
        return f"{side}_blocks.{number}.{int(kind == 'attentions')}.{_resnet(rest) if kind == 'resnets' else rest}"
    if match := re.match(r"down_blocks\.(\d+)\.downsamplers\.0\.conv\.(.*)", key):
        return f"input_blocks.{(int(match[1]) + 1) * layers}.0.op.{match[2]}"
    if match := re.match(r"up_blocks\.(\d+)\.upsamplers\.0\.conv\.(.*)", key):
        block = int(match[1])
        return f"output_blocks.{block * layers + layers - 1}.{1 + attending[block]}.conv.{match[2]}"
    if match := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", key):
        kind, number, rest = match.groups()
        return f"middle_block.1.{rest}" if kind == "attentions" else f"middle_block.{2 * int(number)}.{_resnet(rest)}"
    return next(f"{new}{key[len(old) :]}" for old, new in _TOP.items() if key.startswith(f"{old}."))


def _resnet(rest: str) -> str:
    return next(f"{new}{rest[len(old) :]}" for old, new in _RESNET.items() if rest.startswith(f"{old}."))


def _vae_name(key: str, vae) -> str:
    count = len(vae.config.block_out_channels)
    key = re.sub(r"down_blocks\.(\d+)\.resnets", r"down.\1.block", key)
    key = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", key)
    key = re.sub(r"up_blocks\.(\d+)\.resnets", lambda m: f"up.{count - 1 - int(m[1])}.block", key)
    key = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0", lambda m: f"up.{count - 1 - int(m[1])}.upsample", key)
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    if match := re.match(r"(.*)mid_block\.attentions\.0\.(.*)", key):
        new = next(f"{new}{match[2][len(old) :]}" for old, new in _ATTENTION.items() if match[2].startswith(f"{old}."))
        return f"{match[1]}mid.attn_1.{new}"
    return key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")


def _as_conv(key: str, tensor: Tensor) -> Tensor:
    """Attention was written as convolutions of one pixel."""
    is_linear = "mid_block.attentions" in key and tensor.dim() == 2
    return tensor[:, :, None, None] if is_linear else tensor
