"""Pictures that guide a model beside its prompts, as data: those of its ControlNets, and that of its IP-Adapter."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any, cast

from PIL.Image import Image

from wordbrush.errors import RecordError, SettingsError
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.pictures.read import Picture, read_photo
from wordbrush.sampling.place import Place
from wordbrush.settled import number


@dataclass(frozen=True)
class GuidesRecord:
    """What a record says of the pictures that guided a model, each by its `pixel_sha256`, how strongly they did, and
    in which part of the schedule, each ControlNet from a fraction of the steps to another; nothing where all do in all
    of it. A scale of the IP-Adapter that is None is the one that its owner gave it.
    """

    control_image_sha256: tuple[str, ...] = ()
    controlnet_conditioning_scale: tuple[float, ...] = ()
    ip_adapter_image_sha256: str | None = None
    ip_adapter_scale: float | None = None
    control_guidance_start: tuple[float, ...] = field(default=(), repr=False)
    control_guidance_end: tuple[float, ...] = field(default=(), repr=False)

    @property
    def in_parts(self) -> bool:
        """Whether a ControlNet acts in a part of the schedule alone."""
        return bool(self.control_guidance_start)

    @property
    def identity(self) -> str:
        """What a fingerprint has of them: of guides that act in all steps what it had before others did."""
        parts = f" {self.control_guidance_start} {self.control_guidance_end}" if self.in_parts else ""
        return f"{self!r}{parts}"

    def __str__(self) -> str:
        """What messages call them."""
        pairs = zip(self.control_image_sha256, self.controlnet_conditioning_scale, strict=True)
        said = [f"control image {sha[:12]} x {scale:g}" for sha, scale in pairs]
        for i, (start, end) in enumerate(zip(self.control_guidance_start, self.control_guidance_end, strict=True)):
            said[i] += f" from {start:g} to {end:g}"
        if self.ip_adapter_image_sha256 is not None:
            scaled = "" if self.ip_adapter_scale is None else f" x {self.ip_adapter_scale:g}"
            said.append(f"IP-Adapter image {self.ip_adapter_image_sha256[:12]}{scaled}")
        return ", ".join(said)


@dataclass(frozen=True, eq=False)
class Guides:
    """RGB pictures that guide a model: one for each of its ControlNets, with its scale and its part of the schedule,
    and one for its IP-Adapter.
    """

    control_images: tuple[Image, ...] = ()
    controlnet_conditioning_scale: tuple[float, ...] = ()
    ip_adapter_image: Image | None = None
    ip_adapter_scale: float | None = None
    control_guidance_start: tuple[float, ...] = ()
    control_guidance_end: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        control_image: Picture | Sequence[Picture] | None,
        controlnet_conditioning_scale: float | Sequence[float],
        ip_adapter_image: Picture | None,
        ip_adapter_scale: float | None,
        control_guidance_start: float | Sequence[float] = 0.0,
        control_guidance_end: float | Sequence[float] = 1.0,
    ) -> "Guides":
        """The guides that a caller gives; a single scale, start or end is that of all ControlNets.

        Raises `PhotoError` for a picture that cannot be read, `SettingsError` for no picture at all, or a bad number.
        """
        several = isinstance(control_image, list | tuple)
        asked = cast(Sequence[Picture], control_image if several else [] if control_image is None else [control_image])
        if not asked and ip_adapter_image is None:
            raise SettingsError("there is no picture to be guided by; give control_image or ip_adapter_image")
        if ip_adapter_scale is not None and ip_adapter_image is None:
            raise SettingsError("ip_adapter_scale is of a picture that is not given; give ip_adapter_image too")
        if not asked and (control_guidance_start, control_guidance_end) != (0.0, 1.0):
            raise SettingsError(
                "control_guidance_start and control_guidance_end are of a picture that is not given; give "
                "control_image too"
            )
        scales = _for_each(controlnet_conditioning_scale, len(asked), "controlnet_conditioning_scale")
        starts = _for_each(control_guidance_start, len(asked), "control_guidance_start")
        ends = _for_each(control_guidance_end, len(asked), "control_guidance_end")
        for start, end in zip(starts, ends, strict=True):
            if not 0 <= start < end <= 1:
                raise SettingsError(
                    f"control_guidance_start is {start:g} and control_guidance_end {end:g}; give fractions of the "
                    "steps, 0 <= start < end <= 1"
                )
        images = tuple(read_photo(image).image for image in asked)
        own = None if ip_adapter_image is None else read_photo(ip_adapter_image).image
        strength = None if ip_adapter_scale is None else _finite(ip_adapter_scale, "ip_adapter_scale")
        return cls(images, scales, own, strength, starts, ends)

    @cached_property
    def record(self) -> GuidesRecord | None:
        """What a record says of them; None where there are none."""
        if not self.control_images and self.ip_adapter_image is None:
            return None
        return GuidesRecord(
            tuple(map(pixel_sha256, self.control_images)),
            self.controlnet_conditioning_scale,
            None if self.ip_adapter_image is None else pixel_sha256(self.ip_adapter_image),
            self.ip_adapter_scale,
            self.control_guidance_start if self.in_parts else (),
            self.control_guidance_end if self.in_parts else (),
        )

    @property
    def in_parts(self) -> bool:
        """Whether a ControlNet acts in a part of the schedule alone."""
        return any(start > 0 for start in self.control_guidance_start) or any(
            end < 1 for end in self.control_guidance_end
        )

    def acting(self, place: Place) -> tuple[bool, ...]:
        """Which ControlNets act at a step, as diffusers' pipelines say: those whose part has all of it."""
        begins, ends = place.step / place.count, (place.step + 1) / place.count
        parts = zip(self.control_guidance_start, self.control_guidance_end, strict=True)
        return tuple(not (begins < start or ends > end) for start, end in parts)


