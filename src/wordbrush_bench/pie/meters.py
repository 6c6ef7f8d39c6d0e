"""PIE-Bench's metrics as its evaluator defines them (Ju et al. 2024, arXiv 2310.01506), and corrected ones.

Published definitions black out what does not count and then measure whole pictures, so that a large mask alone makes a
good score. The columns called "masked mean" average over the pixels that count, and no others.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordbrush.metrics.clip_score import ClipScore
from wordbrush.metrics.likeness import capped_psnr, check_same_size, mean_ssim, mse, pixels
from wordbrush.metrics.lpips import Lpips
from wordbrush.metrics.pictures import as_unit_tensor, blacked_out
from wordbrush.metrics.structure import Structure
from wordbrush_bench.case import Case, Material
from wordbrush_bench.meter import Column, Gap, Measured, Meter
from wordbrush_bench.method import Outcome

DINO, CLIP, SQUEEZENET = "dino-vitb8", "clip-vit-large-patch14", "squeezenet1_1.safetensors"
"""What the weights are called in the folder that is given for them."""

_BORDER = 5
"""Half of SSIM's window: pixels nearer to the picture's edge than this do not count, as published."""

_ZEROED = "of whole pictures that are black inside of the mask, as published"
_MASKED = "over the pixels outside of the mask alone"


def pie_meters(weights: Path | None) -> list[Meter]:
    """All meters; those whose weights are not in the folder `weights` give gaps that say so.

    Raises `ModelError` for weights that are there and cannot be loaded.
    """
    dino, clip, squeezenet = (_place(weights, name) for name in (DINO, CLIP, SQUEEZENET))
    return [
        StructureMeter(dino if isinstance(dino, Gap) else Structure.load(dino)),
        BackgroundMeter(),
        LpipsMeter(squeezenet if isinstance(squeezenet, Gap) else Lpips.load(squeezenet)),
        ClipMeter(clip if isinstance(clip, Gap) else ClipScore.load(clip)),
    ]


class StructureMeter:
    """Structure distance of the source and the edit, by DINO ViT-B/8."""

    columns = (
        Column(
            "structure distance",
            "x 1000",
            "lower",
            "mean squared difference of the self-similarities of DINO ViT-B/8's last keys, of pictures whose shorter "
            "side is 224, with pixels in 0..255, as published",
        ),
        Column("structure distance, 0..1", "x 1000", "lower", "the same with pixels in 0..1, as DINO was trained"),
    )

    def __init__(self, structure: Structure | Gap) -> None:
        """Use a network, or say why there is none."""
        self._structure = structure

    def measure(self, case: Case, material: Material, outcome: Outcome) -> Mapping[str, Measured]:
        """Measure."""
        if isinstance(self._structure, Gap):
            return _all(self.columns, self._structure)
        source = material.photo or outcome.source
        check_same_size(source, outcome.edited)
        published = self._structure.published_distance(source, outcome.edited)
        corrected = self._structure.distance(source, outcome.edited)
        return dict(zip((c.name for c in self.columns), (1000 * published, 1000 * corrected), strict=True))


class BackgroundMeter:
    """PSNR, MSE and SSIM of the source and the edit outside of the mask."""

    columns = (
        Column("PSNR", "dB", "higher", f"{_ZEROED}; equal pictures count as 60 dB"),
        Column("MSE", "x 10000", "lower", f"mean squared error {_ZEROED}"),
        Column("SSIM", "x 100", "higher", f"{_ZEROED}; 5 pixels at the border do not count"),
        Column("PSNR, masked mean", "dB", "higher", f"{_MASKED}; equal pixels count as 60 dB"),
        Column("MSE, masked mean", "x 10000", "lower", f"mean squared error {_MASKED}"),
        Column("SSIM, masked mean", "x 100", "higher", f"the mean of its map {_MASKED}"),
    )

    def measure(self, case: Case, material: Material, outcome: Outcome) -> Mapping[str, Measured]:
        """Measure."""
        background = _background(material)
        if isinstance(background, Gap):
            return _all(self.columns, background)
        source = material.photo or outcome.source
        check_same_size(source, outcome.edited)
        before, after = pixels(source), pixels(outcome.edited)
        black, black_after = before * background[..., None], after * background[..., None]
        inner = np.zeros_like(background)
        inner[_BORDER:-_BORDER, _BORDER:-_BORDER] = True
        zeroed, masked = mse(black, black_after), mse(before, after, background)
        return {
            "PSNR": capped_psnr(zeroed),
            "MSE": 10_000 * zeroed,
            "SSIM": 100 * mean_ssim(black, black_after, inner),
            "PSNR, masked mean": capped_psnr(masked),
            "MSE, masked mean": 10_000 * masked,
            "SSIM, masked mean": 100 * mean_ssim(before, after, background),
        }


class LpipsMeter:
    """LPIPS (SqueezeNet) of the source and the edit outside of the mask."""

    columns = (
        Column("LPIPS", "x 1000", "lower", f"SqueezeNet's, {_ZEROED}"),
        Column(
            "LPIPS, masked mean",
            "x 1000",
            "lower",
            "the same pictures, but the mean of its map over the pixels outside of the mask alone",
        ),
    )

    def __init__(self, lpips: Lpips | Gap) -> None:
        """Use a network, or say why there is none."""
        self._lpips = lpips

    def measure(self, case: Case, material: Material, outcome: Outcome) -> Mapping[str, Measured]:
        """Measure."""
        if isinstance(self._lpips, Gap):
            return _all(self.columns, self._lpips)
        background = _background(material)
        if isinstance(background, Gap):
            return _all(self.columns, background)
        source = material.photo or outcome.source
        check_same_size(source, outcome.edited)
        before, after = (as_unit_tensor(blacked_out(picture, background)) for picture in (source, outcome.edited))
        map_HW = self._lpips.map(before, after)[0].numpy()
        return {
            "LPIPS": 1000 * self._lpips.distance(before, after),
            "LPIPS, masked mean": 1000 * float(map_HW[background].mean()),
        }


class ClipMeter:
    """How well the edit fits the target prompt, by CLIP ViT-L/14."""

    columns = (
        Column("CLIP whole", "x 100", "higher", "CLIP score of the edit and the target prompt"),
        Column("CLIP edited", "x 100", "higher", "the same of the edit made black outside of the mask, as published"),
    )

    def __init__(self, clip: ClipScore | Gap) -> None:
        """Use a network, or say why there is none."""
        self._clip = clip

    def measure(self, case: Case, material: Material, outcome: Outcome) -> Mapping[str, Measured]:
        """Measure."""
        if isinstance(self._clip, Gap):
            return _all(self.columns, self._clip)
        whole = self._clip(outcome.edited, case.target_prompt)
        if material.mask is None:
            return {"CLIP whole": whole, "CLIP edited": Gap("there is no mask")}
        if not material.mask.any():
            return {"CLIP whole": whole, "CLIP edited": Gap("the mask is empty")}
        part = blacked_out(outcome.edited, material.mask)
        return {"CLIP whole": whole, "CLIP edited": self._clip(part, case.target_prompt)}


def _place(weights: Path | None, name: str) -> Path | Gap:
    if weights is None:
        return Gap(f"no weights ({name})")
    return weights / name if (weights / name).exists() else Gap(f"no weights ('{weights / name}')")


def _background(material: Material) -> NDArray[np.bool_] | Gap:
    """Where nothing should change. A mask of everything has none: such a case is skipped and counted, as published."""
    if material.mask is None:
        return Gap("there is no mask")
    return ~material.mask if not material.mask.all() else Gap("the mask covers the whole picture")


def _all(columns: tuple[Column, ...], gap: Gap) -> dict[str, Measured]:
    return {column.name: gap for column in columns}
