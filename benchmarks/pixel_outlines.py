"""How much must a pixel of an edit's region change to be shown? The same finished edits, composed in several ways.

    python benchmarks/pixel_outlines.py [--limit N] [--skip N] [--kinds KIND,...] [--steps N] [--least L,...]
                                        [--model FOLDER]

The cases are those of `wordbrush bench scenes`, edited by the model's recipes; those without a region are left out.
`least` is `LocalBlend.least_pixel_difference`, 0 the whole region.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from wordbrush import Editor
from wordbrush.metrics.likeness import capped_psnr, mse, pixels
from wordbrush.pictures.changed import changed_pixels
from wordbrush.pictures.masks import composite_edit
from wordbrush.scenes.judge.judge import Judge
from wordbrush_bench.method import Outcome
from wordbrush_bench.scenes.cases import scene_cases
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
    found = defaultdict(list)
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
            verdicts = Verdicts.of(judge, material, Outcome(source.image, image, 0.0, 0.0))
            answer, edited = success(case, verdicts, image), pixels(image)
            background, perfect = np.nan, np.nan
            if material.photo is not None and material.mask is not None and not material.mask.all():
                background = capped_psnr(mse(pixels(material.photo), edited, ~material.mask))
            if material.perfect is not None:
                perfect = capped_psnr(mse(pixels(material.perfect), edited))
            found[case.origin, least].append(
                (float(answer) if isinstance(answer, bool) else np.nan, background, perfect)
            )
    print("| origin | least pixel difference | success | background, dB | perfect edit, dB |\n|---|---|---|---|---|")
    for (origin, least), rows in sorted(found.items()):
        shown, background, perfect = np.array(rows).T
        cells = [f"{np.nanmean(shown):.2f} of {np.isfinite(shown).sum()}", decibels(background), decibels(perfect)]
        print(f"| {origin} | {least} | {' | '.join(cells)} |")
    print(f"\nmodel {editor.model.name} {editor.model.fingerprint[:12]}")


def decibels(values: np.ndarray) -> str:
    """Their mean, or a dash where nothing could be measured."""
    return f"{np.nanmean(values):.1f}" if np.isfinite(values).any() else "-"


if __name__ == "__main__":
    main()
