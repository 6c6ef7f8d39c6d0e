"""Reads an untrusted picture file as pixels, and as nothing more."""

import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from wordbrush.errors import PhotoError
from wordbrush.files import open_regular
from wordbrush.pictures.convert import upright_rgb
from wordbrush.pictures.formats import photo_format
from wordbrush.pictures.isolate import decode_apart
from wordbrush.pictures.limits import MAX_BYTES, check_size

_WEB_ADDRESS = re.compile(r"https?:/", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph that was read.

    - `image`: its pixels in 8-bit RGB (sRGB), upright, at its own size (`Image.size` is (width, height)), without
      metadata.
    - `named`: what messages call it: its path in quotes, or "the picture".
    - `notes`: what was converted when it was read, a sentence each. Default: empty.

    >>> read_photo(Image.new("RGB", (3, 2))).image.size
    (3, 2)
    """

    image: Image.Image
    named: str
    notes: tuple[str, ...] = ()


Picture = str | Path | bytes | Image.Image | Photo
"""What pictures may be given as."""


def read_photo(picture: Picture) -> Photo:
    """Read a photograph as 8-bit RGB in sRGB, upright. Transparent parts become white.

    - `picture`: a PNG, JPEG or WebP file (HEIC with the extra `heif`), its bytes, or a Pillow picture. The content
      decides the format, not the name. `~` is expanded. A `Photo` is returned as it is. The limits are 64 MiB and 50
      million pixels. Only the first frame of an animation is read.

    Files are treated as hostile: Pillow decodes them in a separate process with limited memory and time, and only
    pixels come back (decision 0022). A Pillow picture is converted in this process.

    Raises `PhotoError`, which names the file and the remedy.

    >>> read_photo(Image.new("L", (3, 2))).notes
    ('grey: converted to RGB',)
    """
    if isinstance(picture, Photo):
        return picture
    if isinstance(picture, Image.Image):
        return _from_pillow(picture)
    if isinstance(picture, bytes):
        data, named = picture, "the picture"
    else:
        named = f"'{picture}'"
        data = _content(picture, named)
    image, notes = decode_apart(data, photo_format(data, named), named)
    return Photo(image, named, tuple(notes))


def _content(path: str | Path, named: str) -> bytes:
    if _WEB_ADDRESS.match(str(path)):
        raise PhotoError(f"{named} is a web address, and only files are read; download the picture and give its file")
    try:
        with open_regular(path) as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PhotoError(f"{named} cannot be read ({error.strerror}); give a PNG, JPEG or WebP file") from None


def _from_pillow(image: Image.Image) -> Photo:
    named = "the picture"
    check_size(named, *image.size)
    try:
        rgb, notes = upright_rgb(image)
    except (OSError, SyntaxError, ValueError) as error:  # Pillow decodes a file it opened only when asked for pixels
        raise PhotoError(f"{named} cannot be converted to RGB ({error!s:.80}); give an RGB picture") from None
    return Photo(Image.frombytes("RGB", rgb.size, rgb.tobytes()), named, tuple(notes))
