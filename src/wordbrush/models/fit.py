"""Whether the parts of a diffusion pipeline are what the family expects, and fit each other: one line each.

Checked of a loaded pipeline, whichever way it came in. A configuration that is read as something that it does not mean
draws a picture all the same, so nothing here is guessed.
"""

from collections.abc import Iterator
from typing import Any

from wordbrush.errors import ModelError
from wordbrush.models.mismatches import (
    channel_mismatches,
    clip_mismatches,
    control_net_mismatches,
    flow_control_net_mismatches,
    flow_mismatches,
    length_mismatches,
    patch_mismatches,
    scheduler_mismatches,
    side_mismatches,
    unet_mismatches,
    vocabulary_mismatches,
    width_mismatches,
)

_FLUX_CELLS = 4
"""How many cells of the latents FLUX reads as one position."""
_OF_FLOW_CONTROL = ("in_channels", "joint_attention_dim", "pooled_projection_dim")
"""Settings of a transformer that its ControlNets must share, to read what it reads."""
_INPAINTING = ("extra_conditioning_channels",)
"""A setting of SD3's ControlNets that read a mask beside a picture."""
_IN_OTHER_WAYS = ("num_mode", "conditioning_embedding_channels")
"""Settings of FLUX.1's ControlNets that are told which of several they are (Union), or read a picture's pixels."""


