"""Does the region of a local blend hold the thing that an edit changes? Measured on rendered scenes.

    python benchmarks/blend_truth.py [--cases N] [--steps N] [--pictures FOLDER]

A rendered scene is inverted and edited with the windows of the recipes, once with each region. The truth is the
pixels of the things that the edit touches, in the source and in the perfect edit. "old covered": the share of the old
thing's pixels that may change; the rest is left at its edge. IoU: of the last mask, in pixels, with the truth.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wordbrush import Editor, LocalBlend
from wordbrush.edits.recipes import IN_REGION
from wordbrush.metrics.likeness import capped_psnr, mse, pixels
from wordbrush.runs.results import EditResult
from wordbrush.scenes.render import render
from wordbrush_bench.gathered import Gathered
from wordbrush_bench.meter import Gap
from wordbrush_bench.scenes.cases import drawn
from wordbrush_bench.scenes.changes import Change, changes
from wordbrush_bench.strips import save_strip

SEED = 2029
KINDS = ("change-object", "add-object", "delete-object", "change-colour")
LEAST_SHARE = 0.02
COLUMNS = ("old covered", "IoU", "share", "background, dB", "perfect edit, dB")
REGIONS = {
    "words' maps": LocalBlend(maps="own"),
    "spread": LocalBlend(maps="own", spread=True),
    "spread, threshold 0.15": replace(IN_REGION, least_difference=0.0),
    "spread, threshold 0.15, what differs: the recipes' region": IN_REGION,
}
Mask = NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=40, help="in all; the kinds of change take turns")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    parser.add_argument(
        "--pictures", type=Path, help="a folder for sheets: source, perfect edit, and each region's edit"
    )
    options = parser.parse_args()
    editor, found = Editor.from_pretrained(), Gathered(COLUMNS)
    for number, (change, old, touched) in enumerate(islice(cases(), options.cases)):
        material = drawn(change)
        assert material.photo is not None
        assert material.perfect is not None
        assert material.mask is not None
        source = editor.invert(material.photo, change.source.caption, num_inference_steps=options.steps)
        sheet = [material.photo, material.perfect]
        for name, region in REGIONS.items():
            result = editor.edit(source, change.target.caption, recipe="auto", local_blend=region)
            mask = allowed(result, material.mask.shape)
            edited, outside = pixels(result.image), ~material.mask
            measured = (
                (mask & old).sum() / old.sum() if old.any() else Gap("nothing was there"),
                (mask & touched).sum() / (mask | touched).sum(),
                mask.mean(),
                capped_psnr(mse(pixels(material.photo), edited, outside)),
                capped_psnr(mse(pixels(material.perfect), edited)),
            )
            found.add((name,), dict(zip(COLUMNS, measured, strict=True)))
            sheet.append(result.image)
        if options.pictures is not None:
            save_strip(sheet, options.pictures / f"{number:03d}.png")
    print(found.table(f"{options.cases} rendered scenes"))


def cases() -> Iterator[tuple[Change, Mask, Mask]]:
    """Changes of each kind in turn, of things that can be seen, each with its `things`."""
    streams = [visible(kind) for kind in KINDS]
    while True:
        yield from map(next, streams)


def visible(kind: str) -> Iterator[tuple[Change, Mask, Mask]]:
    for change in changes(kind, SEED):
        old, touched = things(change)
        if touched.mean() >= LEAST_SHARE:
            yield change, old, touched


def things(change: Change) -> tuple[Mask, Mask]:
    """The pixels (H, W) of what the edit touches: in the source, and in the source or the perfect edit."""
    shown = [render(scene)[1] for scene in (change.source, change.target)]
    empty = np.zeros_like(next(iter(shown[0].values())))
    before, after = (
        np.logical_or.reduce([empty, *(masks[noun] for noun in change.touched if noun in masks)]) for masks in shown
    )
    return before, before | after


def allowed(result: EditResult, size: tuple[int, int]) -> Mask:
    """Where the finished picture may differ from the source (H, W)."""
    assert result.blend_masks is not None
    cells = Image.fromarray(result.blend_masks[-1].cpu().numpy())
    return np.asarray(cells.resize(size[::-1], Image.Resampling.NEAREST))


if __name__ == "__main__":
    main()
