"""An IP-Adapter (Ye et al. 2023, arXiv:2308.06721) from a file, loaded into the pipeline of a U-Net beside its own
weights, which stay as they are.

diffusers' own loader puts it in. What that would leave out in silence is refused, and what it leaves half done is
undone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.embeddings import ImageProjection, IPAdapterFullImageProjection, IPAdapterPlusImageProjection
from torch import Tensor, nn

from wordbrush.errors import ModelError, SettingsError
from wordbrush.files import is_folder
from wordbrush.loading import load_network
from wordbrush.models.adapter_file import AdapterFile, misfit, read_adapter
from wordbrush.models.folder_fingerprint import network_fingerprint
from wordbrush.models.intercept import picture_processors
from wordbrush.quiet import quietly, unlogged

_MAX_BYTES = 4 << 30
_ENCODER = "image_encoder"
"""What pipelines, their folders and folders of IP-Adapters call it."""
_WEIGHTS = "model"
"""What the file of its weights is called."""
_REMEDY = "give an IP-Adapter that was trained for a model of this family"
_KINDS = {"proj.weight": "IP-Adapter", "proj.3.weight": "Full Face", "latents": "Plus"}
"""The kinds that read CLIP's view of a picture, each by a tensor that only it has."""


@dataclass(frozen=True, eq=False)
class _Before:
    """How a pipeline stood before an IP-Adapter was loaded."""

    processors: Mapping[str, Any]
    projection: Any
    projects: Any
    encoder: Any
    extractor: Any

    @classmethod
    def of(cls, pipeline: Any) -> "_Before":
        unet = pipeline.unet
        return cls(
            dict(unet.attn_processors),
            unet.encoder_hid_proj,
            unet.config.encoder_hid_dim_type,
            pipeline.image_encoder,
            pipeline.feature_extractor,
        )

    def restore(self, pipeline: Any) -> None:
        """Let it stand so again."""
        unet = pipeline.unet
        unet.encoder_hid_proj = self.projection  # first: that of Plus has processors too
        unet.config.encoder_hid_dim_type = self.projects
        unet.set_attn_processor(dict(self.processors))
        pipeline.register_modules(image_encoder=self.encoder, feature_extractor=self.extractor)


