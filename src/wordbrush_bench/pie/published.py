"""Published PIE-Bench numbers, as data with their sources, to be shown beside a run.

Read them with care, as `NOTE` says: between papers steps, prompts (their brackets left in or not), sizes and skipped
cases differ.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

ROWS = Path(__file__).parent / "published.csv"

NOTE = (
    "Published numbers are not reproducible to the digit: the same method differs by up to 16 points of structure "
    "distance between papers (InfEdit 13.8, 19.3 and 29.9; RF-Solver 21.8 and 31.1), and methods that are given a "
    "mask are not comparable with those that read prompts alone."
)

COLUMNS = {
    "structure": "structure distance",
    "psnr": "PSNR",
    "lpips": "LPIPS",
    "mse": "MSE",
    "ssim": "SSIM",
    "clip_whole": "CLIP whole",
    "clip_edited": "CLIP edited",
}
"""The file's columns, and what meters call the same in the same units."""

Mark = Literal["repository", "second-hand"]


@dataclass(frozen=True)
class PublishedRow:
    """A row: `values` by the names of the meters' columns, as far as it has them.

    `mark` says whether it was read in the method's own repository (`source`), or as another paper or table repeats it.
    """

    family: Literal["unet", "flow"]
    method: str
    model: str
    steps: int | None
    values: Mapping[str, float]
    mark: Mark
    source: str


def published_rows() -> list[PublishedRow]:
    """All rows.

    >>> direct = next(row for row in published_rows() if row.method == "Direct + P2P")
    >>> direct.values["PSNR"], direct.mark
    (27.22, 'repository')
    """
    with ROWS.open(encoding="utf-8", newline="") as file:
        return [_row(line) for line in csv.DictReader(file)]


def _row(line: dict[str, str]) -> PublishedRow:
    return PublishedRow(
        family=cast(Literal["unet", "flow"], line["family"]),
        method=line["method"],
        model=line["model"],
        steps=int(line["steps"]) if line["steps"] else None,
        values={name: float(line[column]) for column, name in COLUMNS.items() if line[column]},
        mark=cast(Mark, line["mark"]),
        source=line["source"],
    )
