"""Does the search find better edits than fixed settings, and does its score know the truth?

    python benchmarks/strength.py [--limit N] [--kinds KIND,...] [--origins generated,photograph] [--steps N]
                                  [--pairs N] [--seeds N] [--pictures FOLDER]

On scenes with truth: success and background of fixed strengths and of the recipe against `strength="auto"`, and what
that costs in plain pictures, the final run included. Then one-word swaps from several seeds: the rank correlation
(Spearman) of the score with the truth, which is success (0 or 1) and the background's PSNR in parts of 60 dB. A seed
whose source does not show its prompt has no success; one whose background is not known is left out. The judge and the
truth take no part in the search.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from wordbrush import Editor
from wordbrush.edits.settings import EditOptions
from wordbrush.runs.results import EditResult, Source
from wordbrush.scenes.judge.judge import Judge
from wordbrush_bench.bootstrap import mean_of
from wordbrush_bench.case import Case, Material
from wordbrush_bench.method import Outcome
from wordbrush_bench.scenes.cases import scene_cases
from wordbrush_bench.scenes.meters import BackgroundMeter, JudgeMeter
from wordbrush_bench.sources import Sources, SourceSettings

FIXED: dict[str, EditOptions] = {
    "default": {},
    "strength 0.25": {"strength": 0.25},
    "strength 0.75": {"strength": 0.75},
    "recipe": {"recipe": "auto"},
}
AUTO = "auto"


class Truth:
    """What the judge and the masks say of an edit."""

    def __init__(self) -> None:
        judge = Judge.load()
        self._meters = JudgeMeter(judge), BackgroundMeter(judge)

    def of(self, case: Case, material: Material, source: Source, edited: Image.Image) -> tuple[float | None, ...]:
        """Success and background PSNR; None where there is none."""
        outcome = Outcome(source.image, edited, 0.0, 0.0)
        found = {k: v for meter in self._meters for k, v in meter.measure(case, material, outcome).items()}
        return tuple(v if isinstance(v := found[k], float) else None for k in ("success", "background PSNR"))


def compare(editor: Editor, truth: Truth, cases: Sequence[Case], steps: int | None, pictures: Path | None) -> None:
    found: dict[tuple[str, str], list[tuple[float | None, ...]]] = defaultdict(list)
    costs, chosen = [], []
    sources = Sources(editor)
    for case in cases:
        material = case.material()
        source = sources.of(case, material, SourceSettings(num_inference_steps=steps)).source
        plain = editor.regenerate(source, case.target_prompt)
        found[case.origin, "plain"].append(truth.of(case, material, source, plain.image))
        sheet = [source.image, plain.image]
        for row, options in FIXED.items():
            edited = editor.edit(source, case.target_prompt, **options)
            found[case.origin, row].append(truth.of(case, material, source, edited.image))
            sheet.append(edited.image)
        search = editor.find_strength(source, case.target_prompt)
        best = editor.apply(source, search.best.edit)[0]
        found[case.origin, AUTO].append(truth.of(case, material, source, best.image))
        costs.append(search.cost + 1)
        chosen.append(search.best.edit)
        sheet.append(best.image)
        print(f"{case.id}: {case.source_prompt} -> {case.target_prompt}: {search}", flush=True)
        if pictures is not None:
            save(sheet, pictures / f"{case.id}.png")
    print("| origin | row | success | background PSNR |\n|---|---|---|---|")
    for (origin, row), values in found.items():
        success, background = (shown([v[i] for v in values]) for i in (0, 1))
        print(f"| {origin} | {row} | {success} | {background} |")
    strengths = [edit.strength for edit in chosen if edit.strength is not None]
    by_recipe = sum(edit.recipe == "auto" for edit in chosen)
    print(
        f"auto costs {np.mean(costs):.1f} plain pictures, {max(costs):.1f} at most; it chose strengths of "
        f"{min(strengths):g} to {max(strengths):g}, and the recipe in {by_recipe} of {len(chosen)}"
    )


def correlate(editor: Editor, truth: Truth, pairs: int, seeds: int, steps: int | None, pictures: Path | None) -> None:
    correlations, both = [], []
    for case in [c for c in scene_cases(limit=pairs, kinds=["change-object"]) if c.origin == "generated"]:
        ranked = editor.explore(case.source_prompt, case.target_prompt, seeds, num_inference_steps=steps)
        scores, truths = [], []
        for one in ranked:
            result: EditResult = one.result
            own = replace(case, seed=result.source.settings.seed)
            success, background = truth.of(own, Material(), result.source, result.image)
            if background is not None:
                scores.append(one.score.total)
                truths.append((success or 0.0) + background / 60)
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            ranked.sheet().save(pictures / f"seeds-{case.id}.png")
        said = "too few with truth"
        if len(scores) > 2:
            correlations.append(spearman(scores, truths))
            said = f"{correlations[-1]:.2f} over {len(scores)}"
        both += list(zip(scores, truths, strict=True))
        print(f"{case.source_prompt} -> {case.target_prompt}: {said}", flush=True)
    print(f"rank correlation of score and truth over seeds: {shown([*correlations])}")
    if len(both) > 2:
        print(f"over all seeds of all pairs: {spearman(*zip(*both, strict=True)):.2f} of {len(both)}")


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """The correlation of ranks; equal values have their mean rank, and no spread gives 0."""
    ranks = [mean_ranks(np.asarray(values)) for values in (one, other)]
    if min(np.std(rank) for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def mean_ranks(values: np.ndarray) -> np.ndarray:
    return np.array([(np.sum(values < value) + np.sum(values <= value) - 1) / 2 for value in values])


def shown(values: Sequence[float | None]) -> str:
    mean = mean_of([value for value in values if value is not None])
    return "-" if mean is None else f"{mean.value:.2f} ({mean.low:.2f} to {mean.high:.2f}) of {mean.count}"


def save(pictures: Sequence[Image.Image], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.hstack([np.asarray(picture.convert("RGB")) for picture in pictures])).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=4, help="cases of each kind and origin; 0 for none")
    parser.add_argument("--kinds")
    parser.add_argument("--origins", default="generated")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--pairs", type=int, default=6, help="swaps that are explored; 0 for none")
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--pictures", type=Path, help="a folder: source, plain, each fixed row, auto; ranked sheets")
    options = parser.parse_args()
    editor, truth = Editor.from_pretrained(), Truth()
    kinds = None if options.kinds is None else options.kinds.split(",")
    if options.limit:
        cases = [c for c in scene_cases(options.limit, kinds) if c.origin in options.origins.split(",")]
        compare(editor, truth, cases, options.steps, options.pictures)
    if options.pairs:
        correlate(editor, truth, options.pairs, options.seeds, options.steps, options.pictures)
    print(f"model {editor.model.name} {editor.model.fingerprint[:12]}")


if __name__ == "__main__":
    main()
