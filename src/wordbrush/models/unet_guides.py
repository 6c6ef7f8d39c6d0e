"""What guides a diffusers U-Net beside its text: ControlNets (Zhang et al. 2023, arXiv:2302.05543), whose outputs are
added to those of its blocks, and an IP-Adapter (Ye et al. 2023, arXiv:2308.06721), a second attention in each layer of
text.

Legend: N pictures of the IP-Adapter, D channels.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from diffusers.models.embeddings import (
    ImageProjection,
    IPAdapterFullImageProjection,
    IPAdapterPlusImageProjection,
    MultiIPAdapterImageProjection,
)
from torch import Tensor

from wordbrush.errors import SettingsError
from wordbrush.models.control_guides import ControlGuides
from wordbrush.models.deep_features import shallow_control_net
from wordbrush.models.guides import NO_GUIDES, Guides, control_nets
from wordbrush.models.intercept import attention_modules, picture_processors
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text


class UNetGuides(ControlGuides):
    """The ControlNets and the IP-Adapter of a loaded pipeline, with the pictures that they read."""

    def __init__(self, pipeline: Any, guides: Guides) -> None:
        """Take a pipeline as it is, and pictures for what it has.

        Raises `SettingsError` for a picture that nothing of the pipeline reads.
        """
        super().__init__(pipeline, guides)
        if guides.ip_adapter_image is not None and self._projection is None:
            raise SettingsError(
                "ip_adapter_image is given, and the model has no IP-Adapter; load one with Editor.load_ip_adapter, or "
                "--ip-adapter FILE"
            )
        # Found once, because a walk through the U-Net takes time; not their processors, which an owner may replace.
        self._layers = [] if guides.ip_adapter_scale is None else list(attention_modules(pipeline.unet).values())
        self.control_images = lru_cache(maxsize=4)(self._control_images)
        """The pictures of the ControlNets, (1, 3, H, W) each, for a size in pixels, a device and a dtype."""
        self.embeddings = lru_cache(maxsize=1)(self._embeddings)
        """What the IP-Adapter of a projection reads of its picture, and of none: (1, N, ..., D) each."""

    def beside(self, text: Text, device: torch.device, *, negative: bool) -> Text:
        """A row's text with what the IP-Adapter reads beside it: of its picture, or of none in a `negative` row."""
        projection = self._projection
        if projection is None:
            return text
        with torch.no_grad():
            return replace(text, image_embeds=self.embeddings(projection, device)[0 if negative else 1])

    @contextmanager
    def scales(self) -> Iterator[None]:
        """A scope in which the IP-Adapter acts as strongly as was asked. Leaves it as its owner set it."""
        with ExitStack() as scope:
            for processor in picture_processors(self._layers):
                scope.callback(setattr, processor, "scale", processor.scale)
                processor.scale = [self._guides.ip_adapter_scale] * len(processor.scale)
            yield

    def added(
        self,
        latents: Tensor,
        timestep: Tensor,
        text: Text,
        added: Any,
        vae_factor: int,
        place: Place | None,
        *,
        shallow: bool,
    ) -> Any:
        """What a call of the U-Net with these inputs is given beside them: the outputs of its ControlNets, at a
        `place` of its schedule at which any acts.

        `added` are its further conditions. With `shallow` only those of its first convolution are read.
        """
        if (scales := self._scales_at(place)) is None:
            return {}
        control_net = self._pipeline.controlnet
        height, width = (side * vae_factor for side in latents.shape[-2:])
        images = [
            image.repeat(len(latents), 1, 1, 1)
            for image in self.control_images(height, width, latents.device, control_net.dtype)
        ]
        with ExitStack() as scope:
            for net in control_nets(self._pipeline) if shallow else ():
                scope.enter_context(shallow_control_net(net))
            down, middle = control_net(
                latents,
                timestep,
                encoder_hidden_states=text.states,
                controlnet_cond=self._given(images),
                conditioning_scale=self._given(scales),
                added_cond_kwargs=added,
                return_dict=False,
            )
        if shallow:
            nothing = middle.new_zeros(())
            down, middle = [down[0], *[nothing] * (len(down) - 1)], nothing
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}

    def _control_images(self, height: int, width: int, device: torch.device, dtype: torch.dtype) -> list[Tensor]:
        """Resized as the pipeline resizes them."""
        prepare = self._pipeline.prepare_image
        return [prepare(image, width, height, 1, 1, device, dtype) for image in self._guides.control_images]

    def _embeddings(self, projection: Any, device: torch.device) -> tuple[Tensor, Tensor]:
        if self._guides.ip_adapter_image is None:
            raise SettingsError(
                "the model has an IP-Adapter, and no picture for it; give one with "
                "Editor.load_guides(ip_adapter_image=...), or unload it (unload_ip_adapter)"
            )
        kinds = [type(layer).__name__ for layer in projection.image_projection_layers]
        readable = all(
            isinstance(layer, ImageProjection | IPAdapterFullImageProjection | IPAdapterPlusImageProjection)
            for layer in projection.image_projection_layers
        )
        if len(kinds) != 1 or not readable:
            raise SettingsError(
                f"the model has the IP-Adapter {' and '.join(kinds)}; wordbrush edits beside a single one that reads "
                "CLIP's view of a picture (IP-Adapter, Plus, Full Face)"
            )
        if getattr(self._pipeline, "image_encoder", None) is None:
            raise SettingsError(
                "the model has an IP-Adapter without an image_encoder; load it with load_ip_adapter(..., "
                "image_encoder_folder=...)"
            )
        image = self._guides.ip_adapter_image
        (both,) = self._pipeline.prepare_ip_adapter_image_embeds(image, None, device, 1, True)
        without, of_it = both.chunk(2)
        return without, of_it

    @property
    def _projection(self) -> Any:
        projection = getattr(getattr(self._pipeline, "unet", None), "encoder_hid_proj", None)
        return projection if isinstance(projection, MultiIPAdapterImageProjection) else None


UNGUIDED = UNetGuides(None, NO_GUIDES)
"""Of a U-Net that is no pipeline's, and that text alone guides."""
