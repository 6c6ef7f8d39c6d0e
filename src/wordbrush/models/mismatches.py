"""What does not fit in the parts of a pipeline: one line each, that names it and the remedy.

Nothing is raised here: what a family needs, and in which order, is `fit.py`'s.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from inspect import signature
from typing import Any

from wordbrush.models.guides import control_nets

BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")
_CONDITIONS = {
    "class_embed_type": "class embeddings",
    "num_class_embeds": "class embeddings",
    "encoder_hid_dim_type": "a projection of its text",
}
"""Settings of a U-Net that make it read more than a picture, a timestep and a text."""
_OF_CONTROL_NETS = (
    "in_channels",
    "block_out_channels",
    "layers_per_block",
    "cross_attention_dim",
    "addition_embed_type",
)
"""Settings of a U-Net that a ControlNet must share, for its outputs to be added to the U-Net's."""
_OF_TWO_MODELS = "they are of two models, so give the one that belongs to the other"
_GIVE_FLOW = "give it a FlowMatchEulerDiscreteScheduler"


def unet_mismatches(pipeline: Any, added: str | None, family: str) -> Iterator[str]:
    """What is wrong with a U-Net, its scheduler and its autoencoder; `added` is the kind of its further conditions."""
    unet, vae = pipeline.unet.config, pipeline.vae.config
    yield from scheduler_mismatches(pipeline.scheduler)
    yield from _unet(unet, added, family)
    yield from channel_mismatches("U-Net", unet["in_channels"], vae)


def control_net_mismatches(pipeline: Any) -> Iterator[str]:
    """What is wrong with the ControlNets of a pipeline that has any."""
    for net in control_nets(pipeline):
        kind = type(getattr(net, "_orig_mod", net)).__name__  # which may be compiled
        if kind != "ControlNetModel":
            yield f"has the ControlNet {kind}; give a ControlNetModel, or several"
        elif net.config["global_pool_conditions"]:
            yield "has a ControlNet for guess mode alone (global_pool_conditions), which is not offered; give another"
        else:
            for name in _OF_CONTROL_NETS:
                read, given = pipeline.unet.config[name], net.config[name]
                if _plain(read) != _plain(given):
                    yield f"has a ControlNet with {given} as {name} and a U-Net with {read}; {_OF_TWO_MODELS}"


def flow_control_net_mismatches(
    pipeline: Any, kind: str, same: Collection[str], without: Collection[str]
) -> Iterator[str]:
    """What is wrong with the ControlNets of a transformer's pipeline that has any: of the class `kind`, with the
    transformer's own settings `same`, and without the settings `without`, which are of another use.
    """
    network = pipeline.transformer.config
    for net in control_nets(pipeline):
        found, config = type(getattr(net, "_orig_mod", net)).__name__, net.config  # which may be compiled
        if found != kind:
            yield f"has the ControlNet {found}; give a {kind}, or several"
        elif others := [name for name in without if config[name]]:
            yield f"has a ControlNet with {others[0]} = {config[others[0]]}, which is not offered; give another"
        else:
            for name in same:
                if config[name] not in (network[name], None):
                    yield (
                        f"has a ControlNet with {config[name]} as {name} and a transformer with {network[name]}; "
                        f"{_OF_TWO_MODELS}"
                    )
            widths = [one["num_attention_heads"] * one["attention_head_dim"] for one in (config, network)]
            if widths[0] != widths[1]:
                yield f"has a ControlNet of width {widths[0]} and a transformer of {widths[1]}; {_OF_TWO_MODELS}"


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def scheduler_mismatches(scheduler: Any) -> Iterator[str]:
    """What is wrong with the scheduler of a model that was trained to predict noise."""
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


def flow_mismatches(scheduler: Any) -> Iterator[str]:
    """What is wrong with the scheduler of a model that was trained to predict the velocity of a flow."""
    name = type(scheduler).__name__
    if not name.startswith("FlowMatch"):  # others that sample flows say otherwise how far they are shifted
        yield f"has the scheduler {name}, and this model is sampled along a flow; {_GIVE_FLOW}"
    elif scheduler.config.get("stochastic_sampling"):
        yield f"has stochastic_sampling in its scheduler, whose noise no seed repeats; {_GIVE_FLOW} without it"
    elif scheduler.config.get("invert_sigmas"):
        yield f"has invert_sigmas in its scheduler, which is of another family; {_GIVE_FLOW} without it"