def check_stable_diffusion(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    encoder = pipeline.text_encoder
    _raise_first(
        where,
        *unet_mismatches(pipeline, added=None, family="Stable Diffusion 1.x or 2.x"),
        *width_mismatches("a text encoder", _width(encoder), "U-Net", pipeline.unet.config["cross_attention_dim"]),
        *clip_mismatches(encoder, pipeline.tokenizer),
        *control_net_mismatches(pipeline),
    )


def check_stable_diffusion_xl(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    pairs = [(pipeline.text_encoder, pipeline.tokenizer), (pipeline.text_encoder_2, pipeline.tokenizer_2)]
    width = sum(_width(encoder) for encoder, _ in pairs)
    _raise_first(
        where,
        *unet_mismatches(pipeline, added="text_time", family="Stable Diffusion XL base"),
        *width_mismatches("text encoders", width, "U-Net", pipeline.unet.config["cross_attention_dim"]),
        *(problem for encoder, tokenizer in pairs for problem in clip_mismatches(encoder, tokenizer)),
        *length_mismatches(tokenizer for _, tokenizer in pairs),
        *control_net_mismatches(pipeline),
    )


def check_pixart(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    network, read = pipeline.transformer.config, pipeline.transformer.config["in_channels"]
    _raise_first(
        where,
        *scheduler_mismatches(pipeline.scheduler),
        *side_mismatches(network["sample_size"]),
        *width_mismatches(
            "a text encoder", int(pipeline.text_encoder.config.d_model), "transformer", network["caption_channels"]
        ),
        *channel_mismatches("transformer", read, pipeline.vae.config),
        *patch_mismatches(read, network["out_channels"], {2 * read}),  # a variance beside the noise
        *vocabulary_mismatches(pipeline.text_encoder, pipeline.tokenizer),
    )


def check_hunyuan_dit(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    network, read = pipeline.transformer.config, pipeline.transformer.config["in_channels"]
    bert, t5 = pipeline.text_encoder, pipeline.text_encoder_2
    given = read * (2 if network["learn_sigma"] else 1)
    _raise_first(
        where,
        *scheduler_mismatches(pipeline.scheduler),
        *side_mismatches(network["sample_size"]),
        *width_mismatches("a BERT", _width(bert), "transformer", network["cross_attention_dim"]),
        *width_mismatches("a T5", int(t5.config.d_model), "transformer", network["cross_attention_dim_t5"]),
        *channel_mismatches("transformer", read, pipeline.vae.config),
        *patch_mismatches(2 * read, given),  # a variance beside the noise
        *vocabulary_mismatches(bert, pipeline.tokenizer),
        *vocabulary_mismatches(t5, pipeline.tokenizer_2),
    )


def check_sana(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    network, read = pipeline.transformer.config, pipeline.transformer.config["in_channels"]
    width, scheduler = _width(pipeline.text_encoder), pipeline.scheduler
    along_flow = scheduler.config.get("use_flow_sigmas") and scheduler.config["prediction_type"] == "flow_prediction"
    multistep = type(scheduler).__name__ == "DPMSolverMultistepScheduler" and along_flow
    _raise_first(
        where,
        *(() if multistep else flow_mismatches(scheduler)),
        *side_mismatches(network["sample_size"]),
        *width_mismatches("a text encoder", width, "transformer", network["caption_channels"]),
        *channel_mismatches("transformer", read, pipeline.vae.config),
        *patch_mismatches(read, network["out_channels"], {2 * read}),  # a variance beside the velocity
        *vocabulary_mismatches(pipeline.text_encoder, pipeline.tokenizer),
    )


def check_stable_diffusion_3(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    network, read = pipeline.transformer.config, pipeline.transformer.config["in_channels"]
    pairs = [(pipeline.text_encoder, pipeline.tokenizer), (pipeline.text_encoder_2, pipeline.tokenizer_2)]
    t5, t5_tokenizer = pipeline.text_encoder_3, pipeline.tokenizer_3
    if (t5 is None) != (t5_tokenizer is None):
        raise ModelError(f"{where} has one of text_encoder_3 and tokenizer_3; give both, or neither")
    joined, widest = sum(_width(encoder) for encoder, _ in pairs), int(network["joint_attention_dim"])
    pooled = sum(int(encoder.config.projection_dim) for encoder, _ in pairs)
    _raise_first(
        where,
        *flow_mismatches(pipeline.scheduler),
        *side_mismatches(network["sample_size"]),
        *(() if t5 is None else width_mismatches("a T5", int(t5.config.d_model), "transformer", widest)),
        # The CLIPs' states are filled up with zeros.
        *(() if joined <= widest else width_mismatches("CLIP text encoders", joined, "transformer", widest)),
        *width_mismatches("pooled texts", pooled, "transformer", network["pooled_projection_dim"]),
        *channel_mismatches("transformer", read, pipeline.vae.config),
        *patch_mismatches(read, network["out_channels"]),
        *(problem for encoder, tokenizer in pairs for problem in clip_mismatches(encoder, tokenizer)),
        *length_mismatches(tokenizer for _, tokenizer in pairs),
        *(() if t5 is None else vocabulary_mismatches(t5, t5_tokenizer)),
        *flow_control_net_mismatches(pipeline, "SD3ControlNetModel", _OF_FLOW_CONTROL, _INPAINTING),
    )


def check_flux(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    network, clip, t5 = pipeline.transformer.config, pipeline.text_encoder, pipeline.text_encoder_2
    _raise_first(
        where,
        *flow_mismatches(pipeline.scheduler),
        *width_mismatches("a T5", int(t5.config.d_model), "transformer", network["joint_attention_dim"]),
        *width_mismatches("a pooled text", _width(clip), "transformer", network["pooled_projection_dim"]),
        *patch_mismatches(network["in_channels"], network["out_channels"]),
        *channel_mismatches("transformer", network["in_channels"], pipeline.vae.config, _FLUX_CELLS),
        *clip_mismatches(clip, pipeline.tokenizer),
        *vocabulary_mismatches(t5, pipeline.tokenizer_2),
        *flow_control_net_mismatches(pipeline, "FluxControlNetModel", _OF_FLOW_CONTROL, _IN_OTHER_WAYS),
    )


def check_qwen_image(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    network, channels = pipeline.transformer.config, 4 * int(pipeline.vae.config["z_dim"])
    _raise_first(where, *_chat(pipeline, network["joint_attention_dim"], network["in_channels"], channels))


def check_z_image(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    network, channels = pipeline.transformer.config, int(pipeline.vae.config["latent_channels"])
    _raise_first(where, *_chat(pipeline, network["cap_feat_dim"], network["in_channels"], channels))


def check_flux_2(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    network, channels = pipeline.transformer.config, 4 * int(pipeline.vae.config["latent_channels"])
    # Three layers of the text encoder are joined.
    _raise_first(where, *_chat(pipeline, network["joint_attention_dim"] // 3, network["in_channels"], channels))


def _chat(pipeline: Any, text_read: int, channels_read: int, channels: int) -> Iterator[str]:
    """Of a transformer that reads a language model's states of a width, and so many channels of patches."""
    config = pipeline.text_encoder.config
    width = int(getattr(config, "text_config", config).hidden_size)
    yield from flow_mismatches(pipeline.scheduler)
    yield from width_mismatches("a text encoder", width, "transformer", text_read)
    yield from channel_mismatches("transformer", channels_read, {"latent_channels": channels})


def _width(encoder: Any) -> int:
    return int(encoder.config.hidden_size)


def _raise_first(where: str, *problems: str) -> None:
    if problems:
        raise ModelError(f"{where} {problems[0]}")
