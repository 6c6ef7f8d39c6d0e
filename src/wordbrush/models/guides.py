"""Pictures that guide a model beside its prompts, as data: those of its ControlNets, and that of its IP-Adapter."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any, cast

from PIL.Image import Image

from wordbrush.errors import RecordError, SettingsError
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.pictures.read import Picture, read_photo
from wordbrush.settled import number


@dataclass(frozen=True)
class GuidesRecord:
    """What a record says of the pictures that guided a model, each by its `pixel_sha256`, and of how strongly they
    did. A scale of the IP-Adapter that is None is the one that its owner gave it.
    """

    control_image_sha256: tuple[str, ...] = ()
    controlnet_conditioning_scale: tuple[float, ...] = ()
    ip_adapter_image_sha256: str | None = None
    ip_adapter_scale: float | None = None

    def __str__(self) -> str:
        """What messages call them."""
        pairs = zip(self.control_image_sha256, self.controlnet_conditioning_scale, strict=True)
        said = [f"control image {sha[:12]} x {scale:g}" for sha, scale in pairs]
        if self.ip_adapter_image_sha256 is not None:
            scaled = "" if self.ip_adapter_scale is None else f" x {self.ip_adapter_scale:g}"
            said.append(f"IP-Adapter image {self.ip_adapter_image_sha256[:12]}{scaled}")
        return ", ".join(said)


@dataclass(frozen=True, eq=False)
class Guides:
    """RGB pictures that guide a model: one for each of its ControlNets, with its scale, and one for its IP-Adapter."""

    control_images: tuple[Image, ...] = ()
    controlnet_conditioning_scale: tuple[float, ...] = ()
    ip_adapter_image: Image | None = None
    ip_adapter_scale: float | None = None

    @classmethod
    def of(
        cls,
        control_image: Picture | Sequence[Picture] | None,
        controlnet_conditioning_scale: float | Sequence[float],
        ip_adapter_image: Picture | None,
        ip_adapter_scale: float | None,
    ) -> "Guides":
        """The guides that a caller gives; a single scale is that of all ControlNets.

        Raises `PhotoError` for a picture that cannot be read, `SettingsError` for no picture at all, or a bad scale.
        """
        several = isinstance(control_image, list | tuple)
        asked = cast(Sequence[Picture], control_image if several else [] if control_image is None else [control_image])
        if not asked and ip_adapter_image is None:
            raise SettingsError("there is no picture to be guided by; give control_image or ip_adapter_image")
        if ip_adapter_scale is not None and ip_adapter_image is None:
            raise SettingsError("ip_adapter_scale is of a picture that is not given; give ip_adapter_image too")
        scales = controlnet_conditioning_scale
        each = list(scales) if isinstance(scales, list | tuple) else [scales] * len(asked)
        if len(each) != len(asked):
            raise SettingsError(
                f"controlnet_conditioning_scale has {len(each)} numbers for {len(asked)} control images; give one for "
                "each, or one for all"
            )
        numbers = tuple(_finite(scale, "controlnet_conditioning_scale") for scale in each)
        images = tuple(read_photo(image).image for image in asked)
        own = None if ip_adapter_image is None else read_photo(ip_adapter_image).image
        strength = None if ip_adapter_scale is None else _finite(ip_adapter_scale, "ip_adapter_scale")
        return cls(images, numbers, own, strength)

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
        )


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
        guides = Guides.of(control_image, made.controlnet_conditioning_scale, ip_adapter_image, made.ip_adapter_scale)
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


def _finite(value: object, name: str) -> float:
    found = float(number(value, name))
    if not isfinite(found):
        raise SettingsError(f"{name} is {found}; give a finite number, such as 1")
    return found
