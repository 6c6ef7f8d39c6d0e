"""Ways to edit by joint attention, on the trained joint model and scenes with truth.

    python benchmarks/joint_edits.py [--model FOLDER] [--limit N] [--skip N] [--kinds KIND,...] [--steps N]
                                     [--rows ROW,...] [--out FOLDER]

The candidates of decision 0033, behind the same token map: the source's image queries and keys for a part of the steps
with the text untouched ("own", Shin et al. 2025), with new words looked at more (SimEdit), with a region; and folded
text as in cross-attention, where all words together are looked at as in the source or as in the target. Success and
background are those of `wordbrush bench scenes`. A run that was stopped goes on.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from wordbrush import Editor
from wordbrush.edits.recipes import IN_REGION
from wordbrush.edits.settings import EditOptions
from wordbrush.models.folder import joint_folder
from wordbrush_bench.edit_methods import EditMethod, PlainMethod
from wordbrush_bench.gathered import Gathered
from wordbrush_bench.method import Method
from wordbrush_bench.scenes.benchmark import run_scenes
from wordbrush_bench.scenes.cases import scene_cases
from wordbrush_bench.sources import Sources, SourceSettings

ROWS: dict[str, EditOptions] = {
    "own 0.2, new words x 2": {},
    "own 0.1": {"self_replace_steps": 0.1},
    "own 0.4": {"self_replace_steps": 0.4},
    "own 0.2, new words x 1": {"new_word_factor": 1.0},
    "own 0.2, new words x 5": {"new_word_factor": 5.0},
    "own 0.2, region": {"local_blend": "auto"},
    "words 0.4, target's text mass": {"edit": "auto", "cross_replace_steps": 0.4, "text_mass": "target"},
    "words 0.4, source's text mass": {"edit": "auto", "cross_replace_steps": 0.4, "text_mass": "source"},
    "own 0.2, wide region": {"local_blend": IN_REGION},
    "own 0.1, wide region": {"local_blend": IN_REGION, "self_replace_steps": 0.1},
    "own 0.2, all of a wide region": {"local_blend": replace(IN_REGION, least_difference=0.0)},
    "own 0.2, wider region": {"local_blend": replace(IN_REGION, threshold=0.08)},
    "own 0.2, most of a wider region": {"local_blend": replace(IN_REGION, threshold=0.08, least_difference=0.4)},
    "own 0.1, most of a wider region": {
        "local_blend": replace(IN_REGION, threshold=0.08, least_difference=0.4),
        "self_replace_steps": 0.1,
    },
    "recipe": {"recipe": "auto"},
    "recipe, own 0.1": {"recipe": "auto", "self_replace_steps": 0.1},
}
COLUMNS = ("success", "kept", "background PSNR", "perfect PSNR", "seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=joint_folder())
    parser.add_argument("--limit", type=int, default=4, help="cases of a kind, on each origin")
    parser.add_argument("--skip", type=int, default=0, help="first cases of a kind to leave out")
    parser.add_argument("--kinds", help="only these kinds of edit")
    parser.add_argument("--origins", default="generated")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    parser.add_argument("--rows", default=";".join(ROWS), help=f"some of {'; '.join(ROWS)}, parted by ';'")
    parser.add_argument("--out", type=Path, default=Path("joint-edits"))
    options = parser.parse_args()
    editor = Editor.from_pretrained(options.model)
    kinds = options.kinds.split(",") if options.kinds else None
    cases = [c for c in scene_cases(options.limit, kinds, options.skip) if c.origin in options.origins.split(",")]
    sources, own = Sources(editor), SourceSettings(num_inference_steps=options.steps)
    chosen = [name for name in ROWS if name in options.rows.split(";")]
    methods: list[Method] = [PlainMethod("plain", sources, editor, own)]
    methods += [EditMethod(name, sources, editor, own, ROWS[name]) for name in chosen]
    found = Gathered(COLUMNS)
    for row in run_scenes(editor, cases, methods, options.out):
        found.add((row.origin, row.method), row.values)
        if row.error is not None:
            print(f"{row.case}, {row.method}: {row.error}", flush=True)
    print(found.table("origin", "row"))
    print(f"\nmodel {editor.model.name} {editor.model.fingerprint[:12]}")


if __name__ == "__main__":
    main()
