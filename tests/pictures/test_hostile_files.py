"""Files made to harm: each is refused with one line, soon, or read without its poison."""

import io
import resource
import struct
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path

import PIL
import pytest
from PIL import Image

from helpers.picture_files import mutants, picture, png_chunk, png_with, saved, seed_files, srgb_profile
from wordbrush.errors import PhotoError
from wordbrush.pictures import isolate, worker
from wordbrush.pictures.limits import MAX_BYTES, MAX_PIXELS
from wordbrush.pictures.read import read_header, read_photo

SECONDS = 2.0
MORE_MEMORY = 256 << 10  # KiB


def png_of(width: int, height: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0" * 99)) + png_chunk(b"IEND", b"")


def jpeg_of(width: int, height: int) -> bytes:
    data = bytearray(saved(picture(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def many_scans(count: int) -> bytes:
    data = saved(picture(), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    following = data.index(b"\xff", scan + 14)
    return data[:following] + data[scan:following] * count + data[following:]


def frames_claimed(count: int) -> bytes:
    return png_with(png_chunk(b"acTL", struct.pack(">II", count, 0)))


def webp_frames(count: int) -> bytes:
    data = seed_files()["webp-animated"]
    at = data.index(b"ANMF")
    frame = data[at : at + 8 + struct.unpack_from("<I", data, at + 4)[0]]
    body = data[8:] + frame * count
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(**options: object) -> bytes:
    return saved(picture(mode="P"), "GIF", **options)


HOSTILE = {
    "empty": (b"", "is an empty file"),
    "too many bytes": (b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES), "more than 64 MiB"),
    "text": (b"this is no picture at all", "no picture that can be read"),
    "only magic PNG": (b"\x89PNG\r\n\x1a\n", "cut short"),
    "only magic JPEG": (b"\xff\xd8\xff", "cut short"),
    "only magic WebP": (b"RIFF\xff\xff\xff\xffWEBP", "cut short"),
    "GIF": (gif(), "in the format GIF"),
    "animated GIF": (gif(save_all=True, append_images=[picture(seed=1, mode="P")] * 3), "in the format GIF"),
    "TIFF": (saved(picture(), "TIFF"), "in the format TIFF"),
    "EPS": (saved(picture(), "EPS"), "in the format EPS"),
    "PDF": (saved(picture(), "PDF"), "in the format PDF"),
    "BMP": (saved(picture(), "BMP"), "in the format BMP"),
    "SVG": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "in the format SVG"),
    "AVIF": (b"\0\0\0\x20ftypavif\0\0\0\0", "in the format AVIF, which is not supported"),
    "film": (b"\0\0\0\x20ftypisom\0\0\0\0", "in the format of a film"),
    "PNG 0 wide": (png_of(0, 9), "is empty: 0 x 9"),
    "JPEG 0 high": (jpeg_of(9, 0), "is empty: 9 x 0"),
    "PNG bomb": (png_of(200_000, 200_000), "40000 million pixels, and at most 50 are read"),
    "PNG of 2^31": (png_of(2**31 - 1, 1), "million pixels"),
    "JPEG bomb": (jpeg_of(65_000, 65_000), "million pixels"),
    "WebP bomb": (b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + b"\0" * 4 + b"\xff" * 6, "million pixels"),
    "10,000 frames said": (frames_claimed(10_000), "has 10000 frames"),
    "10,000 frames WebP": (webp_frames(9_997), "has 10000 frames"),
    "10,000 frame chunks": (png_with(png_chunk(b"fcTL", bytes(26)) * 10_000), "has 10000 frames"),
    "10,000 scans": (many_scans(10_000), "more than 40 scans"),
    "a million chunks": (png_with(png_chunk(b"tEXt", b"") * 1_000_000), "more than 100000 parts"),
    "a million segments": (b"\xff\xd8" + b"\xff\xe5\0\2" * 1_000_000, "more than 100000 parts"),
    "fill bytes": (b"\xff\xd8" + b"\xff" * (60 << 20), "its segments do not join"),
    "profile bomb": (
        png_with(png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(1 << 28)))),
        "a colour profile of more than 4 MiB",
    ),
    "two headers": (png_with(png_chunk(b"IHDR", bytes(13))), "does not begin with one header"),
    "unknown critical chunk": (png_with(png_chunk(b"CgBI", bytes(4))), "not of the standard"),
    "no pixels PNG": (saved(picture(), "PNG")[:33] + png_chunk(b"IEND", b""), "it has no pixels"),
    "no pixels JPEG": (b"\xff\xd8\xff\xd9", "it has no pixels"),
    "two frames JPEG": (
        jpeg_of(24, 16).replace(b"\xff\xc0", b"\xff\xc0\0\x0b\x08\0\x08\0\x08\1\1\x11\0\xff\xc0", 1),
        "one frame header",
    ),
    "half a PNG": (saved(picture(), "PNG")[:-40], "is a broken PNG"),
    "half a JPEG": (saved(picture(64, 64), "JPEG")[:-400], "is a broken JPEG"),
    "half a WebP": (saved(picture(64, 64), "WEBP")[:-40], "is a broken WEBP"),
    "wrong checksum": (png_with(of=saved(picture(), "PNG").replace(b"IDAT", b"IDAT\0", 1)), "is a broken PNG"),
    "too little data": (png_of(3000, 3000), "is a broken PNG"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_each_is_refused_in_time_and_memory(name):
    data, reason = HOSTILE[name]
    before, started = peak_memory(), time.perf_counter()
    with pytest.raises(PhotoError, match=reason) as refused:
        read_photo(data)
    assert time.perf_counter() - started < SECONDS
    assert peak_memory() - before < MORE_MEMORY
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("the picture ")


@pytest.mark.parametrize(
    "poison",
    [
        png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(1 << 28))),
        png_chunk(b"iTXt", b"key\0\1\0\0\0" + zlib.compress(bytes(1 << 28))),
        png_chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
        png_chunk(b"eXIf", b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\x01\0\0\0\xff\xff\0\0" * 5000),
        png_chunk(b"tEXt", b"k\0" + b"v" * 1000) * 5000,
    ],
    ids=["zTXt bomb", "iTXt bomb", "EXIF far away", "EXIF of nonsense", "much text"],
)
def test_what_is_not_pixels_is_never_unpacked(poison):
    started, before = time.perf_counter(), peak_memory()
    assert read_photo(png_with(poison)).image.tobytes() == picture().tobytes()
    assert time.perf_counter() - started < SECONDS
    assert peak_memory() - before < MORE_MEMORY


def test_the_decoder_never_sees_what_is_not_pixels():
    secret = b"a secret that is in no pixel"
    png = png_with(png_chunk(b"tEXt", b"k\0" + secret), of=saved(picture(), "PNG", icc_profile=srgb_profile()))
    jpeg = saved(picture(), "JPEG", comment=secret, icc_profile=srgb_profile()) + secret
    webp = saved(picture(), "WEBP", xmp=secret, exif=b"Exif\0\0" + secret, icc_profile=srgb_profile())
    for data in (png, jpeg, webp):
        assert secret in data
        header = read_header(data, "it")
        assert secret not in header.pixels_only
        assert b"acsp" not in header.pixels_only
        assert header.profile == srgb_profile()


def test_a_process_that_takes_too_much_is_ended():
    header = read_header(saved(Image.new("RGB", (7000, 7000)), "PNG"), "it")
    small = type(header)(header.format, 10, 10, 1, None, header.pixels_only)
    with pytest.raises(PhotoError, match="it is 7000 x 7000 pixels"):
        isolate.decode_apart(small, "it")


def test_a_decoder_that_dies_is_told(monkeypatch):
    header = read_header(saved(picture(), "PNG"), "it")
    for program, reason in (
        ("import os; os.kill(os.getpid(), 11)", "its decoder ended with SIGSEGV"),
        ("import os; os.kill(os.getpid(), 24)", "it takes too long to decode"),
        ("raise SystemExit(3)", "its decoder ended with 3"),
    ):
        monkeypatch.setattr(isolate, "_PROGRAM", program)
        with pytest.raises(PhotoError, match=reason):
            isolate.decode_apart(header, "it")


def test_the_process_has_its_limits():
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; from wordbrush.pictures import worker; worker._limit(1000)\n"
        "import resource; print(resource.getrlimit(resource.RLIMIT_AS)[0])\n"
        "try:\n    bytearray(1 << 30)\nexcept MemoryError:\n    print('refused')"
    )
    paths = [str(Path(worker.__file__).parents[2]), str(Path(PIL.__file__).parents[1])]
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program, *paths], capture_output=True, text=True)
    assert done.stdout.split() == [str((512 << 20) + 16_000), "refused"], done.stderr


