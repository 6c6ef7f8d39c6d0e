"""What ControlNets (Zhang et al. 2023, arXiv:2302.05543) of any network share: their pictures, and when they act."""

from typing import Any, TypeVar

from wordbrush.errors import SettingsError
from wordbrush.models.guides import Guides, control_nets
from wordbrush.sampling.place import Place

T = TypeVar("T")


class ControlGuides:
    """The ControlNets of a loaded pipeline, with the pictures that they read."""

    def __init__(self, pipeline: Any, guides: Guides) -> None:
        """Take a pipeline as it is, and pictures for its ControlNets.

        Raises `SettingsError` for a picture that none of them reads.
        """
        self._pipeline = pipeline
        self._guides = guides
        nets = control_nets(pipeline)
        if guides.control_images and not nets:
            raise SettingsError(
                "control_image is given, and the model has no ControlNet; load a pipeline with one, such as a "
                "StableDiffusionControlNetPipeline"
            )
        if guides.control_images and len(guides.control_images) != len(nets):
            raise SettingsError(
                f"control_image has {len(guides.control_images)} pictures for {len(nets)} ControlNets; give each one"
            )

    @property
    def has_control_net(self) -> bool:
        """Whether a ControlNet computes beside the network."""
        return bool(control_nets(self._pipeline))

    @property
    def _several(self) -> bool:
        """Whether it is a set of ControlNets, even of one: a set takes a list of what each reads."""
        return hasattr(self._pipeline.controlnet, "nets")

    def _given(self, each: list[T]) -> list[T] | T:
        """What each ControlNet is given, as the pipeline's own takes it."""
        return each if self._several else each[0]

    def check_steps(self, count: int) -> None:
        """Raise `SettingsError` where a ControlNet would act in none of so many steps."""
        guides = self._guides
        acting = zip(*(guides.acting(Place(step, count)) for step in range(count)), strict=True)
        parts = zip(guides.control_guidance_start, guides.control_guidance_end, acting, strict=True)
        for start, end, acts in parts:
            if not any(acts):
                raise SettingsError(
                    f"from control_guidance_start {start:g} to control_guidance_end {end:g} there is none of {count} "
                    "steps, whole; give them further apart, or more steps"
                )

    def _scales_at(self, place: Place | None) -> list[float] | None:
        """How strongly each ControlNet acts at a place of a schedule; None where none does.

        Raises `SettingsError` where there is no picture for them.
        """
        if not self.has_control_net:
            return None
        if not self._guides.control_images:
            raise SettingsError(
                "the model has a ControlNet, and no picture for it; give one with "
                "Editor.load_guides(control_image=...), or --control-image FILE"
            )
        scales = list(self._guides.controlnet_conditioning_scale)
        if not self._guides.in_parts:
            return scales
        assert place is not None  # all that has a schedule says where it is
        acting = self._guides.acting(place)
        return [scale * acts for scale, acts in zip(scales, acting, strict=True)] if any(acting) else None
