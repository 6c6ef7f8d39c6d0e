"""Every script of benchmarks/ runs, at its smallest setting; the numbers themselves depend on the machine."""

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from wordbrush.models.folder import bundled_folder

FOLDER = Path(__file__).parents[1] / "benchmarks"
SMALLEST = {
    "blend_truth.py": (["--cases", "2", "--steps", "4"], "the recipes' region |"),
    "bundled_quality.py": (
        ["--scenes", "1", "--swaps", "1", "--steps", "5"],
        "| 1 one-word swaps |",
    ),
    "blind_pairs.py": (
        [str(bundled_folder()), "--pictures", "2", "--sheet", "pairs.png", "--chosen", "a-"],
        "| 2 | ",
    ),
    "chain.py": (["--chains", "1", "--length", "2", "--steps", "2", "--rows", "region"], "| region |"),
    "joint_edits.py": (
        ["--limit", "1", "--kinds", "change-object", "--steps", "5", "--rows", "own 0.2, region"],
        "| generated | own 0.2, region | ",
    ),
    "h_edit.py": (
        ["--limit", "1", "--kinds", "change-object", "--steps", "3", "--rows", "edit-friendly@4;h-edit:skip=0.4@2"],
        "| h-edit:skip=0.4@2 | ",
    ),
    "layout_layers.py": (["--edits", "1", "--steps", "2"], "| all others | 4 |"),
    "family_costs.py": (
        ["--families", "SD 1,SD 3", "--tiny", "--steps", "1", "--repeats", "1"],
        "| family | text, picture | kernel's share |",
    ),
    "region_steps.py": (["--tiny", "--size", "96", "--turns", "1", "--steps", "3"], "| fast | "),
    "compiled.py": (
        ["--size", "64", "--steps", "2", "--repeats", "1", "--backend", "eager"],
        "| compile(backend='eager') | ",
    ),
    "fast_edits.py": (["--limit", "1", "--kinds", "change-object", "--steps", "5"], "| fast (the negative prompt"),
    "guidance_interval.py": (["--pictures", "1", "--steps", "2", "--intervals", "0..1"], "| 0..1 | 1.00 |"),
    "map_truth.py": (["--scenes", "1", "--noise", "0.5"], "1 scenes, noise at 0.5 of the schedule"),
    "pairs_editor.py": (["--scenes", "1", "--steps", "2"], "| all | 4 |"),
    "pairs_memory.py": (["--rows", "2"], "2 pairs of 2 rows"),
    "pairs_rate.py": (
        ["--rows", "1", "--steps", "2", "--tries", "1", "--batches", "2", "--saves", "1"],
        "| 1000 | 360000 | 100.0 |",
    ),
    "own_word.py": (["--steps", "1", "--edits", "1"], "| into <sprite> |"),
    "outline_truth.py": (["--scenes", "1", "--steps", "3"], "| the last | outlined, above 0.15 and other things |"),
    "own_style.py": (["--steps", "1", "--edits", "1"], "| edited in |"),
    "picture_quality.py": (["--pictures", "1", "--steps", "2", "--eta", "1"], "| sharpness of objects |"),
    "pixel_outlines.py": (
        ["--limit", "1", "--kinds", "change-object", "--steps", "3", "--least", "0,0.25"],
        "| photograph | 0.25 | ",
    ),
    "processor.py": (["--sizes", "64", "--threads", "1", "--steps", "1", "--repeats", "1"], "| 64 px | 1 | passive |"),
    "recipe_windows.py": (
        ["--limit", "1", "--kinds", "change-object", "--steps", "3", "--rows", "recipe,0.4/0.1/0.1"],
        "| change-object | photograph | 0.4/0.1/0.1 | ",
    ),
    "resize.py": (["--cases", "1", "--steps", "3"], "| true ratio |"),
    "server_load.py": (["--clients", "2", "--seconds", "1", "--steps", "1"], "| jobs by how they ended | "),
    "startup.py": (["--repeats", "1", "--steps", "1"], "| all imports, times that | "),
    "strength.py": (
        ["--limit", "1", "--kinds", "change-object", "--pairs", "1", "--seeds", "4", "--steps", "3"],
        "rank correlation of score and truth over seeds",
    ),
    "word_weights.py": (["--cases", "1", "--steps", "3"], "| 8 |"),
}


def test_each_has_its_smallest_setting():
    assert {script.name for script in FOLDER.glob("*.py")} == set(SMALLEST)


@pytest.mark.parametrize("name", SMALLEST)
def test_its_first_words_say_how_it_is_run(name):
    """A script that needs `training` is found beside it only as a module: Python looks in a script's own folder."""
    source = (FOLDER / name).read_text()
    stem = name.removesuffix(".py")
    needs_training = any(line.startswith(("from training", "import training")) for line in source.splitlines())
    command = f"python -m benchmarks.{stem}" if needs_training else f"python benchmarks/{name}"
    assert command in ast.get_docstring(ast.parse(source))


def test_a_script_that_needs_training_runs_as_it_says():
    command = [sys.executable, "-m", "benchmarks.bundled_quality", "--help"]
    made = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert "--swaps" in made.stdout


@pytest.mark.parametrize("name", SMALLEST)
def test_a_script_runs_at_its_smallest_setting(name, monkeypatch, capsys, tmp_path):
    arguments, printed = SMALLEST[name]
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    monkeypatch.syspath_prepend(FOLDER)  # as Python does for a script
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(FOLDER / name), run_name="__main__")
    assert printed in capsys.readouterr().out