def read_here(data: bytes) -> tuple[int, int] | None:
    """What `read_photo` does, in this process; None for a file that is refused."""
    request = io.BytesIO()
    try:
        header = read_header(data, "it")
    except PhotoError:
        return None
    assert header.width * header.height <= MAX_PIXELS
    asked = {
        "format": header.format,
        "orientation": header.orientation,
        "profile_bytes": len(header.profile or b""),
        "max_pixels": header.width * header.height,
    }
    worker.answer(asked, io.BytesIO((header.profile or b"") + header.pixels_only), request)
    line, _, pixels = request.getvalue().partition(b"\n")
    if b"broken" in line:
        return None
    assert len(pixels) % 3 == 0
    return header.width, header.height


def check_corpus(count: int, seed: int) -> None:
    before = peak_memory()
    read = refused = 0
    for name, data in mutants(count, seed):
        started = time.perf_counter()
        outcome = read_here(data)
        assert time.perf_counter() - started < SECONDS, name
        read, refused = read + (outcome is not None), refused + (outcome is None)
    assert peak_memory() - before < MORE_MEMORY
    assert min(read, refused) > count // 20  # the mutants are neither all harmless nor all hopeless


def test_five_thousand_mutants():
    check_corpus(5_000, seed=1)


@pytest.mark.slow
def test_a_hundred_thousand_mutants():
    check_corpus(100_000, seed=2)


def test_mutants_in_the_decoders_own_process():
    for name, data in mutants(50, seed=3):
        started = time.perf_counter()
        with suppress(PhotoError):
            assert read_photo(data).image.mode == "RGB"
        assert time.perf_counter() - started < SECONDS, name


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
