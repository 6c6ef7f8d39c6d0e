import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wordbrush.errors import SettingsError
from wordbrush.pictures.limits import MAX_BYTES
from wordbrush.pictures.masks import composite_edit, mask_picture, read_mask


def half(mode: str = "L", size: tuple[int, int] = (32, 32)) -> Image.Image:
    """White on the right."""
    image = Image.new("L", size)
    image.paste(255, (size[0] // 2, 0, *size))
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("size", [(4, 4), (32, 32), (7, 7), (1000, 1000)])
def test_a_mask_of_any_size_and_usual_mode(mode, size, tmp_path):
    path = tmp_path / "mask.png"
    half(mode, size).save(path)
    if size != (7, 7):  # its middle column is all white, and lies in the second and in the third of four
        assert read_mask(path, (4, 4)).rows == ("..##",) * 4
    assert read_mask(half(mode, size), (4, 4)) == read_mask(str(path), (4, 4))


def test_a_cell_may_change_where_half_of_it_is_white():
    image = Image.new("L", (8, 4))
    image.paste(255, (0, 0, 2, 4))  # half of the first cell
    image.paste(255, (4, 0, 8, 1))  # a quarter of the second
    assert read_mask(image, (1, 2)).rows == ("#.",)


def test_a_mask_is_laid_out_as_the_picture_is():
    image = Image.new("L", (96, 64))
    image.paste(255, (64, 0, 96, 32))
    assert read_mask(image, (2, 3)).rows == ("..#", "...")


@pytest.mark.parametrize("size", [(16, 16), (16, 24), (9, 5)])
def test_a_shown_mask_is_read_back(size):
    mask = torch.rand(size, generator=torch.Generator().manual_seed(1)) > 0.5
    shown = mask_picture(mask, (size[1] * 8, size[0] * 8))
    assert torch.equal(read_mask(shown, size).to_tensor(), mask)


def _huge_png(path: Path) -> None:
    """A valid header of a picture of 60000 x 60000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read .*; give a PNG"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_text("mask"), "is not a PNG; save it as one"),
        (lambda path: half().save(path, format="JPEG"), "is not a PNG; save it as one"),
        (lambda path: path.write_bytes(b""), "is not a PNG"),
        (_huge_png, "is too large; scale it to the size of the picture"),
        (lambda path: Image.new("I;16", (32, 32)).save(path), "has the mode I;16; save it as 8-bit black and white"),
        (lambda path: Image.new("L", (32, 32)).save(path), "lets nothing change: no cell of the latents"),
        (lambda path: Image.new("RGBA", (32, 32)).save(path), "is transparent in places; fill it"),
        (lambda path: Image.new("RGB", (32, 32), (255, 0, 0)).save(path), "is in colour; paint it white"),
        (lambda path: half(size=(32, 48)).save(path), "another shape than the picture, which is"),
    ],
)
def test_what_is_no_mask_is_refused_with_a_remedy(make, message, tmp_path):
    path = tmp_path / "mask.png"
    make(path)
    with pytest.raises(SettingsError, match=message) as caught:
        read_mask(path, (4, 4))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_called_broken(tmp_path):
    with (tmp_path / "mask.png").open("wb") as file:
        half().save(file, format="PNG")
        file.truncate(MAX_BYTES + 1)  # sparse
    with pytest.raises(SettingsError, match=r"mask.png' is too large; scale it to the size of the picture"):
        read_mask(tmp_path / "mask.png", (4, 4))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "mask.png")
    with pytest.raises(SettingsError, match="not a regular file"):
        read_mask(tmp_path / "mask.png", (4, 4))


def test_a_broken_png_is_refused(tmp_path):
    path = tmp_path / "mask.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    for length in range(8, len(whole) - 64, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(SettingsError):
            read_mask(path, (4, 4))


def test_pixels_outside_of_a_users_mask_are_the_sources_and_those_deep_inside_the_edits():
    source, edited = Image.new("RGB", (64, 32), (10, 20, 30)), Image.new("RGB", (64, 32), (200, 100, 0))
    mask = torch.zeros(4, 8, dtype=torch.bool)
    mask[:, 4:] = True
    held = np.asarray(composite_edit(source, edited, mask, mask_hw=mask))
    assert (held[:, :32] == (10, 20, 30)).all()
    assert (held[:, 40:] == (200, 100, 0)).all()
    assert (np.diff(held[0, 32:40, 0].astype(int)) >= 0).all(), "and it fades in between"


def test_a_region_that_words_found_is_the_edits_whole_and_fades_out_around_it():
    source, edited = Image.new("RGB", (64, 32), (10, 20, 30)), Image.new("RGB", (64, 32), (200, 100, 0))
    region, mask = torch.zeros(4, 8, dtype=torch.bool), torch.zeros(4, 8, dtype=torch.bool)
    region[:, 4:] = True
    held = np.asarray(composite_edit(source, edited, region))
    assert (held[:, 32:] == (200, 100, 0)).all(), "or the old thing's edge would be left"
    assert (held[:, :28] == (10, 20, 30)).all()
    between = held[0, 27:33, 0].astype(int)
    assert (np.diff(between) >= 0).all()
    assert 10 < between[2] < 200
    mask[:2] = True
    both = np.asarray(composite_edit(source, edited, region, mask_hw=mask))
    assert (both[16:] == (10, 20, 30)).all(), "and a user's mask is a promise"
    assert (both[:8, 32:] == (200, 100, 0)).all()
