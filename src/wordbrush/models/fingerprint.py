"""A hash of a pipeline as it is in memory: weights, adapters with their strengths, added words, schedule."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

_SAMPLES = 32
"""How many values of each tensor count: all of its ends and strides would cost more than a step of the model."""


def pipeline_fingerprint(pipeline: Any) -> str:
    """A hash that changes when a LoRA is loaded, scaled, fused or switched off, when words are added, when a part is
    replaced, quantised or cast, and when the scheduler has other settings.

    Of each tensor it takes name, shape, dtype and samples, so that gigabytes take no time: it tells models apart, and
    is no proof against a forger. Of weights that are offloaded to disk it sees no values.
    """
    digest = hashlib.sha256(type(pipeline).__name__.encode())
    for name, part in sorted(pipeline.components.items()):
        digest.update(f"\n{name} {type(part).__name__}\n".encode())
        if isinstance(part, nn.Module):
            for line in (*_tensor_lines(part), *_adapter_lines(part)):
                digest.update(line)
        elif hasattr(part, "added_tokens_encoder"):
            digest.update(json.dumps([part.vocab_size, sorted(part.added_tokens_encoder)]).encode())
            digest.update(str(getattr(part, "chat_template", None) or "").encode())
            digest.update(_added_vectors(part, pipeline.components.get(name.replace("tokenizer", "text_encoder"))))
        elif hasattr(part, "config"):
            digest.update(json.dumps(dict(part.config), sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _tensor_lines(module: nn.Module) -> Iterator[bytes]:
    samples: list[Tensor] = []
    for name, given in module.state_dict().items():
        for its, tensor in _plain(name, given) if isinstance(given, Tensor) else ():
            yield f"{its} {tuple(tensor.shape)} {tensor.dtype}\n".encode()
            if tensor.device.type != "meta":
                samples.append(_sample(tensor.detach()).to(torch.float32))
    if samples:
        yield torch.cat([sample.cpu() for sample in samples]).numpy().tobytes()


def _sample(tensor: Tensor) -> Tensor:
    step = max(1, tensor.numel() // _SAMPLES)
    if tensor.is_contiguous():
        return tensor.reshape(-1)[::step][: _SAMPLES + 1]
    # One that is laid out otherwise has no flat view, and would be copied whole.
    return tensor[torch.unravel_index(torch.arange(0, tensor.numel(), step)[: _SAMPLES + 1], tensor.shape)]


def _plain(name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """A tensor, or those that it is made of, as torchao's quantised ones are."""
    if not is_traceable_wrapper_subclass(tensor):
        yield name, tensor
        return
    for inner in tensor.__tensor_flatten__()[0]:
        yield from _plain(f"{name}.{inner}", getattr(tensor, inner))


def _added_vectors(tokenizer: Any, encoder: Any) -> bytes:
    """The vectors of words that were added: a few rows of a large embedding, which samples of it would miss."""
    added = set(tokenizer.added_tokens_encoder) - set(tokenizer.all_special_tokens)
    weight = encoder.get_input_embeddings().weight if added and encoder is not None else None
    if weight is None or weight.device.type == "meta":
        return b""
    ids = (tokenizer.added_tokens_encoder[token] for token in added)
    rows = sorted(row for row in ids if row < len(weight))  # some models have words that they never read
    return bytes(weight.detach()[rows].to(torch.float32).cpu().numpy().tobytes())


def _adapter_lines(module: nn.Module) -> Iterator[bytes]:
    """How strong each adapter of a layer is, as PEFT's layers say, and an IP-Adapter's processors."""
    for name, layer in module.named_modules():
        if hasattr(layer, "to_k_ip"):
            yield f"{name} {layer.scale}\n".encode()
        scaling = getattr(layer, "scaling", None)
        if isinstance(scaling, dict) and hasattr(layer, "active_adapters"):
            off = bool(getattr(layer, "disable_adapters", False))
            yield f"{name} {sorted(scaling.items())} {list(layer.active_adapters)} {off}\n".encode()
