"""The process that decodes: a file may break it, and nothing else breaks with it.

It reads a request (one line of JSON, then the file) and answers with one line of JSON, then the RGB pixels.
"""

import io
import json
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from PIL import Image, ImageFile, PngImagePlugin

from wordbrush.errors import PhotoError
from wordbrush.pictures.convert import upright_rgb
from wordbrush.pictures.limits import MAX_FRAMES, MAX_PIXELS, MAX_PROFILE_BYTES, MAX_READS, MAX_SCANS, check_size

_BASE_BYTES = 512 << 20
_BYTES_PER_PIXEL = 16
_WEBP_OPENING_PIXELS = MAX_PIXELS // 2
"""libwebp reserves two canvases (8 bytes for each pixel) when it opens a file, before anybody knows its size."""

_REASONS = {
    "MAX_TEXT_CHUNK": f"a text or a colour profile in it is larger than {MAX_PROFILE_BYTES >> 20} MiB",
    "not identified by this driver": "its header gives no size",
    "could not create decoder object": "it is cut short or damaged, or far too large",
}
"""Plain words for messages of Pillow that say little to a user."""


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.stdin.buffer.readline())
    if request["format"] == "PNG":
        PngImagePlugin.MAX_TEXT_CHUNK = MAX_PROFILE_BYTES
    set_limits(_WEBP_OPENING_PIXELS if request["format"] == "WEBP" else 0)
    answer(request, sys.stdin.buffer, sys.stdout.buffer, set_limits)


def answer(request: dict[str, str], source: BinaryIO, sink: BinaryIO, on_pixels: Callable[[int], None]) -> None:
    """Decode the file that follows a request on `source`, and write the answer to `sink`; see `decode`."""
    try:
        image, notes = decode(source.read(), request["format"], request["named"], on_pixels)
    except PhotoError as error:
        reply: dict[str, object] = {"refused": str(error)}
    except MemoryError:
        reply = {"broken": "it takes too much memory"}
    except Exception as error:  # a decoder raises anything for a broken file
        reply = {"broken": _reason(error)}
    else:
        sink.write(json.dumps({"size": image.size, "notes": notes}).encode() + b"\n")
        sink.write(image.tobytes())
        return
    sink.write(json.dumps(reply).encode() + b"\n")


def decode(data: bytes, format_: str, named: str, on_pixels: Callable[[int], None]) -> tuple[Image.Image, list[str]]:
    """The first picture of a file as upright RGB, and notes on what was changed.

    `on_pixels` is called with the number of pixels once it is known and allowed, before any pixel is decoded.
    Raises `PhotoError` for a file beyond the limits, anything else for a broken one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = _open(data, format_, named)
        check_size(named, image.width, image.height)
        if len(image.info.get("icc_profile") or b"") > MAX_PROFILE_BYTES:
            raise PhotoError(
                f"{named} has a colour profile of more than {MAX_PROFILE_BYTES >> 20} MiB; save it without its profile"
            )
        notes = ["16 bits a channel: reduced to 8"] if format_ == "PNG" and data[24] == 16 else []
        notes += _frames_note(named, getattr(image, "n_frames", 1))
        on_pixels(image.width * image.height)
        image.load()
        upright, converted = upright_rgb(image)
    return upright, notes + converted


def set_limits(pixels: int) -> None:
    """Limit this process to the memory and processor time that a real picture of `pixels` pixels takes.

    Called again with more pixels, it raises the limits; never beyond those of the largest picture.
    """
    with suppress(ImportError):  # Windows has none
        import resource

        for kind, limit, highest in (
            (resource.RLIMIT_AS, _memory(pixels), _memory(MAX_PIXELS)),
            (resource.RLIMIT_CPU, _seconds(pixels), _seconds(MAX_PIXELS)),
            (resource.RLIMIT_CORE, 0, 0),
        ):
            with suppress(OSError, ValueError):  # not every system has each
                resource.setrlimit(kind, (limit, highest))


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError) and error.__cause__ is not None:  # Pillow came to the end, or to an odd number
        return "its header is cut short or damaged"
    reason = "".join(letter for letter in str(error) if letter.isprintable()) or type(error).__name__
    return next((plain for message, plain in _REASONS.items() if message in reason), reason[:100])


def _memory(pixels: int) -> int:
    return _BASE_BYTES + _BYTES_PER_PIXEL * pixels


def _seconds(pixels: int) -> int:
    return 2 + pixels // 5_000_000


class _BoundedFile(io.BytesIO):
    """A file that ends the patience with decoders which walk through a million tiny parts."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise RuntimeError("it consists of too many parts")
        return super().read(size)


def _open(data: bytes, format_: str, named: str) -> ImageFile.ImageFile:
    """The file with its header read: size, profile and EXIF are known, and no pixel is decoded.

    Pillow's reader of the one format is used directly where it can be: `Image.open` hides the reason of a failure.
    """
    file = _BoundedFile(data)
    match format_:
        case "PNG":
            return PngImagePlugin.PngImageFile(file)
        case "JPEG":
            from PIL.JpegImagePlugin import JpegImageFile

            image = JpegImageFile(file)
            _check_scans(named, data, file.tell())
            return image
        case "WEBP":
            from PIL.WebPImagePlugin import WebPImageFile

            return WebPImageFile(file)
        case _:
            import pillow_heif

            pillow_heif.register_heif_opener()
            opened = Image.open(file, formats=("HEIF",))
            assert isinstance(opened, ImageFile.ImageFile)
            return opened


def _check_scans(named: str, data: bytes, start: int) -> None:
    """Count the scans of a JPEG from behind the header of its first one to the end of the picture."""
    if data.count(b"\xff\xda", start, data.find(b"\xff\xd9", start)) >= MAX_SCANS:
        raise PhotoError(f"{named} is a JPEG of more than {MAX_SCANS} scans; save it again, not progressive")


def _frames_note(named: str, frames: int) -> list[str]:
    if frames > MAX_FRAMES:
        raise PhotoError(f"{named} has {frames} frames, and at most {MAX_FRAMES} are taken; save its first as a PNG")
    return [f"animated, {frames} frames: the first one is used"] if frames > 1 else []
