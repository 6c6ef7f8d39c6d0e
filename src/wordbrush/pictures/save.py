"""PNG files of pictures that carry no record."""

import io
from pathlib import Path

from PIL import Image

from wordbrush.files import write_atomically


def plain_png_bytes(image: Image.Image) -> bytes:
    """A PNG without a record."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def save_plain_png(image: Image.Image, path: Path) -> None:
    """Write a PNG without a record, whole or not at all."""
    write_atomically(path, plain_png_bytes(image))
