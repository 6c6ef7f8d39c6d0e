"""Honest files of every kind come back as upright 8-bit RGB, with what was changed said."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from helpers.picture_files import picture, png_of_16_bits, saved, seed_files, srgb_profile, with_orientation
from wordbrush.errors import PhotoError
from wordbrush.pictures.formats import photo_format
from wordbrush.pictures.read import read_photo
from wordbrush.pictures.worker import decode


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).mean())


@pytest.mark.parametrize(("format_", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_the_pixels_are_those_of_the_file(tmp_path: Path, format_, options):
    path = tmp_path / "photo.with-a-wrong-name.txt"
    path.write_bytes(saved(picture(), format_, **options))
    photo = read_photo(path)
    assert photo.named == f"'{path}'"
    assert photo.notes == ()
    assert photo.image.tobytes() == picture().tobytes()


def test_every_seed_file_is_read_as_pillow_reads_it():
    for name, data in seed_files().items():
        if any(part in name for part in ("alpha", "16", "cmyk", "through", "LA")):
            continue
        with Image.open(io.BytesIO(data)) as image:
            expected = ImageOps.exif_transpose(image).convert("RGB")
        read, _ = decode(data, photo_format(data, name), name, lambda pixels: None)
        assert read.mode == "RGB", name
        assert read.size == expected.size, name
        assert difference(read, expected) < 1, name


def turned_files(tag: int) -> dict[str, bytes]:
    """Files on their side that say so in each way that there is: as a SHORT, as a LONG, in XMP only, in PNG text."""
    stored = picture(24, 16)
    short = with_orientation(tag)
    long = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0" + bytes([tag, 0, 0, 0]) + bytes(4)
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="{tag}"/></x:xmpmeta>'.encode()
    text, old = PngInfo(), PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    old.add_text("Raw profile type exif", f"\nexif\n{len(short):8}\n{short.hex()}\n", zip=True)
    return {
        **{f"{kind} short": saved(stored, kind, exif=short) for kind in ("PNG", "JPEG", "WEBP")},
        **{f"{kind} long": saved(stored, kind, exif=long) for kind in ("PNG", "JPEG", "WEBP")},
        **{f"{kind} XMP": saved(stored, kind, xmp=xmp) for kind in ("JPEG", "WEBP")},
        "PNG XMP": saved(stored, "PNG", pnginfo=text),
        "PNG of old": saved(stored, "PNG", pnginfo=old),
    }


@pytest.mark.parametrize("tag", range(1, 9))
def test_what_pillow_turns_is_turned_by_any_way_in(tag, tmp_path):
    for name, data in turned_files(tag).items():
        expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        assert (expected.size == (16, 24)) == (tag > 4), name
        path = tmp_path / "photo"
        path.write_bytes(data)
        for way in (path, str(path), data, Image.open(io.BytesIO(data))):
            photo = read_photo(way)
            assert photo.image.tobytes() == expected.tobytes(), name
            assert photo.notes == (() if tag == 1 else ("turned upright, as its metadata says",)), name


def test_an_orientation_that_is_none_turns_nothing():
    for tag in (0, 9, 65535):
        assert read_photo(saved(picture(), "PNG", exif=with_orientation(tag))).notes == ()


def test_a_photo_is_read_once():
    photo = read_photo(picture(mode="L"))
    assert read_photo(photo) is photo


def test_a_web_address_is_refused_with_the_remedy():
    for address in ("https://example.org/cat.png", "HTTP://example.org/cat.png", Path("https://example.org/cat.png")):
        with pytest.raises(PhotoError, match="is a web address, and only files are read; download the picture"):
            read_photo(address)
    with pytest.raises(PhotoError, match="No such file"):
        read_photo("file:///etc/passwd")


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "cat.png").write_bytes(saved(picture(), "PNG"))
    assert read_photo("~/cat.png").image.tobytes() == picture().tobytes()
    with pytest.raises(PhotoError, match="No such file"):
        read_photo("~nobody-of-that-name/cat.png")


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("png-L", "grey: converted to RGB"),
        ("png-P", "a palette: converted to RGB"),
        ("png-1", "black and white: converted to RGB"),
        ("png-alpha", "transparent in places: laid on white"),
        ("webp-alpha", "transparent in places: laid on white"),
        ("png-16", "16 bits a channel: reduced to 8"),
        ("png-16-colour", "16 bits a channel: reduced to 8"),
        ("jpeg-cmyk", "CMYK: converted to RGB"),
        ("png-animated", "animated, 3 frames: the first one is used"),
        ("webp-animated", "animated, 3 frames: the first one is used"),
    ],
)
def test_what_was_converted_is_said(name, note):
    assert note in read_photo(seed_files()[name]).notes


def test_alpha_is_laid_on_white():
    image = Image.new("RGBA", (2, 1), (200, 0, 0, 255))
    image.putpixel((1, 0), (200, 0, 0, 0))
    photo = read_photo(saved(image, "PNG"))
    assert [photo.image.getpixel((x, 0)) for x in (0, 1)] == [(200, 0, 0), (255, 255, 255)]


def test_an_opaque_alpha_channel_is_not_worth_a_word():
    assert read_photo(saved(picture(mode="RGBA"), "PNG")).notes == ()


def test_sixteen_bits_keep_their_light():
    photo = read_photo(png_of_16_bits(colour=False))
    rows = np.random.default_rng(0).integers(0, 65536, (16, 24))
    assert np.abs(np.asarray(photo.image)[..., 0].astype(int) - rows / 257).max() <= 1


def test_the_first_frame_is_the_first():
    for name in ("png-animated", "webp-animated"):
        assert difference(read_photo(seed_files()[name]).image, picture(seed=0)) < 12


def test_a_wide_profile_is_converted_and_srgb_is_left_alone():
    assert read_photo(saved(picture(), "PNG", icc_profile=srgb_profile())).notes == ()
    photo = read_photo(saved(picture(), "PNG", icc_profile=b"no profile at all" * 20))
    assert photo.notes == ("its colour profile cannot be used and was left out",)
    assert photo.image.tobytes() == picture().tobytes()


def test_nothing_of_the_file_but_its_pixels_remains():
    photo = read_photo(
        saved(picture(), "JPEG", exif=with_orientation(3), comment="a secret", icc_profile=srgb_profile())
    )
    assert photo.image.info == {}
    assert not photo.image.getexif()


def test_a_pillow_picture_is_taken_as_it_is_shown():
    given = Image.open(io.BytesIO(saved(picture(), "PNG", exif=with_orientation(6))))
    photo = read_photo(given)
    assert photo.image.size == (16, 24)
    assert photo.image.info == {}
    assert read_photo(picture(mode="L")).notes == ("grey: converted to RGB",)
    assert read_photo(picture()).image.tobytes() == picture().tobytes()
    with pytest.raises(PhotoError, match="its pixels are fractions"):
        read_photo(Image.new("F", (4, 4)))
    with pytest.raises(PhotoError, match="is empty: 0 x 4"):
        read_photo(Image.new("RGB", (0, 4)))


def heic(**options: object) -> bytes:
    plugin = pytest.importorskip("pillow_heif")
    plugin.register_heif_opener()
    return saved(picture(64, 48), "HEIF", quality=95, **options)


def test_a_heic_is_read_where_its_plug_in_is(monkeypatch):
    photo = read_photo(heic(exif=with_orientation(6)))
    assert photo.image.size == (48, 64)
    assert difference(photo.image, picture(64, 48).transpose(Image.Transpose.ROTATE_270)) < 6
    with pytest.raises(PhotoError, match="is a broken HEIF"):
        read_photo(heic()[:-300])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PhotoError, match=r"in HEIC format, which needs a plug-in: install wordbrush\[heif\]"):
        read_photo(heic())


def test_what_is_not_a_file(tmp_path: Path):
    with pytest.raises(PhotoError, match=r"cannot be read \(No such file or directory\); give a PNG, JPEG or WebP"):
        read_photo(tmp_path / "nothing.png")
    with pytest.raises(PhotoError, match=r"cannot be read \(a folder\)"):
        read_photo(tmp_path)
    with pytest.raises(PhotoError, match="cannot be read"):
        read_photo("a\0b.png")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        with pytest.raises(PhotoError, match=r"cannot be read \(not a regular file\)"):
            read_photo(tmp_path / "pipe.png")
    secret = tmp_path / "secret.png"
    secret.write_bytes(saved(picture(), "PNG"))
    secret.chmod(0)
    if not os.access(secret, os.R_OK):
        with pytest.raises(PhotoError, match="Permission denied"):
            read_photo(secret)
