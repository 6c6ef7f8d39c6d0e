"""What a picture is known by."""

import hashlib

from PIL.Image import Image


def pixel_sha256(image: Image) -> str:
    """A hash of a picture's mode, size and pixels, whatever file it is in.

    >>> from PIL import Image
    >>> pixel_sha256(Image.new("RGB", (2, 2)))[:8]
    '11721f67'
    """
    digest = hashlib.sha256(f"{image.mode} {image.size[0]} {image.size[1]}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
