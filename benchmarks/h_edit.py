"""Is a photograph's edit better as a difference beside the source's own step (h-Edit) than on edit-friendly inversion?

    python benchmarks/h_edit.py [--limit N] [--skip N] [--kinds KIND,...] [--steps N] [--rows ROW;...]
                                [--model FOLDER] [--out FOLDER]

A row is METHOD@GUIDANCE or METHOD:SETTING=VALUE,...@GUIDANCE: how the photograph is inverted, and how strongly its
edits are guided. All rows have the model's recipes. With --model, the inversions of another model are compared. The
cases are the photographs of `wordbrush bench scenes`; beside each mean is its difference from the first row, over the
cases that both have. A run that was stopped goes on.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from wordbrush import Editor
from wordbrush.inversion.settings import InversionSettings
from wordbrush_bench.edit_methods import EditMethod
from wordbrush_bench.method import Method
from wordbrush_bench.scenes.benchmark import run_scenes
from wordbrush_bench.scenes.cases import scene_cases
from wordbrush_bench.sources import Sources, SourceSettings

ROWS = ";".join(
    (
        "edit-friendly@4",
        "edit-friendly:source_guidance_scale=1@2",
        "h-edit:skip=0.12,source_guidance_part=0.75@2",
        "h-edit:skip=0.12@4",
    )
)
COLUMNS = ("success", "kept", "background PSNR", "perfect PSNR", "seconds", "source seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="the bundled model if not given")
    parser.add_argument("--limit", type=int, default=4, help="cases of a kind")
    parser.add_argument("--skip", type=int, default=0, help="first cases of a kind to leave out")
    parser.add_argument("--kinds", help="only these kinds of edit")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    parser.add_argument("--rows", default=ROWS, help="parted by ';'")
    parser.add_argument("--out", type=Path, default=Path("h-edit"))
    options = parser.parse_args()
    editor = Editor.from_pretrained(options.model)
    kinds = options.kinds.split(",") if options.kinds else None
    cases = [case for case in scene_cases(options.limit, kinds, options.skip) if case.origin == "photograph"]
    names, sources = options.rows.split(";"), Sources(editor)
    methods: list[Method] = [EditMethod(name, sources, editor, source_of(name, options.steps)) for name in names]
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in run_scenes(editor, cases, methods, options.out):
        for column in COLUMNS:
            if column in row.values:
                found[row.method][column][row.case] = row.values[column]
        if row.error is not None:
            print(f"{row.case}, {row.method}: {row.error}", flush=True)
    print(f"| row | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for name in names:
        cells = (shown(found[name][column], found[names[0]][column]) for column in COLUMNS)
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\n{len(cases)} photographs, model {editor.model.name} {editor.model.fingerprint[:12]}")


def source_of(row: str, steps: int | None) -> SourceSettings:
    """How a row makes its source."""
    method, guidance = row.rsplit("@", 1)
    name, _, given = method.partition(":")
    settings = {key: float(value) for key, value in (one.split("=") for one in given.split(",") if one)}
    return SourceSettings(steps, float(guidance), InversionSettings.parse(name, settings))


def shown(values: dict[str, float], first: dict[str, float]) -> str:
    """A mean, its cases, and the mean difference from the first row with its standard error."""
    if not values:
        return "-"
    mean = f"{np.mean(list(values.values())):.2f} of {len(values)}"
    differences = [values[case] - first[case] for case in values if case in first]
    if values is first or not differences:
        return mean
    return f"{mean} ({np.mean(differences):+.2f} ± {np.std(differences) / len(differences) ** 0.5:.2f})"


if __name__ == "__main__":
    main()
