"""The page of all figures as one HTML file: pictures inside, nothing fetched, dark and light, and it prints."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from wordbrush.figures.book import BookEntry
from wordbrush.figures.comments import UNSEEN
from wordbrush.figures.made import MadeLine, Picture
from wordbrush.views.templates import render

_LARGE = 256
"""Pictures with a longer side than this go in as JPEG: a page of 512 pixel PNGs would be a hundred megabytes."""


def html_page(entries: Sequence[BookEntry], title: str) -> str:
    """One self-contained page.

    Args:
        entries: the figures, in order, made or failed; pictures are read from their folders.
        title: the page's title.
    """
    figures = [_figure(entry) for entry in entries]
    return render(
        "wordbrush.figures", "figures.html", title=title, about=_colophon(entries), figures=figures, unseen=UNSEEN
    )


def _colophon(entries: Sequence[BookEntry]) -> list[str]:
    """What the figures were made with."""
    made = next((entry.made for entry in entries if entry.made is not None), None)
    if made is None:
        return []
    model = made.model
    versions = ", ".join(f"{package} {number}" for package, number in made.versions.items())
    return [
        f"Model: {model.name}, fingerprint {model.fingerprint[:16]}, {model.dtype} on {model.device}. "
        f"{made.num_inference_steps} steps, guidance {made.guidance_scale:g}.",
        f"Made with {versions}.",
    ]


def _figure(entry: BookEntry) -> Mapping[str, object]:
    figure = entry.figure
    lines = [] if entry.made is None else [_line(entry.folder, line) for line in entry.made.lines]
    return {
        "name": figure.name,
        "shows": figure.shows,
        "note": figure.note,
        "failure": entry.failure,
        "lines": lines,
        "comment": entry.comment,
    }


def _line(folder: Path, line: MadeLine) -> Mapping[str, object]:
    pictures = [_picture(folder, picture) for picture in line.pictures]
    return {"label": line.label, "details": line.details, "pictures": pictures}


def _picture(folder: Path, picture: Picture) -> Mapping[str, object]:
    with Image.open(folder / picture.file, formats=("PNG",)) as image:
        small = max(image.size) <= _LARGE
        buffer = io.BytesIO()
        if small:
            image.convert("RGB").save(buffer, format="PNG", optimize=True)  # without the record that the file carries
        else:
            image.convert("RGB").save(buffer, format="JPEG", quality=92, subsampling=0)
    return {
        "caption": picture.caption,
        "details": picture.details,
        "kind": "png" if small else "jpeg",
        "data": buffer.getvalue(),
    }
