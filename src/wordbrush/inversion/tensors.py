"""A replay as named tensors and back, for inversions that are kept on disk."""

from collections.abc import Mapping

import torch
from torch import Tensor

from wordbrush.errors import RecordError
from wordbrush.inversion.method import Inversion
from wordbrush.inversion.text_names import text_names, text_of, text_tensors
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.text import Shape

_STEERING = "steering."


def to_tensors(replay: Replay) -> dict[str, Tensor]:
    """A replay's text, latents (steps + 1, C, h, w) and steering, by name. Its tape is left out."""
    held = {_STEERING + name: tensor for name, tensor in replay.steering.tensors().items()}
    return {**text_tensors(replay.text), "latents": torch.cat(replay.latents), **held}


def from_tensors(
    method: Inversion, tensors: Mapping[str, Tensor], text: Mapping[str, Shape], latents: Shape
) -> Replay:
    """Build a replay of `method` again from `to_tensors`' result; `text` and `latents` (1, C, h, w) are the shapes to
    expect.

    Raises `RecordError` for a tensor that is missing, unexpected, not finite, or of another shape or type.
    """
    num_steps = tensors["latents"].shape[0] - 1 if "latents" in tensors else 0
    own = {_STEERING + name: shape for name, shape in method.shapes(num_steps, latents, text).items()}
    expected = {**text_names(text), "latents": (num_steps + 1, *latents[1:]), **own}
    if num_steps < 1 or set(tensors) != set(expected):
        raise RecordError(
            f"a kept inversion has the wrong tensors ({', '.join(sorted(tensors)) or 'none'}); "
            "invert the picture again"
        )
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != expected[name] or not tensor.is_floating_point():
            raise RecordError(
                f"'{name}' of a kept inversion has shape {tuple(tensor.shape)} and type {tensor.dtype}, not shape "
                f"{expected[name]} and a floating-point type; invert the picture again"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise RecordError(f"'{name}' of a kept inversion has values that are not finite; invert the picture again")
    steering = method.steering({name.removeprefix(_STEERING): tensors[name] for name in own})
    return Replay(text_of(tensors), tuple(latent[None] for latent in tensors["latents"]), None, steering)