class IpAdapter:
    """The IP-Adapter that is loaded into a pipeline from a file, if one is."""

    def __init__(self, pipeline: Any, folder: Path | None) -> None:
        """Change nothing yet; `folder` is where the pipeline was loaded from, if it was."""
        self._pipeline = pipeline
        self._folder = folder
        self._before: _Before | None = None
        self.files: tuple[AdapterFile, ...] = ()
        """The adapter, and the image encoder that was loaded for it."""

    def load(self, path: Path, encoder: Path | None, device: torch.device) -> None:
        """Load an IP-Adapter, and where the pipeline has no image encoder, the one that it reads a picture with, from
        the folder `encoder`, or where none is given, from one of `encoder_places`.

        Raises `ModelError` for a file that is no IP-Adapter of the model, or where there is no image encoder,
        `SettingsError` where there is one already.
        """
        pipeline = self._pipeline
        unet = getattr(pipeline, "unet", None)
        if unet is None:
            raise ModelError(
                f"a {type(pipeline).__name__} takes no IP-Adapter here; wordbrush edits beside those of Stable "
                "Diffusion and Stable Diffusion XL"
            )
        if picture_processors(unet.modules()):
            raise SettingsError("the model has an IP-Adapter already; unload it first (unload_ip_adapter)")
        if unet.device.type == "meta":
            raise ModelError(
                "the pipeline is offloaded layer by layer, where no IP-Adapter can be put in; load it with the "
                "pipeline's load_ip_adapter before that"
            )
        content = read_adapter(path, "IP-Adapter", _MAX_BYTES)
        parts = _parts(path, content.tensors)
        files = [AdapterFile("ip-adapter", path.stem, str(path), content.sha256)]
        layers = sum(not name.endswith("attn1.processor") for name in unet.attn_processors)
        if len(parts["ip_adapter"]) != 2 * layers:
            told = f"has keys and values for {len(parts['ip_adapter']) / 2:g} layers"
            raise ModelError(f"'{path}' {told}, and this model has {layers} that read text; {_REMEDY}")
        before = _Before.of(pipeline)
        if encoder is not None or before.encoder is None:
            place = self._encoder_place(path, encoder)
            sha256 = network_fingerprint(place, _WEIGHTS)  # raises before anything is loaded
            with quietly():
                from transformers import CLIPVisionModelWithProjection

                loaded = load_network(CLIPVisionModelWithProjection, place, dtype=unet.dtype, use_safetensors=True)
            files.append(AdapterFile("image-encoder", place.name, str(place), sha256))
            pipeline.register_modules(image_encoder=loaded.to(device).eval().requires_grad_(False))
        try:
            self._put(path, parts)
        except BaseException:
            before.restore(pipeline)
            raise
        self._before, self.files = before, tuple(files)

    def unload(self) -> None:
        """Take it out again, with its image encoder. Raises `SettingsError` where none was loaded here."""
        if self._before is None:
            raise SettingsError("there is no IP-Adapter that load_ip_adapter loaded; nothing can be unloaded")
        self._before.restore(self._pipeline)
        self._before, self.files = None, ()

    def encoder_places(self, path: Path) -> list[Path]:
        """Where an image encoder may be that nobody names: in the model's folder, or beside the adapter's file."""
        folders = [path.parent] if self._folder is None else [self._folder, path.parent]
        return [place for folder in folders if is_folder(place := folder / _ENCODER)]

    def _encoder_place(self, path: Path, given: Path | None) -> Path:
        if given is not None and not is_folder(given):
            raise ModelError(f"there is no folder '{given}'; give the folder of a CLIP image encoder")
        places = self.encoder_places(path) if given is None else [given]
        if not places:
            raise ModelError(
                f"'{path}' needs an image encoder, and there is no '{_ENCODER}' in the model's folder or beside the "
                "file; give the folder of one with --image-encoder (image_encoder=...)"
            )
        return places[0]

    def _put(self, path: Path, parts: Mapping[str, Mapping[str, Tensor]]) -> None:
        pipeline = self._pipeline
        try:
            with quietly(), unlogged(), torch.random.fork_rng(devices=[]):
                # Only so is a tensor that is missing or has another shape an error of the loader.
                pipeline.load_ip_adapter(dict(parts), subfolder="", weight_name="", low_cpu_mem_usage=False)
        except Exception as error:  # a name or a shape that does not fit: dozens of types
            raise misfit(path, error, _REMEDY) from None
        unet = pipeline.unet
        (projection,) = unet.encoder_hid_proj.image_projection_layers
        reads, gives = _widths(projection)
        encoder, text = pipeline.image_encoder.config, unet.config["cross_attention_dim"]
        shown = encoder.projection_dim if isinstance(projection, ImageProjection) else encoder.hidden_size
        if reads != shown:
            raise ModelError(
                f"'{path}' reads {reads} numbers of an image encoder, and this one gives {shown}; give the folder of "
                "the one that it was trained with (--image-encoder, image_encoder=...)"
            )
        if gives != text:
            raise ModelError(f"'{path}' gives tokens of width {gives}, and this model reads {text}; {_REMEDY}")
        for module in (unet.encoder_hid_proj, *picture_processors(unet.modules())):
            module.eval().requires_grad_(False)


def encoder_sha256(place: Path) -> str | None:
    """The hash of an image encoder's folder, as `IpAdapter.files` has it; None for another folder."""
    try:
        return network_fingerprint(place, _WEIGHTS)
    except ModelError:
        return None


def _parts(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """A file's two parts, as the loader takes them. Raises `ModelError` for one that has others, or another kind."""
    parts: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in tensors.items():
        part, _, own = name.partition(".")
        if part not in parts:
            raise ModelError(
                f"'{path}' has '{name:.80}' and is no IP-Adapter; a LoRA is loaded with --lora (load_lora), a concept "
                "with --concept (load_concept), a model with --model"
            )
        parts[part][own] = tensor
    if not any(name in parts["image_proj"] for name in _KINDS):
        raise ModelError(
            f"'{path}' is no IP-Adapter that reads CLIP's view of a picture (FaceID does not); give one of the kinds "
            f"{', '.join(_KINDS.values())}"
        )
    return parts


def _widths(projection: nn.Module) -> tuple[int, int]:
    """How many numbers a projection reads of an image encoder, and how many it gives for each token."""
    if isinstance(projection, ImageProjection):
        return projection.image_embeds.in_features, projection.norm.normalized_shape[0]
    if isinstance(projection, IPAdapterFullImageProjection):
        return projection.ff.net[0].proj.in_features, projection.norm.normalized_shape[0]
    assert isinstance(projection, IPAdapterPlusImageProjection)  # the kinds that `_parts` lets through
    return projection.proj_in.in_features, projection.proj_out.out_features
