"""Which format a picture file has, by its first bytes; nothing is decoded."""

import importlib.util
from typing import Literal

from wordbrush.errors import PhotoError
from wordbrush.pictures.limits import MAX_BYTES

PhotoFormat = Literal["PNG", "JPEG", "WEBP", "HEIF"]

_FOREIGN = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%!PS": "EPS",
    b"\xc5\xd0\xd3\xc6": "EPS",
    b"%PDF": "PDF",
    b"8BPS": "Photoshop",
    b"\0\0\x01\0": "icon",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"<svg": "SVG",
    b"<?xml": "SVG",
}
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
_REMEDY = "save it as PNG, JPEG or WebP"


def photo_format(data: bytes, named: str) -> PhotoFormat:
    """The format of a file's bytes, whatever its name says. Raises `PhotoError` for one that is not read.

    >>> photo_format(b"\\x89PNG\\r\\n\\x1a\\n...", "'cat.jpg'")
    'PNG'
    """
    if not data:
        raise PhotoError(f"{named} is an empty file; copy it again from its original")
    if len(data) > MAX_BYTES:
        raise PhotoError(f"{named} is larger than {MAX_BYTES >> 20} MiB; scale it down, or save it as a JPEG")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _heif(data[8:12], named)
    begin = data[:64].lstrip(b"\xef\xbb\xbf \r\n")
    kind = next((kind for magic, kind in _FOREIGN.items() if begin.startswith(magic)), None)
    if kind is None:
        raise PhotoError(f"{named} is not a picture that can be read; {_REMEDY}")
    raise PhotoError(f"{named} is in {kind} format, which is not supported; {_REMEDY}")


def _heif(brand: bytes, named: str) -> PhotoFormat:
    if brand == b"avif":
        raise PhotoError(f"{named} is in AVIF format, which is not supported; {_REMEDY}")
    if brand not in _HEIF_BRANDS:
        raise PhotoError(f"{named} is a video, not a picture; save one frame of it as PNG, JPEG or WebP")
    if importlib.util.find_spec("pillow_heif") is None:
        raise PhotoError(
            f"{named} is in HEIC format, which needs a plug-in: install wordbrush[heif], or save it as JPEG or PNG"
        )
    return "HEIF"
