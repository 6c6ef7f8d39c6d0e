"""Files made to harm: each is refused with one line, soon, or read without its poison."""

import io
import json
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
from PIL import Image, ImageFile

from helpers.picture_files import mutants, picture, png_chunk, png_with, saved, seed_files
from wordbrush.errors import PhotoError
from wordbrush.pictures import isolate, worker
from wordbrush.pictures.formats import photo_format
from wordbrush.pictures.limits import MAX_BYTES, MAX_PIXELS
from wordbrush.pictures.read import read_photo

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
    "too many bytes": (b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES), "larger than 64 MiB"),
    "text": (b"this is no picture at all", "is not a picture that can be read"),
    "only magic PNG": (b"\x89PNG\r\n\x1a\n", "its header is cut short"),
    "only magic JPEG": (b"\xff\xd8\xff", "cut short"),
    "only magic WebP": (b"RIFF\xff\xff\xff\xffWEBP", "is a broken WEBP"),
    "GIF": (gif(), "in GIF format"),
    "animated GIF": (gif(save_all=True, append_images=[picture(seed=1, mode="P")] * 3), "in GIF format"),
    "TIFF": (saved(picture(), "TIFF"), "in TIFF format"),
    "EPS": (saved(picture(), "EPS"), "in EPS format"),
    "PDF": (saved(picture(), "PDF"), "in PDF format"),
    "BMP": (saved(picture(), "BMP"), "in BMP format"),
    "SVG": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "in SVG format"),
    "AVIF": (b"\0\0\0\x20ftypavif\0\0\0\0", "in AVIF format, which is not supported"),
    "film": (b"\0\0\0\x20ftypisom\0\0\0\0", "is a video, not a picture"),
    "PNG 0 wide": (png_of(0, 9), "its header gives no size"),
    "JPEG 0 high": (jpeg_of(9, 0), "its header gives no size"),
    "PNG bomb": (png_of(200_000, 200_000), "40000 million, and at most 50 million are read"),
    "PNG of 2^31": (png_of(2**31 - 1, 1), "million, and at most 50"),
    "JPEG bomb": (jpeg_of(65_000, 65_000), "million, and at most 50"),
    "WebP bomb": (b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + b"\0" * 4 + b"\xff" * 6, "far too large"),
    "10,000 frames said": (frames_claimed(10_000), "has 10001 frames"),
    "10,000 frames WebP": (webp_frames(9_997), "has 10000 frames"),
    "10,000 frame chunks": (png_with(png_chunk(b"fcTL", bytes(26)) * 10_000), "frame sequence errors"),
    "10,000 scans": (many_scans(10_000), "more than 40 scans"),
    "a million chunks": (png_with(png_chunk(b"tEXt", b"") * 1_000_000), "consists of too many parts"),
    "a million segments": (b"\xff\xd8" + b"\xff\xe5\0\2" * 1_000_000, "consists of too many parts"),
    "fill bytes": (b"\xff\xd8" + b"\xff" * (60 << 20), "consists of too many parts"),
    "profile bomb": (
        png_with(png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(1 << 28)))),
        "a text or a colour profile in it is larger than 4 MiB",
    ),
    "zTXt bomb": (png_with(png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(1 << 28)))), "larger than 4 MiB"),
    "iTXt bomb": (
        png_with(png_chunk(b"iTXt", b"key\0\1\0\0\0" + zlib.compress(bytes(1 << 28)))),
        "larger than 4 MiB",
    ),
    "large WebP": (saved(Image.new("L", (9000, 9000)), "WEBP", lossless=True, method=0), "is 9000 x 9000 pixels"),
    "two headers": (png_with(png_chunk(b"IHDR", bytes(13))), "is a broken PNG"),
    "no pixels PNG": (saved(picture(), "PNG")[:33] + png_chunk(b"IEND", b""), "is a broken PNG"),
    "no pixels JPEG": (b"\xff\xd8\xff\xd9", "is a broken JPEG"),
    "two frames JPEG": (
        jpeg_of(24, 16).replace(b"\xff\xc0", b"\xff\xc0\0\x0b\x08\0\x08\0\x08\1\1\x11\0\xff\xc0", 1),
        "is a broken JPEG",
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
        png_chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
        png_chunk(b"eXIf", b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\x01\0\0\0\xff\xff\0\0" * 5000),
        png_chunk(b"tEXt", b"k\0" + b"v" * 1000) * 5000,
        png_chunk(b"iCCP", b"p\0\0" + b"not packed"),
        png_chunk(b"CgBI", bytes(4)),
    ],
    ids=["EXIF far away", "EXIF of nonsense", "much text", "broken profile", "unknown chunk"],
)
def test_what_is_not_pixels_does_no_harm(poison):
    started, before = time.perf_counter(), peak_memory()
    assert read_photo(png_with(poison)).image.tobytes() == picture().tobytes()
    assert time.perf_counter() - started < SECONDS
    assert peak_memory() - before < MORE_MEMORY


def test_this_process_decodes_nothing(monkeypatch):
    files = seed_files()

    def opened(self: ImageFile.ImageFile, *arguments: object) -> None:
        raise AssertionError("a file was opened in this process")

    monkeypatch.setattr(ImageFile.ImageFile, "__init__", opened)
    for name in ("png", "png-turned", "jpeg-profile", "webp-50", "png-animated"):
        assert read_photo(files[name]).image.mode == "RGB"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os; os.kill(os.getpid(), 11)", "its decoder ended with SIGSEGV"),
        ("import os; os.kill(os.getpid(), 24)", "it takes too long to decode"),
        ("raise SystemExit(3)", "its decoder ended with 3"),
        ('print(\'{"size": [9, 9], "notes": []}\\nfew\')', "its decoder gave no picture"),
        ('print(\'{"size": [1000000, 1000000], "notes": []}\')', "its decoder gave no picture"),
    ],
)
def test_a_decoder_that_dies_or_lies_is_told(monkeypatch, program, reason):
    monkeypatch.setattr(isolate, "_PROGRAM", program)
    with pytest.raises(PhotoError, match=reason):
        isolate.decode_apart(saved(picture(), "PNG"), "PNG", "it")


def test_the_process_has_its_limits():
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; from wordbrush.pictures.worker import set_limits\n"
        "set_limits(0); set_limits(1000)\n"
        "import resource; print(resource.getrlimit(resource.RLIMIT_AS)[0])\n"
        "try:\n    bytearray(1 << 30)\nexcept MemoryError:\n    print('refused')"
    )
    paths = [str(Path(worker.__file__).parents[2]), str(Path(PIL.__file__).parents[1])]
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program, *paths], capture_output=True, text=True)
    assert done.stdout.split() == [str((512 << 20) + 16_000), "refused"], done.stderr


def read_here(data: bytes) -> tuple[int, int] | None:
    """What `read_photo` does, in this process; None for a file that is refused."""
    reply = io.BytesIO()
    try:
        asked = {"format": photo_format(data, "it"), "named": "it"}
    except PhotoError:
        return None
    pixels_said: list[int] = []
    worker.answer(asked, io.BytesIO(data), reply, pixels_said.append)
    line, _, pixels = reply.getvalue().partition(b"\n")
    said = json.loads(line)
    if "size" not in said:
        return None
    width, height = said["size"]
    assert pixels_said == [width * height]
    assert width * height <= MAX_PIXELS
    assert len(pixels) == 3 * width * height
    return width, height


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
