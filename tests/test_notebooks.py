"""Every committed notebook runs from top to bottom, and is committed without what a run leaves in it."""

import ast
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SHOWS = ("_repr_mimebundle_", "_repr_html_", "_repr_png_")


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def code_cells(path: Path) -> list[dict]:
    return [cell for cell in cells(path) if cell["cell_type"] == "code"]


def run_cell(source: str, names: dict[str, object], label: str) -> object:
    """Run a cell as a notebook does, and give back what it shows: the value of its last expression."""
    body = ast.parse(source, label).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), label, "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), label, "eval"), names)


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS] == ["01-first-edit.ipynb", "02-maps.ipynb", "03-every-control.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_without_outputs(path):
    for cell in code_cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_begins_with_how_to_run_it(path):
    first = "".join(cells(path)[0]["source"])
    assert "make notebook" in first
    assert '.venv/bin/pip install -c constraints.txt -e ".[notebook]"' in first


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_and_shows_what_it_made(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for what a notebook saves
    names: dict[str, object] = {"__name__": "__main__"}
    for number, cell in enumerate(code_cells(path)):
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", []):
            source, replaced = re.subn(r"^STEPS = .*$", "STEPS = 4", source, flags=re.MULTILINE)
            assert replaced == 1
        shown = run_cell(source, names, f"{path.name}, code cell {number}")
        for way in SHOWS:
            if hasattr(shown, way):
                getattr(shown, way)()
    assert names["STEPS"] == 4
