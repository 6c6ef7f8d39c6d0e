"""What a picture file says of itself, read by its format's own walker before any decoder sees it."""

from dataclasses import dataclass
from typing import Literal

from wordbrush.errors import PhotoError
from wordbrush.pictures.limits import MAX_FRAMES, MAX_PARTS, MAX_PIXELS

PhotoFormat = Literal["PNG", "JPEG", "WEBP", "HEIF"]


@dataclass(frozen=True)
class Header:
    """A checked file: `pixels_only` is the file with nothing in it but what its (first) picture needs.

    `orientation` is the EXIF tag (1 to 8), `profile` the unpacked ICC profile, `notes` what is left out or reduced.
    """

    format: PhotoFormat
    width: int
    height: int
    orientation: int
    profile: bytes | None
    pixels_only: bytes
    notes: tuple[str, ...] = ()


def broken(named: str, format_: PhotoFormat, reason: str) -> PhotoError:
    """The error for a file that is not what its first bytes say."""
    return PhotoError(f"{named} is a broken {format_} ({reason}); copy or save it again from its original")


def check_size(named: str, width: int, height: int) -> None:
    """Raise `PhotoError` unless a picture of so many pixels may be decoded."""
    if width < 1 or height < 1:
        raise PhotoError(f"{named} is empty: {width} x {height} pixels; give another picture")
    if width * height > MAX_PIXELS:
        raise PhotoError(
            f"{named} is {width} x {height}, {width * height / 1e6:.0f} million pixels, and at most "
            f"{MAX_PIXELS / 1e6:.0f} are read; scale it down"
        )


def check_parts(named: str, count: int) -> None:
    """Raise `PhotoError` when a file is cut into more parts than any honest one."""
    if count > MAX_PARTS:
        raise PhotoError(f"{named} has more than {MAX_PARTS} parts; save it again with another program")


def frames_told(named: str, frames: int) -> tuple[str, ...]:
    """What to say of an animation. Raises `PhotoError` for one of too many frames."""
    if frames > MAX_FRAMES:
        raise PhotoError(f"{named} has {frames} frames, and at most {MAX_FRAMES} are taken; save its first as a PNG")
    return (f"animated, {frames} frames: the first one is used",) if frames > 1 else ()
