"""The published definitions against their words written out, and the corrected ones beside them."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from helpers.tiny_metrics import clip_folder, dino_folder
from wordbrush.errors import ModelError, SettingsError
from wordbrush.metrics.clip_score import ClipScore
from wordbrush.metrics.lpips import Lpips
from wordbrush.metrics.pictures import as_unit_tensor
from wordbrush.metrics.squeezenet import SqueezeNet
from wordbrush_bench.case import Case, Material
from wordbrush_bench.meter import Gap
from wordbrush_bench.method import Outcome
from wordbrush_bench.pie.meters import CLIP, DINO, SQUEEZENET, BackgroundMeter, pie_meters
from wordbrush_bench.pie.published import COLUMNS

CASE = Case("one", "mixed", "photograph", "a cat", "a dog", (), (), 0)
SIDE = 48


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    dino_folder(folder / DINO)
    clip_folder(folder / CLIP)
    torch.manual_seed(0)
    save_file(SqueezeNet().state_dict(), folder / SQUEEZENET)
    return folder


@pytest.fixture(scope="module")
def meters(weights):
    return pie_meters(weights)


def picture(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def half():
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[:, : SIDE // 2] = True
    return mask


def measured(meters, material, edited, source=None):
    outcome = Outcome(source or edited, edited, 0.0, 0.0)
    return {name: value for meter in meters for name, value in meter.measure(CASE, material, outcome).items()}


def test_every_published_column_is_measured(meters):
    names = [column.name for meter in meters for column in meter.columns]
    assert set(COLUMNS.values()) < set(names)
    found = measured(meters, Material(photo=picture(1), mask=half()), picture(2))
    assert list(found) == names
    assert not any(isinstance(value, Gap) for value in found.values())


def test_background_numbers_are_as_their_definitions_say():
    before, after, mask = picture(1), picture(2), half()
    found = measured([BackgroundMeter()], Material(photo=before, mask=mask), after)
    a, b = (np.asarray(p, np.float64) / 255 for p in (before, after))
    error = (a - b)[:, SIDE // 2 :]
    assert found["MSE, masked mean"] == pytest.approx(1e4 * np.mean(error**2))
    assert found["MSE"] == pytest.approx(1e4 * np.mean(error**2) / 2)  # half of the pixels are black in both
    assert found["PSNR"] == pytest.approx(-10 * np.log10(np.mean(error**2) / 2))
    assert found["PSNR, masked mean"] == pytest.approx(found["PSNR"] - 10 * np.log10(2))
    assert found["SSIM"] > found["SSIM, masked mean"]


def test_published_ssim_is_the_mean_over_whole_windows():
    """Every window of 11 x 11 that fits in the picture, one by one."""
    before, after, mask = picture(1), picture(2), half()
    black = [np.asarray(p, np.float64) / 255 * ~mask[..., None] for p in (before, after)]
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    values = []
    for top in range(SIDE - 10):
        for left in range(SIDE - 10):
            for channel in range(3):
                x, y = (p[top : top + 11, left : left + 11, channel] for p in black)
                mx, my = (window * x).sum(), (window * y).sum()
                vx, vy = (window * x * x).sum() - mx**2, (window * y * y).sum() - my**2
                xy = (window * x * y).sum() - mx * my
                c1, c2 = 0.01**2, 0.03**2
                values.append((2 * mx * my + c1) * (2 * xy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    found = measured([BackgroundMeter()], Material(photo=before, mask=mask), after)
    assert found["SSIM"] == pytest.approx(100 * np.mean(values), rel=1e-6)


def test_what_is_inside_of_the_mask_does_not_count(meters):
    before, mask = picture(1), half()
    pixels = np.asarray(before).copy()
    pixels[mask] = 255 - pixels[mask]
    found = measured(meters, Material(photo=before, mask=mask), Image.fromarray(pixels))
    assert (found["PSNR"], found["MSE"], found["LPIPS"]) == (60, 0, 0)
    assert (found["PSNR, masked mean"], found["LPIPS, masked mean"]) == (60, 0)
    assert found["SSIM"] == pytest.approx(100)
    assert found["structure distance"] > 0  # that of whole pictures


def test_lpips_and_clip_see_the_blacked_out_pictures(meters, weights):
    before, after, mask = picture(1), picture(2), half()
    found = measured(meters, Material(photo=before, mask=mask), after)
    lpips, clip = Lpips.load(weights / SQUEEZENET), ClipScore.load(weights / CLIP)
    outside = [as_unit_tensor(p) * torch.from_numpy(~mask) for p in (before, after)]
    inside = Image.fromarray(np.asarray(after) * mask[..., None])
    assert found["LPIPS"] == pytest.approx(1000 * lpips.distance(*outside), rel=1e-4)
    assert found["LPIPS, masked mean"] == pytest.approx(
        1000 * float(lpips.map(*outside)[0, :, SIDE // 2 :].mean()), rel=1e-4
    )
    assert found["CLIP whole"] == clip(after, "a dog")
    assert found["CLIP edited"] == clip(inside, "a dog")


def test_a_mask_of_everything_is_skipped_and_says_so(meters):
    full = np.ones((SIDE, SIDE), np.bool_)
    found = measured(meters, Material(photo=picture(1), mask=full), picture(2))
    gaps = {name for name, value in found.items() if isinstance(value, Gap)}
    assert gaps == {f"{name}{more}" for name in ("PSNR", "MSE", "SSIM", "LPIPS") for more in ("", ", masked mean")}
    assert found["PSNR"] == Gap("the mask covers the whole picture")
    assert found["CLIP edited"] == found["CLIP whole"]


def test_without_a_mask_or_with_an_empty_one(meters):
    found = measured(meters, Material(photo=picture(1)), picture(2))
    assert found["CLIP edited"] == found["LPIPS"] == found["PSNR"] == Gap("there is no mask")
    empty = measured(meters, Material(photo=picture(1), mask=np.zeros((SIDE, SIDE), np.bool_)), picture(2))
    assert empty["CLIP edited"] == Gap("the mask is empty")
    assert empty["PSNR"] == empty["PSNR, masked mean"]


def test_a_generated_source_stands_in_for_a_photo():
    generated = picture(3)
    found = measured([BackgroundMeter()], Material(mask=half()), generated, source=generated)
    assert found["MSE"] == 0


def test_missing_weights_are_gaps_that_say_what_is_missing(tmp_path):
    for folder, said in ((None, "no weights ("), (tmp_path, str(tmp_path))):
        found = measured(pie_meters(folder), Material(photo=picture(1), mask=half()), picture(2))
        for name in ("structure distance", "structure distance, 0..1", "LPIPS", "CLIP whole", "CLIP edited"):
            assert said in found[name].reason
        assert not isinstance(found["PSNR"], Gap)


def test_broken_weights_end_the_run_before_it_begins(tmp_path):
    (tmp_path / DINO).mkdir()
    with pytest.raises(ModelError, match="dino"):
        pie_meters(tmp_path)


def test_pictures_of_another_size_are_refused():
    with pytest.raises(SettingsError, match="cannot be compared"):
        measured([BackgroundMeter()], Material(photo=picture(1), mask=half()), picture(2).resize((24, 24)))