NO_GUIDES = Guides()
"""Of a model that its prompts alone guide."""


def control_nets(pipeline: Any) -> list[Any]:
    """The ControlNets of a pipeline, compiled or not."""
    found = getattr(pipeline, "controlnet", None)
    if found is None:
        return []
    return list(getattr(found, "nets", [found]))


def guides_of_record(
    recorded: GuidesRecord | None, control_image: Picture | Sequence[Picture] | None, ip_adapter_image: Picture | None
) -> Guides:
    """The pictures of a record with its scales. Raises `RecordError` for one that is missing, or has other pixels."""
    given = control_image is not None or ip_adapter_image is not None
    if recorded is None and not given:
        return NO_GUIDES
    try:
        made = recorded or GuidesRecord()
        guides = Guides.of(
            control_image,
            made.controlnet_conditioning_scale,
            ip_adapter_image,
            made.ip_adapter_scale,
            made.control_guidance_start or 0.0,
            made.control_guidance_end or 1.0,
        )
    except SettingsError:  # there are more or fewer of them
        raise other_guides(recorded) from None
    check_guides(recorded, guides.record)
    return guides


def check_guides(recorded: GuidesRecord | None, loaded: GuidesRecord | None) -> None:
    """Raise `RecordError` unless what guides a model is what guided a record's."""
    if recorded != loaded:
        raise other_guides(recorded)


def other_guides(recorded: GuidesRecord | None) -> RecordError:
    """What is raised where the guides of a record are not those that are loaded or given."""
    if recorded is None:
        return RecordError(
            "the record was made without guides; unload them with unload_guides, or leave out --control-image and "
            "--ip-adapter-image"
        )
    return RecordError(
        f"the record was made with the {recorded} (hashes of pixels), and there are other guides, or none; give the "
        "same pictures to load_recorded, or with --control-image FILE and --ip-adapter-image FILE"
    )


def _for_each(value: float | Sequence[float], count: int, name: str) -> tuple[float, ...]:
    """A number for each of so many control images, of one for all or a list."""
    each = list(value) if isinstance(value, list | tuple) else [cast(float, value)] * count
    if len(each) != count:
        raise SettingsError(
            f"{name} has {len(each)} numbers for {count} control images; give one for each, or one for all"
        )
    return tuple(_finite(one, name) for one in each)


def _finite(value: object, name: str) -> float:
    found = float(number(value, name))
    if not isfinite(found):
        raise SettingsError(f"{name} is {found}; give a finite number, such as 1")
    return found