def _unet(config: Mapping[str, Any], added: str | None, family: str) -> Iterator[str]:
    for name, what in _CONDITIONS.items():
        if config.get(name) is not None:
            yield f"has a U-Net with {what} ({name} is {config[name]!r:.40}); give a {family} model"
    if config.get("addition_embed_type") != added:
        given = config.get("addition_embed_type")
        yield f"has a U-Net with other conditions (addition_embed_type is {given!r:.40}); give a {family} model"
    size = config["sample_size"]
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or not all(map(_is_side, sides)):
        yield f"has sample_size {size!r:.40} in its U-Net; write the latents' side there, such as 64 for 512 pixels"
    if config["in_channels"] != config["out_channels"]:
        yield (
            f"has a U-Net that reads {config['in_channels']} channels and gives {config['out_channels']} (an "
            "inpainting or depth model, or a learned variance); give a text-to-image model"
        )


def channel_mismatches(network: str, channels: int, vae: Mapping[str, Any], cells: int = 1) -> Iterator[str]:
    """Whether a network reads as many channels as the latents have, in so many cells at once."""
    latent = int(vae["latent_channels"])
    if channels != latent * cells:
        given = f"{latent}{f' in each of {cells} cells' if cells > 1 else ''}"
        yield f"has a {network} of {channels} channels and an autoencoder of {given}; {_OF_TWO_MODELS}"


def patch_mismatches(read: int, given: int | None, also: Collection[int] = ()) -> Iterator[str]:
    """Whether a transformer gives as many channels as it reads, or one of the numbers in `also`."""
    if given not in (None, read, *also):
        yield f"has a transformer that reads {read} channels and gives {given}; give a text-to-image model"


def side_mismatches(size: object) -> Iterator[str]:
    """Whether a transformer's `sample_size` is one side."""
    if not _is_side(size):
        yield f"has sample_size {size!r:.40} in its transformer; write the latents' side there, such as 128"


def width_mismatches(encoder: str, width: int, network: str, read: object) -> Iterator[str]:
    """Whether a network reads a text as wide as its encoder gives it; several layers may say so each for itself."""
    widths = set(read) if isinstance(read, tuple | list) else {read}
    if widths != {width}:
        said = ", ".join(map(str, widths))
        yield f"has {encoder} of width {width} and a {network} that reads {said}; {_OF_TWO_MODELS}"


def length_mismatches(tokenizers: Iterable[Any]) -> Iterator[str]:
    """Whether two tokenizers, whose encoders' states stand beside each other, have as many tokens."""
    lengths = sorted({int(tokenizer.model_max_length) for tokenizer in tokenizers})
    if len(lengths) > 1:
        yield f"has tokenizers with {' and '.join(map(str, lengths))} as model_max_length; write the same in both"


def clip_mismatches(encoder: Any, tokenizer: Any) -> Iterator[str]:
    """Whether a CLIP reads what its tokenizer gives."""
    most, length = int(encoder.config.max_position_embeddings), tokenizer.model_max_length
    if not 2 < length <= most:
        said = length if length <= 10**9 else "none"
        yield f"has {said} as the tokenizer's model_max_length, and its text encoder reads {most}; write {most} there"
    yield from vocabulary_mismatches(encoder, tokenizer)


def vocabulary_mismatches(encoder: Any, tokenizer: Any) -> Iterator[str]:
    """Whether an encoder has a row for each of its tokenizer's tokens."""
    rows = int(encoder.get_input_embeddings().num_embeddings)
    if len(tokenizer) > rows:
        yield (
            f"has a tokenizer of {len(tokenizer)} tokens and a text encoder of {rows}; they are of two models, or "
            "words were added without resize_token_embeddings"
        )


def _is_side(size: object) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size > 0
