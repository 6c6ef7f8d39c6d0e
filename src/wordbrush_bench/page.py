"""A page to look through a run's cases: one HTML file, nothing fetched, every text escaped, the worst cases first."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from wordbrush_bench.journal import Row
from wordbrush_bench.markdown import number
from wordbrush_bench.runner import PICTURES

MOST_CASES = 240
"""A page of more would be slow to open; the rest is in the JSON."""

_OWN = {"photo": "photograph", "source": "source", "perfect": "perfect edit", "mask": "may change, white"}

_STYLE = """
:root { --ink: #222226; --soft: #6b6b74; --line: #d8d8dc; --paper: #fff; --bad: #a3261b; --good: #1c6b34; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 5rem; max-width: 92rem; color: var(--ink); background: var(--paper);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.7rem; font-weight: 600; margin: 0 0 .4rem; }
h2 { font-size: 1rem; font-weight: 600; margin: 0; }
p { margin: .25rem 0; max-width: 60rem; }
.soft, small { color: var(--soft); font-size: .8rem; }
section { border-top: 1px solid var(--line); margin-top: 1.4rem; padding-top: .9rem; }
.row { display: flex; flex-wrap: wrap; gap: .8rem .7rem; margin-top: .6rem; }
figure { margin: 0; width: 8.2rem; }
img { display: block; width: 100%; height: auto; image-rendering: pixelated; outline: 1px solid var(--line); }
figcaption { font-size: .8rem; line-height: 1.3; margin-top: .25rem; overflow-wrap: anywhere; }
figcaption small { display: block; }
.bad { color: var(--bad); font-weight: 600; }
.good { color: var(--good); font-weight: 600; }
.none { height: 8.2rem; background: #f4f4f6; outline: 1px solid var(--line); }
"""


def cases_page(rows: Sequence[Row], folder: Path, title: str, about: Sequence[str], show: Sequence[str]) -> str:
    """The page. `show` are the columns whose numbers stand under each picture; pictures are read from `folder`.

    Cases come in the order of how many methods failed at them, by error or by the column "success"; the worst first.
    """
    cases: dict[str, list[Row]] = {}
    for row in rows:
        if row.refused is None:
            cases.setdefault(row.case, []).append(row)
    ordered = sorted(cases.values(), key=lambda own: -sum(map(_badness, own)) / len(own))
    shown = ordered[:MOST_CASES]
    left = f" The page shows the {len(shown)} worst of {len(ordered)}." if len(shown) < len(ordered) else ""
    order = f"{len(ordered)} cases, those first that most methods fail at.{left}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        *(f'<p class="soft">{escape(line)}</p>' for line in (*about, order)),
        *(_section(own, folder, show) for own in shown),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _badness(row: Row) -> float:
    """2 for an error, 1 for no success, 0 for a success or where none is asked."""
    return 2.0 if row.error is not None else 1 - row.values.get("success", 1.0)


def _section(rows: Sequence[Row], folder: Path, show: Sequence[str]) -> str:
    first = rows[0]
    pictures: Mapping[str, str] = next((row.pictures for row in rows if row.pictures), {})
    prompts = f"{first.prompts[0]} → {first.prompts[1]}"
    own = [_figure(folder, pictures.get(what), label, "") for what, label in _OWN.items() if what in pictures]
    edits = [_edit(row, folder, show) for row in rows]
    return (
        f"<section><h2>{escape(prompts)} <small>{escape(first.kind)}, {escape(first.origin)}, {escape(first.case)}"
        f'</small></h2><div class="row">{"".join([*own, *edits])}</div></section>'
    )


def _edit(row: Row, folder: Path, show: Sequence[str]) -> str:
    if row.error is not None:
        return _figure(folder, None, row.method, f'<span class="bad">error</span><small>{escape(row.error)}</small>')
    verdict = row.values.get("success")
    mark = "" if verdict is None else '<span class="good">✓</span>' if verdict else '<span class="bad">✗</span>'
    numbers = "".join(
        f"<small>{escape(name)} {number(row.values[name])}</small>" for name in show if name in row.values
    )
    notes = "".join(f"<small>{escape(note)}</small>" for note in row.notes)
    return _figure(folder, row.pictures.get("edited"), row.method, mark + numbers + notes)


def _figure(folder: Path, file: str | None, label: str, more: str) -> str:
    """A picture with its label (text) and what is said of it (HTML); a blank where there is no picture."""
    path = None if file is None else folder / PICTURES / Path(file).name
    if path is None or not path.is_file():
        drawn = '<div class="none"></div>'
    else:
        data = base64.b64encode(path.read_bytes()).decode()
        drawn = f'<img loading="lazy" src="data:image/webp;base64,{data}" alt="{escape(label)}">'
    return f"<figure>{drawn}<figcaption>{escape(label)} {more}</figcaption></figure>"
