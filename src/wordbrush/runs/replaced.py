"""What a run leaves of the one before it in the same folder: no picture that the new record does not know."""

import re
from contextlib import suppress
from pathlib import Path

from PIL import Image

from wordbrush.errors import RecordError
from wordbrush.files import expanded
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.runs.png import read_record, read_sheet
from wordbrush.runs.record import RunRecord

_RESULT = re.compile(r"source|edited(-\d{1,6})?(-mask)?")
"""The names that runs give their pictures: a record from elsewhere may name any file."""
COMPARISON = "comparison.png"
"""The sheet of a run's edits beside plain pictures, which the record does not name."""


def cleared_folder(folder: str | Path, record: RunRecord) -> Path:
    """A folder (`~` is expanded) to write a run's results to, without the pictures of the run that they replace.

    Removed are those that the folder's `record.json` names, that still have its pixels, and that `record` has not: an
    `edited.png` beside the record of another run would be taken for that run's. So is the sheet of another run. The
    edits of a source stay where it alone is saved again.
    """
    directory = expanded(folder)
    try:
        replaced = read_record(directory / "record.json")
    except RecordError:
        return directory
    if record.edit is None and record.generation == replaced.generation and record.model == replaced.model:
        return directory
    for name, sha in replaced.image_sha256.items():
        if name not in record.image_sha256 and _RESULT.fullmatch(name):
            _remove(directory / f"{name}.png", sha)
    with suppress(RecordError):
        shown, sha = read_sheet(directory / COMPARISON)
        if shown.image_sha256 != record.image_sha256:
            _remove(directory / COMPARISON, sha)
    return directory


def _remove(path: Path, sha: str) -> None:
    """Remove a picture that still has these pixels."""
    with suppress(OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        if _pixels(path) == sha:
            path.unlink()


def _pixels(path: Path) -> str:
    with Image.open(path, formats=("PNG",)) as image:
        return pixel_sha256(image)
