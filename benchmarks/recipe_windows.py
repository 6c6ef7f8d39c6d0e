"""Which windows does a kind of change need? Edits of the scenes benchmark, by the recipes and by other windows.

    python benchmarks/recipe_windows.py [--kinds KIND,...] [--limit N] [--skip N] [--rows ROW,...] [--pictures FOLDER]
                                        [--steps N] [--model FOLDER]

A row is "recipe", "plain" (the target's prompt from the source's noise; generated sources alone), or
KEPT/CHANGED/LAYOUT, such as 0.4/0.1/0.1: the fractions of the steps in which the words of both prompts and those that
changed have the source's maps, and in which self-attention has. Regions are the recipes' own. Settings are to be found
on the first cases of a kind and measured on others (`--skip`). A changed recipe (`src/wordbrush/edits/recipes.py`) is
compared by running the script before and after. Means have their 95 % intervals and their cases.
"""

import argparse
from pathlib import Path

from wordbrush import Editor
from wordbrush.edits.recipes import changed_words
from wordbrush.edits.settings import EditOptions
from wordbrush.edits.window import DEFAULT
from wordbrush.models.load import load_pipeline
from wordbrush.scenes.judge.judge import Judge
from wordbrush.tokens.pair import PromptPair, Prompts
from wordbrush_bench.gathered import Gathered
from wordbrush_bench.meter import measure
from wordbrush_bench.method import Outcome
from wordbrush_bench.scenes.cases import scene_cases
from wordbrush_bench.scenes.meters import scene_meters
from wordbrush_bench.sources import Sources, SourceSettings
from wordbrush_bench.strips import save_strip

COLUMNS = ("success", "background PSNR", "perfect PSNR")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="the bundled model if not given")
    parser.add_argument("--kinds", help="only these kinds of edit")
    parser.add_argument("--limit", type=int, default=4, help="cases of a kind and origin")
    parser.add_argument("--skip", type=int, default=0, help="first cases of a kind to leave out")
    parser.add_argument("--rows", default="plain,recipe,0.4/0.1/0.1,0.8/0.4/0.25")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    parser.add_argument("--pictures", type=Path, help="where to write each case's source and edits")
    options = parser.parse_args()
    editor, meters = Editor.from_pretrained(options.model), scene_meters(Judge.load())
    tokenize = load_pipeline(options.model, "cpu", "float32")[0].adapter.tokenize
    sources, rows = Sources(editor), options.rows.split(",")
    kinds = options.kinds.split(",") if options.kinds else None
    found = Gathered(COLUMNS)
    for case in scene_cases(options.limit, kinds, options.skip):
        material = case.material()
        source = sources.of(case, material, SourceSettings(options.steps)).source
        shown = [source.image]
        for row in rows:
            if row == "plain" and material.photo is not None:
                continue
            if row == "plain":
                image = editor.regenerate(source, case.target_prompt).image
            else:
                asked = windows(row, Prompts.of(tokenize, case.source_prompt, (case.target_prompt,)).pairs[0])
                image = editor.edit(source, case.target_prompt, recipe="auto", **asked).image
            shown.append(image)
            outcome = Outcome(source.image, image, 0.0, 0.0)
            found.add((case.kind, case.origin, row), measure(meters, case, material, outcome))
        if options.pictures is not None:
            save_strip(shown, options.pictures / f"{case.id}.png")
    print(found.table("kind", "origin", "row"))
    print(f"\nmodel {editor.model.name} {editor.model.fingerprint[:12]}")


def windows(row: str, pair: PromptPair) -> EditOptions:
    """The windows of a row, for the words of two prompts; none for the recipe's own."""
    if row == "recipe":
        return {}
    kept, changed, layout = map(float, row.split("/"))
    words = dict.fromkeys(changed_words(pair), changed)
    return {"cross_replace_steps": {**words, DEFAULT: kept}, "self_replace_steps": layout}


if __name__ == "__main__":
    main()
