"""An untrusted picture file, read as what it is and no more."""

import importlib.util
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from wordbrush.errors import PhotoError
from wordbrush.pictures import jpeg, png, webp
from wordbrush.pictures.convert import upright_rgb
from wordbrush.pictures.fetch import fetch, is_address
from wordbrush.pictures.header import Header, check_size
from wordbrush.pictures.isolate import decode_apart
from wordbrush.pictures.limits import MAX_BYTES, MAX_PIXELS

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


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture that was given: RGB, upright, at its own size; `notes` say what was converted for that."""

    image: Image.Image
    named: str
    notes: tuple[str, ...] = ()


def read_photo(picture: str | Path | bytes | Image.Image, *, allow_url: bool = False) -> Photo:
    """Read a PNG, JPEG or WebP, a file or its bytes, known by its content; or take a Pillow picture.

    Files are taken for hostile: what they claim is checked before they are decoded, the decoder sees the parts that
    hold pixels only and runs in a process of its own with bounded memory and time (decision 0009). The picture comes
    back as 8-bit RGB in sRGB, turned as its EXIF data says, alpha on white, of an animation the first frame; nothing
    else of the file remains. With `allow_url` it may also be an address on the public internet.

    Raises `PhotoError`, which names the file and the remedy.
    """
    if isinstance(picture, Image.Image):
        return _taken(picture)
    named = "the picture" if isinstance(picture, bytes) else f"'{picture}'"
    if isinstance(picture, bytes):
        data = picture
    elif is_address(picture):
        if not allow_url:
            raise PhotoError(
                f"{named} is an address, and none is fetched unasked; add --allow-url (allow_url=True), or download it"
            )
        data = fetch(str(picture))
    else:
        data = _content(Path(picture), named)
    header = read_header(data, named)
    image, notes = decode_apart(header, named)
    return Photo(image, named, (*header.notes, *notes))


def read_header(data: bytes, named: str) -> Header:
    """Check a file by its content, without decoding it. Raises `PhotoError`."""
    if not data:
        raise PhotoError(f"{named} is an empty file; copy it again from its original")
    if len(data) > MAX_BYTES:
        raise PhotoError(f"{named} has more than {MAX_BYTES >> 20} MiB; scale it down, or save it as a JPEG")
    if data.startswith(png.MAGIC):
        return png.read_header(data, named)
    if data.startswith(jpeg.MAGIC):
        return jpeg.read_header(data, named)
    if webp.is_webp(data):
        return webp.read_header(data, named)
    if data[4:8] == b"ftyp":
        return _heif(data, named)
    kind = next(
        (kind for magic, kind in _FOREIGN.items() if data.lstrip(b"\xef\xbb\xbf \r\n").startswith(magic)), None
    )
    what = "is no picture that can be read" if kind is None else f"is in the format {kind}"
    raise PhotoError(f"{named} {what}, whatever its name says; save it as PNG, JPEG or WebP")


def _heif(data: bytes, named: str) -> Header:
    if data[8:12] == b"avif" or data[8:12] not in _HEIF_BRANDS:
        raise PhotoError(
            f"{named} is in the format {'AVIF' if data[8:12] == b'avif' else 'of a film'}, which is not "
            "supported; save it as PNG, JPEG or WebP"
        )
    if importlib.util.find_spec("pillow_heif") is None:
        raise PhotoError(
            f"{named} is in the format HEIC, which needs a plug-in: install wordbrush[heif], or save it as JPEG or PNG"
        )
    # The plug-in turns it, and its size is only known to the decoder, which is held to it.
    return Header("HEIF", MAX_PIXELS, 1, 1, None, data)


def _content(path: Path, named: str) -> bytes:
    try:
        # A pipe must not be waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise PhotoError(f"{named} is not a file; give a PNG, JPEG or WebP file")
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PhotoError(f"{named} cannot be read ({reason}); give a PNG, JPEG or WebP file") from None


def _taken(image: Image.Image) -> Photo:
    named = "the picture"
    check_size(named, *image.size)
    try:
        turned = image.getexif().get(0x0112, 1)
        rgb, notes = upright_rgb(image, turned, image.info.get("icc_profile"))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow decodes a file it opened only when asked for pixels
        raise PhotoError(f"{named} cannot be converted to RGB ({error!s:.80}); give an RGB picture") from None
    return Photo(Image.frombytes("RGB", rgb.size, rgb.tobytes()), named, tuple(notes))
