"""Sheets of the edits that failed, to read: what a judge calls a failure, an eye may call otherwise."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from wordbrush.pictures.save import save_plain_png
from wordbrush.views.picture_grid import Captioned, PictureGrid, Strip
from wordbrush.views.sheets import draw_sheet
from wordbrush_bench.journal import Row
from wordbrush_bench.picture_file import read_picture
from wordbrush_bench.runner import PICTURES

MOST = 40
_SHOWN = ("photo", "source", "edited", "perfect")


def failure_sheets(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write `failures-METHOD.png` for each method with edits that have a picture and are no success; their paths.

    At most forty of a method, in the order of the run: the source above its prompt, the edit above the target's, and
    the perfect edit where there is one.

    Args:
        rows: of the run's journal.
        folder: the run's folder; pictures are read from it.
    """
    made = []
    for method in dict.fromkeys(row.method for row in rows):
        failed = [row for row in rows if row.method == method and _failed(row, folder)]
        if failed:
            grids = [PictureGrid([Strip(_pictures(row, folder))]) for row in failed[:MOST]]
            left = f"; the first {MOST} of {len(failed)}" if len(failed) > MOST else ""
            sheet = draw_sheet(grids, title=f"{method}: edits that failed{left}", min_side=96)
            made.append(folder / f"failures-{method}.png")
            save_plain_png(sheet, made[-1])
    return made


def _failed(row: Row, folder: Path) -> bool:
    """Whether it is no success and left a picture to look at."""
    return row.values.get("success") == 0 and "edited" in row.pictures and _path(row, "edited", folder).is_file()


def _pictures(row: Row, folder: Path) -> list[Captioned]:
    shown = [what for what in _SHOWN if what in row.pictures and not (what == "source" and "photo" in row.pictures)]
    said = {"photo": row.prompts[0], "source": row.prompts[0], "edited": row.prompts[1], "perfect": row.case}
    return [Captioned(_read(_path(row, what, folder)), said[what]) for what in shown]


def _path(row: Row, what: str, folder: Path) -> Path:
    return folder / PICTURES / Path(row.pictures[what]).name


def _read(path: Path) -> Image.Image | None:
    """A picture of the run; None where it is missing, and its place stays blank."""
    return read_picture(path) if path.is_file() else None
