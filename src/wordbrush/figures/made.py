"""A finished figure on disk: its pictures, and what they were made from, so that it need not be made again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from wordbrush.errors import WordbrushError
from wordbrush.figures.spec import Figure
from wordbrush.files import write_atomically
from wordbrush.json_form import from_plain, to_plain
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.runs.record import ModelRecord

SCHEMA = 1
NAME = "figure.json"


@dataclass(frozen=True)
class Picture:
    """One picture of a figure: its file, its caption, its numbers and settings, and a hash of its pixels."""

    file: str
    caption: str
    details: str
    sha256: str


@dataclass(frozen=True)
class MadeLine:
    """Pictures in a row; `label` says what the row shows, `details` what it was made from."""

    label: str
    details: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class MadeFigure:
    """A finished figure. `key` is the `figure_key` of its data, model and settings."""

    name: str
    key: str
    model: ModelRecord
    versions: Mapping[str, str]
    num_inference_steps: int
    guidance_scale: float
    lines: tuple[MadeLine, ...]
    schema: int = SCHEMA


def figure_key(figure: Figure, fingerprint: str, dtype: str, num_inference_steps: int) -> str:
    """A hash, as 16 hex digits, of everything that a figure's pictures depend on.

    What a figure says of itself is left out, so that better wording changes no key.

    Args:
        figure: the figure.
        fingerprint: of the model's weights.
        dtype: what the model computes in.
        num_inference_steps: denoising steps.
    """
    rows = [[type(row).__name__, to_plain(row)] for row in figure.rows]
    made_from = [rows, fingerprint, dtype, num_inference_steps]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]


def save_made(made: MadeFigure, folder: Path) -> None:
    """Write `figure.json`, after the pictures, so that it never names a missing one."""
    text = json.dumps(to_plain(made), indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / NAME, text.encode())


def load_made(folder: Path, key: str) -> MadeFigure | None:
    """The figure in a folder, if its key is `key` and none of its pictures has changed; else None."""
    try:
        made = from_plain(MadeFigure, json.loads((folder / NAME).read_text()), NAME)
        if made.key != key:
            return None
        for line in made.lines:
            for picture in line.pictures:
                with Image.open(folder / picture.file, formats=("PNG",)) as image:
                    if pixel_sha256(image) != picture.sha256:
                        return None
    except (OSError, ValueError, SyntaxError, RecursionError, WordbrushError):
        return None  # missing or damaged: to be made again
    return made
