"""Photographs that rows name: files of one folder, known by their bytes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL.Image import Image

from wordbrush.errors import DataError
from wordbrush.files import open_regular
from wordbrush.pictures.read import read_photo

MAX_BYTES = 64 << 20
"""The largest file of a photograph that is read."""


@dataclass(frozen=True)
class NamedPhoto:
    """A photograph's `name` inside of its folder, and the hash of its file."""

    name: str
    sha256: str


def named_photo(folder: Path, name: str) -> NamedPhoto:
    """The photograph of a name, such as "a/b.jpg". Raises `DataError` for a name that leads out of the folder, and for
    a file that is not there.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise DataError(f"photo is '{name:.80}'; give the name of a file inside of --photos")
    try:
        return NamedPhoto(name, _hash(_content(folder / path)))
    except OSError as error:
        raise DataError(f"the photo '{name:.80}' cannot be read ({error.strerror or error})") from None


def photo_picture(folder: Path, photo: NamedPhoto, largest: tuple[int, int]) -> Image:
    """A photograph as RGB, no larger than `largest`, its height and width in pixels.

    Raises `PhotoError` for a file that is no picture, `OSError` for one that is not what it was: then the folder is
    another one here, and no row is to blame.
    """
    content = _content(folder / photo.name)
    if _hash(content) != photo.sha256:
        raise OSError(f"the photo '{photo.name}' is not the file that it was when the run began")
    picture = read_photo(content).image
    picture.thumbnail(largest[::-1])
    return picture


def _content(path: Path) -> bytes:
    with open_regular(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DataError(f"the photo '{path.name:.80}' has more than {MAX_BYTES >> 20} MiB; make it smaller")
    return content


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
