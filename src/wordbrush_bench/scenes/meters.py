"""What the scenes benchmark measures of an edit, without weights other than the shipped judge's."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wordbrush.metrics.likeness import capped_psnr, check_same_size, mean_ssim, mse, pixels
from wordbrush.scenes.judge.judge import CELLS, Judge
from wordbrush_bench.case import Case, Material
from wordbrush_bench.layout_distance import layout_distance
from wordbrush_bench.meter import Column, Gap, Measured, Meter
from wordbrush_bench.method import Outcome
from wordbrush_bench.scenes.verdicts import Verdicts, judged_mask, success

SMALLEST_BACKGROUND = 0.02
"""Less of the picture than this outside of the mask is no background to measure."""


class JudgeMeter:
    """Asks the judge whether the edit is there, where it is, and whether what was not named stayed."""

    columns = (
        Column(
            "success",
            "share",
            "higher",
            "the judge finds the new thing, not the old one, the place, style, colour, size or arrangement asked for; "
            "a generated source that does not show its own prompt leaves a gap",
        ),
        Column("kept", "share", "higher", "of the things that should stay, the judge still finds so many"),
        Column(
            "in place",
            "IoU",
            "higher",
            "the judge's cells of the new thing against its pixels in the perfect edit; in a generated picture, where "
            "one thing is another, against the judge's cells of the old one in the source",
        ),
        Column(
            "source shown", "share", "higher", "the judge finds everything that the source prompt names in the source"
        ),
        Column("layout distance", "x 1000", "lower", "edge layout distance of source and edit (layout_distance.py)"),
    )

    def __init__(self, judge: Judge) -> None:
        """Ask this judge."""
        self._judge = judge

    def measure(self, case: Case, material: Material, outcome: Outcome) -> Mapping[str, Measured]:
        """Measure."""
        seen = Verdicts.of(self._judge, material, outcome)
        asked = case.expected
        missing = [noun for noun in asked.before if not seen.before.shows(noun)]
        verdict: bool | Gap = success(case, seen, outcome.edited)
        if missing and material.photo is None:
            verdict = Gap("the source does not show what its prompt says")
        stayed = [seen.after.shows(noun) for noun in asked.kept]
        return {
            "success": verdict if isinstance(verdict, Gap) else float(verdict),
            "kept": sum(stayed) / len(stayed) if stayed else Gap("nothing else is there"),
            "in place": _in_place(case, material, seen),
            "source shown": float(not missing),
            "layout distance": 1000 * layout_distance(material.photo or outcome.source, outcome.edited),
        }


class BackgroundMeter:
    """What changed where nothing should: outside of the mask, between the source and the edit.

    The source is the photo where there is one, else the generated picture; the mask is the case's true one, or what
    the judge says of a generated source (`judged_mask`).
    """

    columns = (
        Column("background PSNR", "dB", "higher", "over the pixels outside of the mask; equal pixels count as 60 dB"),
        Column("background SSIM", "", "higher", "the mean of its map over the pixels outside of the mask"),
        Column("background MSE", "x 10000", "lower", "over the pixels outside of the mask"),
        Column("zeroed PSNR", "dB", "higher", "as PIE-Bench has it: whole pictures, black inside of the mask"),
        Column("zeroed SSIM", "", "higher", "as PIE-Bench has it: whole pictures, black inside of the mask"),
        Column("zeroed MSE", "x 10000", "lower", "as PIE-Bench has it: whole pictures, black inside of the mask"),
    )

    def __init__(self, judge: Judge) -> None:
        """Ask this judge where a generated picture has no truth."""
        self._judge = judge

    def measure(self, case: Case, material: Material, outcome: Outcome) -> Mapping[str, Measured]:
        """Measure."""
        source = material.photo or outcome.source
        check_same_size(source, outcome.edited)
        mask = material.mask
        if mask is None:
            judged = judged_mask(case, self._judge(source), source.size)
            if isinstance(judged, Gap):
                return {column.name: judged for column in self.columns}
            mask = judged
        if (~mask).mean() < SMALLEST_BACKGROUND:
            return {column.name: Gap("the edit may change all of the picture") for column in self.columns}
        before, after, outside = pixels(source), pixels(outcome.edited), ~mask
        black_before, black_after = (picture * outside[..., None] for picture in (before, after))
        error, zeroed_error = mse(before, after, outside), mse(black_before, black_after)
        return {
            "background PSNR": capped_psnr(error),
            "background SSIM": mean_ssim(before, after, outside),
            "background MSE": 10_000 * error,
            "zeroed PSNR": capped_psnr(zeroed_error),
            "zeroed SSIM": mean_ssim(black_before, black_after),
            "zeroed MSE": 10_000 * zeroed_error,
        }


class PerfectMeter:
    """How far the edit is from the perfect one, where that is known."""

    columns = (
        Column("perfect PSNR", "dB", "higher", "between the edit and the perfect edit, over all pixels"),
        Column("perfect SSIM", "", "higher", "between the edit and the perfect edit, over all pixels"),
        Column("perfect PSNR inside", "dB", "higher", "between the edit and the perfect edit, inside of the mask"),
    )

    def measure(self, case: Case, material: Material, outcome: Outcome) -> Mapping[str, Measured]:
        """Measure."""
        if material.perfect is None or material.mask is None:
            return {column.name: Gap("a generated picture has no perfect edit") for column in self.columns}
        check_same_size(material.perfect, outcome.edited)
        right, made = pixels(material.perfect), pixels(outcome.edited)
        return {
            "perfect PSNR": capped_psnr(mse(right, made)),
            "perfect SSIM": mean_ssim(right, made),
            "perfect PSNR inside": capped_psnr(mse(right, made, material.mask)),
        }


COLUMNS = (*JudgeMeter.columns, *BackgroundMeter.columns, *PerfectMeter.columns)
"""The columns of all meters."""


def scene_meters(judge: Judge) -> tuple[Meter, ...]:
    """All meters of a scenes run."""
    return (JudgeMeter(judge), BackgroundMeter(judge), PerfectMeter())


def _in_place(case: Case, material: Material, seen: Verdicts) -> Measured:
    asked = case.expected
    if not asked.focus:
        return Gap("the edit makes no thing")
    if material.things:
        truth = np.logical_or.reduce([_cells(material.things[noun]) for noun in asked.focus])
    elif len(asked.absent) == len(asked.focus):
        truth = np.logical_or.reduce([seen.before.where(noun) for noun in asked.absent])
    else:
        return Gap("where the thing should be is not known in a generated picture")
    if not truth.any():
        return Gap("the source does not show the thing")
    found = np.logical_or.reduce([seen.after.where(noun) for noun in asked.focus])
    return float((truth & found).sum() / (truth | found).sum())


def _cells(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask of pixels (H, W) on the judge's cells: those that it covers half of."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.resize((CELLS, CELLS), Image.Resampling.BOX)) >= 128
