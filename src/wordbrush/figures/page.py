"""The page of all figures as one HTML file: pictures inside, nothing fetched, every text escaped."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from wordbrush.figures.book import Entry
from wordbrush.figures.comments import UNSEEN
from wordbrush.figures.made import Line, Picture

_LARGE = 256
"""Pictures with a longer side than this go in as JPEG: a page of 512 pixel PNGs would be a hundred megabytes."""

_STYLE = """
:root { --ink: #222226; --soft: #6b6b74; --line: #d8d8dc; --paper: #fff; --wrong: #a3261b; color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 3rem 1.5rem 5rem; max-width: 74rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.9rem; font-weight: 600; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; font-weight: 600; margin: 0; }
p { margin: .3rem 0; max-width: 46rem; }
section { border-top: 1px solid var(--line); margin-top: 2.4rem; padding-top: 1.2rem; }
.soft, figcaption small, h3 small { color: var(--soft); font-size: .82rem; }
h3 { font-size: .95rem; font-weight: 600; margin: 1.1rem 0 .4rem; }
h3 small { font-weight: 400; }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.2rem, 1fr)); gap: 1rem .8rem; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; outline: 1px solid var(--line); }
figcaption { font-size: .88rem; line-height: 1.35; margin-top: .4rem; }
figcaption small { display: block; margin-top: .1rem; }
dl { display: grid; grid-template-columns: 4rem 1fr; gap: .2rem .8rem; margin: 1rem 0 0; max-width: 50rem; }
dt { color: var(--soft); }
dd { margin: 0; }
.wrong { color: var(--wrong); font-weight: 600; }
nav a { color: inherit; margin-right: .9rem; }
@media print { section { break-inside: avoid; } }
"""


def html_page(entries: Sequence[Entry], title: str) -> str:
    """One self-contained page of figures, with what each was made from and what is to be said of it."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        *(f'<p class="soft">{escape(line)}</p>' for line in colophon(entries)),
        "<nav>" + "".join(f'<a href="#{_anchor(e)}">{escape(e.figure.name)}</a>' for e in entries) + "</nav>",
        *map(_section, entries),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def colophon(entries: Sequence[Entry]) -> list[str]:
    """With what the figures were made, for the head of a page."""
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


def _section(entry: Entry) -> str:
    figure = entry.figure
    parts = [f'<section id="{_anchor(entry)}"><h2>Figure {escape(figure.name)}</h2><p>{escape(figure.shows)}</p>']
    if figure.note:
        parts.append(f'<p class="soft">{escape(figure.note)}</p>')
    if entry.failure:
        parts.append(f'<p class="wrong">Failed: {escape(entry.failure)}</p>')
    if entry.made is not None:
        parts += [_line(entry.folder, line) for line in entry.made.lines]
        parts.append(_comment(entry))
    return "\n".join([*parts, "</section>"])


def _line(folder: Path, line: Line) -> str:
    label = f"{escape(line.label)}, " if line.label else ""
    head = f"<h3>{label}<small>{escape(line.details)}</small></h3>"
    return head + '<div class="row">' + "".join(_picture(folder, picture) for picture in line.pictures) + "</div>"


def _picture(folder: Path, picture: Picture) -> str:
    details = f"<small>{escape(picture.details)}</small>" if picture.details else ""
    return (
        f'<figure><img src="{_data_uri(folder / picture.file)}" alt="{escape(picture.caption)}">'
        f"<figcaption>{escape(picture.caption)}{details}</figcaption></figure>"
    )


def _comment(entry: Entry) -> str:
    if entry.comment is None:
        return f'<p class="soft">{UNSEEN}</p>'
    return (
        f"<dl><dt>Good</dt><dd>{escape(entry.comment.good)}</dd><dt>Bad</dt><dd>{escape(entry.comment.bad)}</dd></dl>"
    )


def _anchor(entry: Entry) -> str:
    return f"figure-{escape(entry.figure.name)}"


def _data_uri(path: Path) -> str:
    with Image.open(path, formats=("PNG",)) as image:
        small = max(image.size) <= _LARGE
        buffer = io.BytesIO()
        if small:
            image.convert("RGB").save(buffer, format="PNG", optimize=True)  # without the record that the file carries
        else:
            image.convert("RGB").save(buffer, format="JPEG", quality=92, subsampling=0)
    kind = "png" if small else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
