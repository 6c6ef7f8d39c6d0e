"""A figure that was made: its pictures on disk and what they were made from, kept so that it is not made again."""

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
from wordbrush.runs.record import ModelRecord, pixel_sha256

SCHEMA = 1
NAME = "figure.json"


@dataclass(frozen=True)
class Picture:
    """One picture of a figure: its file, what stands below it, and the numbers and settings that go with it."""

    file: str
    caption: str
    details: str
    sha256: str


@dataclass(frozen=True)
class MadeLine:
    """Pictures in a row; `label` says what the row is, `details` what it is made from."""

    label: str
    details: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class MadeFigure:
    """A finished figure. `key` stands for its data, its model and its settings."""

    name: str
    key: str
    model: ModelRecord
    versions: Mapping[str, str]
    num_inference_steps: int
    guidance_scale: float
    lines: tuple[MadeLine, ...]
    schema: int = SCHEMA


def figure_key(figure: Figure, fingerprint: str, dtype: str, num_inference_steps: int) -> str:
    """What a figure is made from, as 16 hex digits: its data, the model and its number format, the steps.

    What it says of itself does not count, so a better word changes no key.
    """
    rows = [[type(row).__name__, to_plain(row)] for row in figure.rows]
    made_from = [rows, fingerprint, dtype, num_inference_steps]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]


def save_made(made: MadeFigure, folder: Path) -> None:
    """Write what is known of a figure; it comes after its pictures, so that it never speaks of missing ones."""
    text = json.dumps(to_plain(made), indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / NAME, text.encode())


def load_made(folder: Path, key: str) -> MadeFigure | None:
    """The figure of a folder, if it was made from what `key` stands for and all its pictures are as they were."""
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
        return None  # not there, or damaged: it is made again
    return made
