"""LoRAs and concepts in the forms that other tools write, at tiny size."""

from pathlib import Path

import torch
from diffusers import DiffusionPipeline, StableDiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

UNET_LAYERS = ["to_q", "to_k", "to_v", "to_out.0"]
TEXT_LAYERS = ["q_proj", "k_proj", "v_proj", "out_proj"]


def vectors(count: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def concept(path: Path, form: str = "web ui", count: int = 2, width: int = 32, seed: int = 0) -> Path:
    """A concept for one text encoder as the web UI or diffusers writes it, or for the two of Stable Diffusion XL."""
    rows = vectors(count, width, seed)
    tensors = {
        "web ui": {"emb_params": rows},
        "diffusers": {"<toy>": rows if count > 1 else rows[0]},
        "xl": {"clip_l": vectors(count, 8, seed), "clip_g": vectors(count, 12, seed + 1)},
    }[form]
    save_file(tensors, path)
    return path


def trained(pipeline: DiffusionPipeline, name: str = "made", seed: int = 0, rank: int = 2, alpha: int = 4) -> None:
    """Give a pipeline a LoRA of U-Net and text encoders that does something, through PEFT itself."""
    generator = torch.Generator().manual_seed(seed)
    for part, layers in (("unet", UNET_LAYERS), ("text_encoder", TEXT_LAYERS), ("text_encoder_2", TEXT_LAYERS)):
        model = getattr(pipeline, part, None)
        if model is None:
            continue
        model.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=layers), adapter_name=name)
        for key, parameter in model.named_parameters():
            if f"lora_B.{name}" in key:
                nn.init.normal_(parameter.data, std=0.3, generator=generator)


def lora(pipeline: StableDiffusionPipeline, path: Path, form: str) -> Path:
    """Write a trained pipeline's LoRA as PEFT, diffusers' own trainer, or kohya's names it."""
    unet = get_peft_model_state_dict(pipeline.unet, adapter_name="made")
    text = get_peft_model_state_dict(pipeline.text_encoder, adapter_name="made")
    if form == "peft":
        configs = {
            "unet": pipeline.unet.peft_config["made"],
            "text_encoder": pipeline.text_encoder.peft_config["made"],
        }
        StableDiffusionPipeline.save_lora_weights(
            path.parent,
            unet_lora_layers=unet,
            text_encoder_lora_layers=text,
            weight_name=path.name,
            unet_lora_adapter_metadata=configs["unet"].to_dict(),
            text_encoder_lora_adapter_metadata=configs["text_encoder"].to_dict(),
        )
    elif form == "diffusers":
        unet, text = (_unscaled(part, pipeline) for part in (unet, text))
        StableDiffusionPipeline.save_lora_weights(
            path.parent,
            unet_lora_layers=convert_state_dict_to_diffusers(unet),
            text_encoder_lora_layers=convert_state_dict_to_diffusers(text),
            weight_name=path.name,
        )
    else:
        save_file(_kohya(unet, "lora_unet") | _kohya(text, "lora_te_text_model"), path)
    return path


def kohya_for_two_encoders(pipeline: DiffusionPipeline, path: Path) -> Path:
    """Write a trained Stable Diffusion XL pipeline's LoRA with kohya's names."""
    tensors: dict[str, Tensor] = {}
    for part, prefix in (
        ("unet", "lora_unet"),
        ("text_encoder", "lora_te1_text_model"),
        ("text_encoder_2", "lora_te2_text_model"),
    ):
        tensors |= _kohya(get_peft_model_state_dict(getattr(pipeline, part), adapter_name="made"), prefix)
    save_file(tensors, path)
    return path


def _unscaled(part: dict[str, Tensor], pipeline: StableDiffusionPipeline) -> dict[str, Tensor]:
    """A form that says no alpha, with the scale in the second matrices."""
    config = pipeline.unet.peft_config["made"]
    scale = config.lora_alpha / config.r
    return {key: value * scale if "lora_B" in key else value for key, value in part.items()}


def _kohya(part: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    named = {}
    for key, value in part.items():
        layer, _, matrix = key.removeprefix("text_model.").partition(".lora_")
        name = f"{prefix}_{layer.replace('.', '_')}"
        named[f"{name}.lora_{'down' if matrix.startswith('A') else 'up'}.weight"] = value.contiguous()
        named[f"{name}.alpha"] = torch.tensor(4.0)
    return named


def random_lora(pipeline, path: Path, seed: int = 0, size: float = 0.05) -> Path:
    """A LoRA of a pipeline's network and of its CLIPs that does something, in diffusers' names."""
    generator = torch.Generator().manual_seed(seed)
    parts = {"unet": (".to_q", ".to_k", ".to_v"), "transformer": (".to_q", ".to_k", ".to_v")}
    parts |= {"text_encoder": (".q_proj", ".v_proj")} if hasattr(pipeline, "unet") else {}
    tensors = {}
    for part, endings in parts.items():
        for name, layer in getattr(pipeline, part, nn.Module()).named_modules():
            if name.endswith(endings):
                out, inside = layer.weight.shape
                tensors[f"{part}.{name}.lora_A.weight"] = torch.randn(2, inside, generator=generator)
                tensors[f"{part}.{name}.lora_B.weight"] = size * torch.randn(out, 2, generator=generator)
    save_file(tensors, path)
    return path
