"""What is learnt: vectors in place of a word's rows in the embeddings, and the matrices of a LoRA in the denoiser."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from wordbrush.errors import MissingPackageError, SettingsError
from wordbrush.files import write_atomically
from wordbrush.models.word_encoder import WordEncoder

_LORA = "learnt"
_LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out")
"""The layers of the U-Net's transformers, which kohya's trainer takes too: attention alone has little room for
a new shape."""


@contextmanager
def frozen(pipeline: Any) -> Iterator[None]:
    """A scope in which a pipeline's own weights take no gradients: they would be computed, and kept, for nothing."""
    models = [part for part in pipeline.components.values() if isinstance(part, nn.Module)]
    flags = [(parameter, parameter.requires_grad) for model in models for parameter in model.parameters()]
    for parameter, _ in flags:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)


class WordVectors:
    """The vectors (n, width) of a word for each text encoder, trainable, beginning as those of `init`."""

    def __init__(self, pipeline: Any, encoders: Sequence[WordEncoder], word: str, init: str, count: int) -> None:
        """Take the vectors of the tokens of `init`, over and over; `count` of them. Raises `SettingsError`."""
        self._pipeline = pipeline
        self._encoders = encoders
        self._word = word
        self.vectors = tuple(self._beginning(names, init, count) for names in encoders)

    @property
    def start(self) -> tuple[Tensor, ...]:
        """The vectors as they are, without gradients."""
        return tuple(vectors.detach().clone() for vectors in self.vectors)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """A scope in which each encoder reads these vectors for the word, and gradients reach them."""
        handles = []
        for names, vectors in zip(self._encoders, self.vectors, strict=True):
            tokenizer = getattr(self._pipeline, names.tokenizer)
            tokens = [self._word, *(f"{self._word}_{i}" for i in range(1, len(vectors)))]
            ids = [int(tokenizer.convert_tokens_to_ids(token)) for token in tokens]
            embedding = getattr(self._pipeline, names.encoder).get_input_embeddings()
            handles.append(embedding.register_forward_hook(_replacing(ids, vectors)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def save(self, path: Path) -> None:
        """Write them as other tools read them: diffusers' form for one encoder, `clip_l` and `clip_g` for two."""
        names = [self._word] if len(self._encoders) == 1 else [encoder.key for encoder in self._encoders]
        rows = [vectors.detach().float().cpu().contiguous() for vectors in self.vectors]
        write_atomically(path, save(dict(zip(names, rows, strict=True)), {"format": "pt"}))

    def _beginning(self, names: WordEncoder, init: str, count: int) -> nn.Parameter:
        tokenizer, encoder = (getattr(self._pipeline, name) for name in (names.tokenizer, names.encoder))
        ids = tokenizer(init, add_special_tokens=False, verbose=False).input_ids
        if not ids:
            raise SettingsError(f"--init '{init}' has no token; give a word that says what the thing is, such as toy")
        rows: Tensor = encoder.get_input_embeddings().weight.detach()[[ids[i % len(ids)] for i in range(count)]]
        return nn.Parameter(rows.float().clone())


class DenoiserLora:
    """A LoRA on the transformers of a pipeline's U-Net, trainable, made by PEFT."""

    def __init__(self, pipeline: Any, rank: int) -> None:
        """Put it in; it does nothing before it learns. Raises `MissingPackageError` without PEFT."""
        try:
            from peft import LoraConfig
        except ImportError:
            raise MissingPackageError("a LoRA needs the package peft; install wordbrush[lora]") from None
        self._pipeline = pipeline
        config = LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=[*_LAYERS])
        pipeline.unet.add_adapter(config, adapter_name=_LORA)
        for matrix in self.matrices.values():
            matrix.data = matrix.data.float()  # steps are too small for a half-precision model's own type

    @property
    def matrices(self) -> dict[str, nn.Parameter]:
        """The matrices by name."""
        return {name: p for name, p in self._pipeline.unet.named_parameters() if f".{_LORA}." in name}

    def save(self, path: Path) -> None:
        """Write it as diffusers writes a LoRA, with PEFT's names."""
        from peft.utils import get_peft_model_state_dict

        tensors: Mapping[str, Tensor] = get_peft_model_state_dict(self._pipeline.unet, adapter_name=_LORA)
        named = {f"unet.{name}": tensor.detach().float().cpu().contiguous() for name, tensor in tensors.items()}
        write_atomically(path, save(named, {"format": "pt"}))

    def remove(self) -> None:
        """Take it out again."""
        self._pipeline.unet.unload_lora()


def _replacing(ids: Sequence[int], vectors: Tensor) -> Any:
    def replace(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        read: Tensor = args[0]
        for token, vector in zip(ids, vectors, strict=True):
            output = torch.where((read == token)[..., None], vector.to(output.dtype), output)
        return output

    return replace
