"""The process that decodes: it may be broken by a file, and nothing else is.

It reads a request (a line of JSON, then the profile and the file) and answers with a line of JSON and the RGB pixels.
"""

import io
import json
import sys
import warnings
from contextlib import suppress
from typing import BinaryIO

from PIL import Image

from wordbrush.pictures.convert import upright_rgb

_SMALL = 512 << 20
_BYTES_A_PIXEL = 16


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.stdin.buffer.readline())
    _limit(request["max_pixels"])
    answer(request, sys.stdin.buffer, sys.stdout.buffer)


def answer(request: dict[str, object], source: BinaryIO, sink: BinaryIO) -> None:
    """Decode what follows a request on `source`."""
    profile = source.read(int(str(request["profile_bytes"]))) or None
    try:
        image, notes = decode(
            source.read(),
            str(request["format"]),
            int(str(request["orientation"])),
            profile,
            int(str(request["max_pixels"])),
        )
    except MemoryError:
        reply: dict[str, object] = {"broken": "it takes too much memory"}
    except Exception as error:  # a decoder raises whatever it likes for a broken file
        reason = "".join(letter for letter in str(error) if letter.isprintable()) or type(error).__name__
        reply = {"broken": reason[:100]}
    else:
        sink.write(json.dumps({"size": image.size, "notes": notes}).encode() + b"\n")
        sink.write(image.tobytes())
        return
    sink.write(json.dumps(reply).encode() + b"\n")


def decode(
    data: bytes, format_: str, orientation: int, profile: bytes | None, max_pixels: int
) -> tuple[Image.Image, list[str]]:
    """The first picture of a file as RGB, and what was changed in it."""
    if format_ == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Image.open(io.BytesIO(data), formats=(format_,)) as image:
            if image.width * image.height > max_pixels:
                raise ValueError(f"it is {image.width} x {image.height} pixels")
            image.load()
            return upright_rgb(image, orientation, profile)


def _limit(pixels: int) -> None:
    """Bound this process's memory and time by what an honest picture of so many pixels takes."""
    with suppress(ImportError):  # not on Windows
        import resource

        limits = {
            resource.RLIMIT_AS: _SMALL + _BYTES_A_PIXEL * pixels,
            resource.RLIMIT_CPU: 2 + pixels // 5_000_000,
            resource.RLIMIT_CORE: 0,
        }
        for kind, most in limits.items():
            with suppress(OSError, ValueError):  # not every system has each
                resource.setrlimit(kind, (most, most))
