"""How much must a pixel of an edit's region change to be shown? The same finished edits, composed in several ways.

    python benchmarks/pixel_outlines.py [--limit N] [--skip N] [--kinds KIND,...] [--steps N] [--least L,...]
                                        [--model FOLDER]

The cases are those of `wordbrush bench scenes`, edited by the model's recipes; those without a region are left out.
`least` is `LocalBlend.least_pixel_difference`, 0 the whole region. Means have their 95 % intervals and their cases.
"""

import argparse
from pathlib import Path

from wordbrush import Editor
from wordbrush.pictures.changed import changed_pixels
from wordbrush.pictures.masks import composite_edit
from wordbrush.scenes.judge.judge import Judge
from wordbrush_bench.gathered import Gathered
from wordbrush_bench.meter import measure
from wordbrush_bench.method import Outcome
from wordbrush_bench.scenes.cases import scene_cases
from wordbrush_bench.scenes.meters import BackgroundMeter, PerfectMeter
from wordbrush_bench.scenes.verdicts import Verdicts, success
from wordbrush_bench.sources import Sources, SourceSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="the bundled model if not given")
    parser.add_argument("--limit", type=int, default=6, help="cases of a kind and origin")
    parser.add_argument("--skip", type=int, default=2, help="first cases of a kind to leave out")
    parser.add_argument("--kinds", help="only these kinds of edit")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    parser.add_argument("--least", default="0,0.15,0.25,0.3,0.4", help="parted by ','")
    options = parser.parse_args()
    editor, judge = Editor.from_pretrained(options.model), Judge.load()
    sources, settings = Sources(editor), SourceSettings(options.steps)
    values = [float(value) for value in options.least.split(",")]
    kinds = options.kinds.split(",") if options.kinds else None
    found = Gathered(("success", "background PSNR", "perfect PSNR"))
    meters = BackgroundMeter(judge), PerfectMeter()
    for case in scene_cases(options.limit, kinds, options.skip):
        material = case.material()
        source = sources.of(case, material, settings).source
        result = editor.edit(source, case.target_prompt)
        if result.blend_masks is None:
            continue
        region = result.blend_masks[-1]
        for least in values:
            changed = changed_pixels(source.canvas, result.canvas, region, least) if least else None
            image = composite_edit(source.original, result.canvas, region, source.fit, changed=changed)
            outcome = Outcome(source.image, image, 0.0, 0.0)
            # Of all sources, where the judge's meter leaves out those that do not show their prompt: each edit is only
            # compared with itself.
            shown = success(case, Verdicts.of(judge, material, outcome), image)
            measured = {"success": shown, **measure(meters, case, material, outcome)}
            found.add((case.origin, f"{least:g}"), measured)
    print(found.table("origin", "least pixel difference"))
    print(f"\nmodel {editor.model.name} {editor.model.fingerprint[:12]}")


if __name__ == "__main__":
    main()
