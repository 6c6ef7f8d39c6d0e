import numpy as np
import pytest
from PIL import Image

from wordbrush.metrics.psnr import psnr


def test_psnr():
    black = Image.new("RGB", (4, 4))
    grey = Image.new("RGB", (4, 4), (51, 51, 51))
    assert psnr(black, black) is None
    assert psnr(black, grey) == pytest.approx(-20 * np.log10(51 / 255), abs=0.01)
