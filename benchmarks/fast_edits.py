"""What the shortcuts of fast edits cost and lose, alone and together, on scenes with truth.

    python benchmarks/fast_edits.py [--limit N] [--kinds KIND,...] [--steps N] [--skip N] [--rows ROW,...]
                                    [--pictures FOLDER] [--model MODEL] [--region SHARE]

A row is a name ("exact", "balanced", "fast") or GUIDED/NEGATIVE/LATE/CACHE/REGION, such as 0..0.6/2/0.2/2/1: guided in
that part of the schedule, there with the negative prompt's rows at one of so many steps, beginning with the source's
latents at that part of the steps, and deep features computed at one of so many steps once the windows have closed, or
where a region is known, all but one of so many steps in that region alone. Four more parts may follow,
/DEEP/EARLY/SOURCE/HALO: deep features of that region are computed at one of so many of these steps; before a blend
begins one of so many is whole where a mask is known; with 1 the source's first negative prediction is the edit's; and
by so many latent cells that region is grown.
With --region edits may only change a square of that share of the picture, whose middle is that of what the edit is to
change. Cost is the processor's time
of an edit, decoding included, as a share of that of the plain picture of its prompt from the same noise. Success and
background are those of `wordbrush bench scenes`; the last column compares edits with the exact ones, which are always
the first row. `--skip` leaves out the first cases of each kind.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wordbrush import Editor
from wordbrush.cli.values import window
from wordbrush.edits.shortcuts import FAST, FastName, Shortcuts
from wordbrush.edits.window import Window
from wordbrush.metrics.likeness import capped_psnr, mse, pixels
from wordbrush.scenes.judge.judge import Judge
from wordbrush_bench.bootstrap import mean_of
from wordbrush_bench.case import Case, Material
from wordbrush_bench.meter import Gap
from wordbrush_bench.method import Outcome
from wordbrush_bench.scenes.cases import scene_cases
from wordbrush_bench.scenes.meters import BackgroundMeter, JudgeMeter
from wordbrush_bench.scenes.verdicts import judged_mask
from wordbrush_bench.sources import Sources, SourceSettings
from wordbrush_bench.strips import save_strip

T = TypeVar("T")
ROWS = "0..0.6/1/0/1/1,0..1/2/0/1/1,0..1/1/0.2/1/1,0..1/1/0/3/1,balanced,fast"


@dataclass
class Tally:
    """What was found of one row."""

    cost: list[float] = field(default_factory=list)
    success: list[float] = field(default_factory=list)
    background: list[float] = field(default_factory=list)
    near: list[float] = field(default_factory=list)

    def line(self) -> str:
        """Its columns."""
        means = [mean_of(values) for values in (self.success, self.background, self.near)]
        success, background, near = ("-" if mean is None else f"{mean.value:.2f}" for mean in means)
        return f"{np.median(self.cost):.2f} | {success} of {len(self.success)} | {background} | {near}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=2, help="cases of a kind, on each origin")
    parser.add_argument("--skip", type=int, default=0, help="of them, how many to leave out")
    parser.add_argument("--kinds", help="only these kinds of edit")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    parser.add_argument("--rows", default=ROWS)
    parser.add_argument("--pictures", type=Path, help="where to write source, plain picture and all rows of each case")
    parser.add_argument("--model", default=None, help="a model's folder; the bundled one if not given")
    parser.add_argument("--region", type=float, help="edit only a square of this share of the picture")
    options = parser.parse_args()
    kinds = options.kinds.split(",") if options.kinds else None
    skipped = {case.id for case in scene_cases(options.skip, kinds)} if options.skip else set()
    cases = [case for case in scene_cases(options.limit, kinds) if case.id not in skipped]
    rows = {name: shortcuts(name) for name in ["exact", *options.rows.split(",")]}
    editor = Editor.from_pretrained() if options.model is None else Editor.from_pretrained(options.model)
    found = measured(editor, cases, rows, options.steps, options.pictures, options.region)
    print(f"{len(cases)} cases\n")
    print("| origin | row | cost / plain picture | success | background, dB | like the exact edit, dB |")
    print("|---|---|---|---|---|---|")
    for (origin, name), tally in found.items():
        said = f"{name} ({rows[name]})" if name in FAST else str(rows[name])
        print(f"| {origin} | {said} | {tally.line()} |")


def shortcuts(text: str) -> Shortcuts:
    """A row, by its name or its parts."""
    if text in FAST:
        return Shortcuts.parse(cast(FastName, text))
    given = text.split("/")
    guided, negative, late, cache, region, deep, early, source, halo = [
        *given,
        *("1", "1", "0", "1")[len(given) - 5 :],
    ]
    bounds = Window.parse(window("--rows", guided), "guidance_interval")
    return Shortcuts(
        (bounds.start, bounds.end),
        late_start=float(late),
        cache_interval=int(cache),
        region_interval=int(region),
        negative_interval=int(negative),
        region_cache_interval=int(deep),
        early_interval=int(early),
        source_negative=source == "1",
        region_halo=int(halo),
    )


def measured(
    editor: Editor,
    cases: Sequence[Case],
    rows: dict[str, Shortcuts],
    steps: int | None,
    pictures: Path | None,
    share: float | None = None,
) -> dict[tuple[str, str], Tally]:
    """Each row of each origin."""
    found: dict[tuple[str, str], Tally] = defaultdict(Tally)
    judge, sources = Judge.load(), Sources(editor)
    meters = JudgeMeter(judge), BackgroundMeter(judge)
    for case in cases:
        material = case.material()
        source = sources.of(case, material, SourceSettings(num_inference_steps=steps)).source
        plain, whole = timed(partial(editor.regenerate, source, case.target_prompt))
        exact, shown = None, [source.image, plain.image]
        mask = None if share is None else square(asked_place(judge, case, material, source.image), share)
        for name, fast in rows.items():
            edited, seconds = timed(partial(editor.edit, source, case.target_prompt, fast=fast, mask=mask))
            exact = exact or edited.image
            tally = found[case.origin, name]
            tally.cost.append(seconds / whole)
            if edited.image is not exact:
                tally.near.append(capped_psnr(mse(pixels(exact), pixels(edited.image))))
            take_in(tally, meters, case, material, Outcome(source.image, edited.image, 0.0, 0.0))
            shown.append(edited.image)
        if pictures is not None:
            save_strip(shown, pictures / f"{case.id}.png")
    return found


def asked_place(judge: Judge, case: Case, material: Material, source: Image.Image) -> NDArray[np.bool_]:
    """Where the edit is to change a picture (H, W); all of it, if nobody can tell."""
    found = judged_mask(case, judge(source), source.size) if material.mask is None else material.mask
    return np.ones(source.size[::-1], dtype=bool) if isinstance(found, Gap) or not found.any() else found


def square(place: NDArray[np.bool_], share: float) -> Image.Image:
    """A mask, white in a square around the middle of a place (H, W), as far as the picture goes."""
    mask = np.zeros(place.shape, dtype=np.uint8)
    at = []
    for middle, side in zip(np.argwhere(place).mean(axis=0), place.shape, strict=True):
        length = round(side * share**0.5)
        first = min(max(round(middle - length / 2), 0), side - length)
        at.append(slice(first, first + length))
    mask[at[0], at[1]] = 255
    return Image.fromarray(mask)


def take_in(
    tally: Tally, meters: tuple[JudgeMeter, BackgroundMeter], case: Case, material: Material, outcome: Outcome
) -> None:
    """Add what the meters say; a gap adds nothing."""
    measured = {name: v for meter in meters for name, v in meter.measure(case, material, outcome).items()}
    for name, values in (("success", tally.success), ("background PSNR", tally.background)):
        if isinstance(value := measured[name], float):
            values.append(value)


def timed(make: Callable[[], T]) -> tuple[T, float]:
    """What is made, and the processor's time that it took."""
    started = time.process_time()
    made = make()
    return made, time.process_time() - started


if __name__ == "__main__":
    main()
