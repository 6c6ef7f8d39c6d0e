"""A run over PIE-Bench, or over own cases: what to run, on what it depends, and the files that come of it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wordbrush.editor import Editor
from wordbrush.errors import DataError, SettingsError
from wordbrush.files import write_atomically
from wordbrush.json_form import to_plain
from wordbrush_bench.case import KINDS, Case
from wordbrush_bench.case_file import read_case_file
from wordbrush_bench.facts import depends_on
from wordbrush_bench.journal import Row
from wordbrush_bench.meter import Column, Meter
from wordbrush_bench.method import Method
from wordbrush_bench.page import cases_page
from wordbrush_bench.pie.cases import read_pie
from wordbrush_bench.pie.mapping import MAPPING_FILE
from wordbrush_bench.pie.report import pie_report
from wordbrush_bench.runner import run_benchmark

REPORT, RESULTS, PAGE = "report.md", "results.json", "cases.html"

_SHOWN = ("PSNR, masked mean", "SSIM, masked mean", "LPIPS", "CLIP edited")
"""Columns whose numbers stand under the pictures of the page."""


@dataclass(frozen=True, eq=False)
class PieRun:
    """A run that is set up: its cases, methods and meters, and what its rows depend on."""

    cases: Sequence[Case]
    methods: Sequence[Method]
    meters: Sequence[Meter]
    facts: Mapping[str, object]

    @property
    def columns(self) -> list[Column]:
        """What is measured."""
        return [column for meter in self.meters for column in meter.columns]

    def rows(self, folder: Path) -> Iterator[Row]:
        """Run what the folder has not yet, and give every row."""
        return run_benchmark(self.cases, self.methods, self.meters, folder, self.facts)

    def write(self, rows: Sequence[Row], folder: Path, command: str) -> list[Path]:
        """Write the report, all rows, and a page to look through them; gives the paths."""
        report, results, page = (folder / name for name in (REPORT, RESULTS, PAGE))
        settings = {method.name: method.settings for method in self.methods}
        write_atomically(report, pie_report(rows, self.columns, settings, self.facts, command).encode())
        content = {
            "command": command,
            "facts": self.facts,
            "methods": settings,
            "columns": to_plain(self.columns),
            "rows": to_plain(rows),
        }
        write_atomically(results, json.dumps(content, indent=1, ensure_ascii=False).encode())
        write_atomically(page, cases_page(rows, folder, "PIE-Bench", [f"Made by {command}."], _SHOWN).encode())
        return [report, results, page]


def read_cases(data: Path) -> tuple[list[Case], list[str]]:
    """Cases of a folder in PIE-Bench's format or of a JSONL file, and what is wrong with bad ones.

    Raises `DataError` when it is neither.
    """
    if not data.exists():
        raise DataError(f"'{data}' is not there; give PIE-Bench's folder or a JSONL file of cases")
    return read_pie(data) if data.is_dir() else read_case_file(data)


def chosen(cases: Sequence[Case], kinds: Sequence[str] | None, limit: int | None) -> list[Case]:
    """The first `limit` cases of each of the kinds. Raises `SettingsError` for an unknown kind or an empty choice."""
    for kind in kinds or ():
        if kind not in KINDS:
            raise SettingsError(f"there is no kind '{kind:.40}'; give some of {', '.join(KINDS)}")
    if limit is not None and limit < 1:
        raise SettingsError(f"limit is {limit}; give 1 or more")
    taken = dict.fromkeys(KINDS, 0)
    found = []
    for case in cases:
        if (kinds is None or case.kind in kinds) and (limit is None or taken[case.kind] < limit):
            taken[case.kind] += 1
            found.append(case)
    if not found:
        raise SettingsError(f"there is no case of {', '.join(kinds or KINDS)}; give kinds that the data has")
    return found


def run_facts(editor: Editor, data: Path, weights: Path | None) -> dict[str, object]:
    """What rows depend on: the model and this machine, the data's text, and the weights of metrics by size."""
    text = data / MAPPING_FILE if data.is_dir() else data
    files = sorted(weights.rglob("*.safetensors")) if weights is not None else []
    return {
        **depends_on(editor, "pie"),
        "data": hashlib.sha256(text.read_bytes()).hexdigest(),
        "weights": {str(path.relative_to(weights)): path.stat().st_size for path in files} if weights else {},
    }
