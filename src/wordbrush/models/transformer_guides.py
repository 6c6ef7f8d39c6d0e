"""What guides a transformer of SD3 or FLUX.1 beside its text: ControlNets, whose outputs are added to those of its
blocks, and which read their pictures as latents.

Legend: C channels.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from wordbrush.errors import SettingsError
from wordbrush.models.control_guides import ControlGuides
from wordbrush.models.guides import Guides, control_nets
from wordbrush.sampling.patches import packed
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text


class TransformerGuides(ControlGuides):
    """The ControlNets of a loaded pipeline of SD3 or FLUX.1, with the pictures that they read."""

    def __init__(self, pipeline: Any, guides: Guides) -> None:
        """Take a pipeline as it is, and pictures for its ControlNets.

        Raises `SettingsError` for a picture that none of them reads.
        """
        super().__init__(pipeline, guides)
        if guides.ip_adapter_image is not None:
            raise SettingsError(
                f"ip_adapter_image is given for a {type(pipeline).__name__}; wordbrush edits beside the IP-Adapters "
                "of Stable Diffusion and Stable Diffusion XL"
            )
        self.control_latents = lru_cache(maxsize=4)(self._control_latents)
        """The latents (1, C, h, w) of the ControlNets' pictures, for a size in pixels, a device, a dtype, a shift."""

    def added_to_sd3(
        self, latents: Tensor, timestep: Tensor, text: Text, vae_factor: int, place: Place | None
    ) -> dict[str, Any]:
        """What a call of SD3's transformer with these inputs is given beside them."""
        if (scales := self._scales_at(place)) is None:
            return {}
        pipeline, control_net = self._pipeline, self._pipeline.controlnet
        config = control_nets(pipeline)[0].config
        assert text.pooled is not None
        unpooled = config["force_zeros_for_pooled_projection"]  # as some were trained, and on unshifted latents
        shift = 0.0 if unpooled else float(pipeline.vae.config["shift_factor"])
        height, width = (side * vae_factor for side in latents.shape[-2:])
        images = [
            image.expand(len(latents), -1, -1, -1)
            for image in self.control_latents(height, width, latents.device, pipeline.transformer.dtype, shift)
        ]
        blocks = control_net(
            hidden_states=latents,
            timestep=timestep,
            encoder_hidden_states=None if config["joint_attention_dim"] is None else text.states,
            pooled_projections=torch.zeros_like(text.pooled) if unpooled else text.pooled,
            controlnet_cond=self._given(images),
            conditioning_scale=self._given(scales),
            return_dict=False,
        )[0]
        return {"block_controlnet_hidden_states": blocks}

    def added_to_flux(
        self, latents: Tensor, vae_factor: int, patch: int, scale: Tensor, place: Place | None, **inputs: Tensor
    ) -> dict[str, Any]:
        """What a call of FLUX.1's transformer with these `inputs` is given beside them; `scale` is guidance's."""
        if (scales := self._scales_at(place)) is None:
            return {}
        pipeline, control_net = self._pipeline, self._pipeline.controlnet
        first = control_nets(pipeline)[0]
        height, width = (side * vae_factor for side in latents.shape[-2:])
        rows, dtype = len(latents), pipeline.vae.dtype
        shift = float(pipeline.vae.config["shift_factor"])
        images = [
            packed(image, patch).expand(rows, -1, -1)
            for image in self.control_latents(height, width, latents.device, dtype, shift)
        ]
        no_mode = [torch.full((rows,), -1, device=latents.device)] * len(images)
        blocks, single_blocks = control_net(
            controlnet_cond=self._given(images),
            controlnet_mode=no_mode if self._several else None,
            conditioning_scale=self._given(scales),
            guidance=scale if first.config["guidance_embeds"] else None,
            return_dict=False,
            **inputs,
        )
        return {"controlnet_block_samples": blocks, "controlnet_single_block_samples": single_blocks}

    def _control_latents(
        self, height: int, width: int, device: torch.device, dtype: torch.dtype, shift: float
    ) -> list[Tensor]:
        """Resized as the pipeline resizes them, and the means of what the autoencoder makes of them: the pipelines
        draw a sample, of which no record could say which it was.
        """
        vae, prepare = self._pipeline.vae, self._pipeline.prepare_image
        images = [prepare(image, width, height, 1, 1, device, dtype) for image in self._guides.control_images]
        with torch.no_grad():
            means = [vae.encode(image).latent_dist.mode() for image in images]
        return [(mean - shift) * vae.config["scaling_factor"] for mean in means]
