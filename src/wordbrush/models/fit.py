"""Whether the parts of a diffusion pipeline are what the family expects, and fit each other: one line each.

Checked of a loaded pipeline, whichever way it came in. A configuration that is read as something that it does not mean
draws a picture all the same, so nothing here is guessed.
"""

from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any

from wordbrush.errors import ModelError

BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")
_CONDITIONS = {
    "class_embed_type": "class embeddings",
    "num_class_embeds": "class embeddings",
    "encoder_hid_dim_type": "a projection of its text",
}
"""Settings of a U-Net that make it read more than a picture, a timestep and a text."""


def check_stable_diffusion(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    unet, encoder = pipeline.unet.config, pipeline.text_encoder
    _raise_first(
        where,
        *_denoiser(pipeline, added=None, family="Stable Diffusion 1.x or 2.x"),
        *_width(unet, int(encoder.config.hidden_size)),
        *_text(encoder, pipeline.tokenizer),
    )


def check_stable_diffusion_xl(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    encoders = [(pipeline.text_encoder, pipeline.tokenizer), (pipeline.text_encoder_2, pipeline.tokenizer_2)]
    if any(part is None for pair in encoders for part in pair):
        raise ModelError(f"{where} has one text encoder (a refiner?); give a Stable Diffusion XL base model")
    _raise_first(
        where,
        *_denoiser(pipeline, added="text_time", family="Stable Diffusion XL base"),
        *_width(pipeline.unet.config, sum(int(encoder.config.hidden_size) for encoder, _ in encoders)),
        *(problem for encoder, tokenizer in encoders for problem in _text(encoder, tokenizer)),
    )


def check_pixart(pipeline: Any, where: str) -> None:
    """Raise `ModelError` for the first thing that is wrong; `where` is what it calls the pipeline."""
    _raise_first(
        where, *_scheduler(pipeline.scheduler), *_patches(pipeline.transformer.config, pipeline.vae.config, pipeline)
    )


def _raise_first(where: str, *problems: str) -> None:
    if problems:
        raise ModelError(f"{where} {problems[0]}")


def _denoiser(pipeline: Any, added: str | None, family: str) -> Iterator[str]:
    unet, vae = pipeline.unet.config, pipeline.vae.config
    yield from _scheduler(pipeline.scheduler)
    yield from _unet(unet, added, family)
    yield from _pair(unet, vae)


def _scheduler(scheduler: Any) -> Iterator[str]:
    name, config = type(scheduler).__name__, scheduler.config
    betas, kind = config.get("beta_schedule"), config.get("prediction_type", "epsilon")
    if name.startswith("FlowMatch") or config.get("use_flow_sigmas") or kind == "flow_prediction":
        yield f"has the flow-matching scheduler {name}, which is of another family; give the one it was trained with"
    elif "beta_schedule" not in signature(type(scheduler)).parameters:
        yield f"has the scheduler {name}, which knows no beta_schedule; give the one that it was trained with"
    elif config.get("trained_betas") is None and betas not in BETA_SCHEDULES:
        yield f"has beta_schedule {betas!r:.40} in its scheduler; it may be {', '.join(BETA_SCHEDULES)}"
    if kind not in PREDICTION_TYPES:
        yield f"has prediction_type {kind!r:.40} in its scheduler; it may be {', '.join(PREDICTION_TYPES)}"


def _unet(config: Mapping[str, Any], added: str | None, family: str) -> Iterator[str]:
    for name, what in _CONDITIONS.items():
        if config.get(name) is not None:
            yield f"has a U-Net with {what} ({name} is {config[name]!r:.40}); give a {family} model"
    if config.get("addition_embed_type") != added:
        given = config.get("addition_embed_type")
        yield f"has a U-Net with other conditions (addition_embed_type is {given!r:.40}); give a {family} model"
    size = config["sample_size"]
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or not all(isinstance(s, int) and not isinstance(s, bool) and s > 0 for s in sides):
        yield f"has sample_size {size!r:.40} in its U-Net; write the latents' side there, such as 64 for 512 pixels"
    if config["in_channels"] != config["out_channels"]:
        yield (
            f"has a U-Net that reads {config['in_channels']} channels and gives {config['out_channels']} (an "
            "inpainting or depth model, or a learned variance); give a text-to-image model"
        )


def _pair(unet: Mapping[str, Any], vae: Mapping[str, Any]) -> Iterator[str]:
    if unet["in_channels"] != vae["latent_channels"]:
        yield (
            f"has a U-Net of {unet['in_channels']} channels and an autoencoder of {vae['latent_channels']}; they are "
            "of two models, so give the one that belongs to the other"
        )


def _patches(transformer: Mapping[str, Any], vae: Mapping[str, Any], pipeline: Any) -> Iterator[str]:
    read, width = transformer["caption_channels"], int(pipeline.text_encoder.config.d_model)
    if read != width:
        yield (
            f"has a text encoder of width {width} and a transformer that reads {read}; they are of two models, so "
            "give the one that belongs to the other"
        )
    if transformer["in_channels"] != vae["latent_channels"]:
        yield (
            f"has a transformer of {transformer['in_channels']} channels and an autoencoder of "
            f"{vae['latent_channels']}; they are of two models, so give the one that belongs to the other"
        )
    if transformer["out_channels"] not in (transformer["in_channels"], 2 * transformer["in_channels"]):
        yield (
            f"has a transformer that reads {transformer['in_channels']} channels and gives "
            f"{transformer['out_channels']}; give a text-to-image model"
        )


def _width(unet: Mapping[str, Any], width: int) -> Iterator[str]:
    read = unet["cross_attention_dim"]
    widths = set(read) if isinstance(read, tuple | list) else {read}
    if widths != {width}:
        yield (
            f"has a text encoder of width {width} and a U-Net that reads {', '.join(map(str, widths))}; they are of "
            "two models, so give the one that belongs to the other"
        )


def _text(encoder: Any, tokenizer: Any) -> Iterator[str]:
    most, length = int(encoder.config.max_position_embeddings), tokenizer.model_max_length
    if not 2 < length <= most:
        said = length if length <= 10**9 else "none"
        yield f"has {said} as the tokenizer's model_max_length, and its text encoder reads {most}; write {most} there"
    rows = int(encoder.get_input_embeddings().num_embeddings)
    if len(tokenizer) > rows:
        yield (
            f"has a tokenizer of {len(tokenizer)} tokens and a text encoder of {rows}; they are of two models, or "
            "words were added without resize_token_embeddings"
        )
