"""An uploaded file becomes a picture of the session: read as hostile, limited in bytes and pixels, known by its id."""

from typing import Any

from wordbrush.editor import Editor
from wordbrush.errors import PhotoError
from wordbrush.pictures.formats import PhotoFormat, photo_format
from wordbrush.pictures.read import read_photo
from wordbrush.runs.png import read_png_record
from wordbrush.server.picture import Picture
from wordbrush.server.problems import Problem
from wordbrush.server.remembered import masks_of, requests_of
from wordbrush.server.shelf import Shelf

MAX_BYTES = 20 << 20
"""The largest upload: a telephone's largest JPEG."""
MAX_PIXELS = 25_000_000
_MEDIA_TYPES: dict[PhotoFormat, str] = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "HEIF": "image/heic",
}
MEDIA_TYPES = tuple(_MEDIA_TYPES.values())


def keep_upload(shelf: Shelf, editor: Editor, session: str, data: bytes) -> dict[str, Any]:
    """Keep a file; returns the picture's JSON and, of a PNG that carries a record, `remembered`: the requests in it.

    Raises `Problem` 422 for what is no picture that can be read.
    """
    try:
        format_ = photo_format(data, "the picture")
        photo = read_photo(data)
    except PhotoError as error:
        raise Problem(422, str(error)) from None
    width, height = photo.image.size
    if width * height > MAX_PIXELS:
        raise Problem(
            422, f"the picture is {width} x {height} pixels; at most {MAX_PIXELS // 10**6} million are taken"
        )
    picture = Picture("upload", data, _MEDIA_TYPES[format_], width, height, said=photo.notes)
    shelf.put(session, picture)
    carried = read_png_record(data, "the picture") if format_ == "PNG" else None
    if carried is None:
        return picture.to_json()
    remembered = requests_of(*carried, editor)
    for edit, mask in zip(remembered["edits"], masks_of(*carried), strict=True):
        if mask is not None:
            edit["mask"] = shelf.put(session, mask)
    return {**picture.to_json(), "remembered": remembered}
