"""A picture that is not finished, small enough to travel inside of an event."""

import base64
import io

from PIL.Image import Image

_MOST = (512, 512)
"""Width and height in pixels of a preview at most."""


def preview_address(picture: Image) -> str:
    """A `data:` address of a picture as a small JPEG."""
    small, buffer = picture.copy(), io.BytesIO()
    small.thumbnail(_MOST)
    small.save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
