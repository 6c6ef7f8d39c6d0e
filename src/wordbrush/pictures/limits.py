"""What a picture file may ask for."""

from wordbrush.errors import PhotoError

MAX_BYTES = 64 << 20
"""The largest file: 64 MiB."""
MAX_PIXELS = 50_000_000
"""The largest picture, in pixels: what today's telephones take. Decoding needs up to 16 bytes for each."""
MAX_FRAMES = 1_000
"""The longest animation, in frames; only the first is decoded."""
MAX_PROFILE_BYTES = 4 << 20
"""The largest colour profile, unpacked, or text of a PNG; profiles of printing presses take 0.5 to 3 MiB."""
MAX_SCANS = 40
"""The longest progressive JPEG, in scans, each of which goes over the whole picture; 10 are usual."""
MAX_READS = 100_000
"""How often the decoder may read from one file. It reads each part (chunk, segment) with up to three reads."""


def check_size(named: str, width: int, height: int) -> None:
    """Raise `PhotoError` unless a picture of `width` by `height` pixels may be decoded."""
    if width < 1 or height < 1:
        raise PhotoError(f"{named} is empty: {width} x {height} pixels (width x height); give another picture")
    if width * height > MAX_PIXELS:
        raise PhotoError(
            f"{named} is {width} x {height} pixels (width x height), {width * height / 1e6:.0f} million, and at most "
            f"{MAX_PIXELS / 1e6:.0f} million are read; scale it down"
        )
