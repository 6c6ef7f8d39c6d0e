"""Picture files of every kind that is read, and mutants of them: all made here, from seeds."""

import io
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo


def picture(width: int = 24, height: int = 16, seed: int = 0, mode: str = "RGB") -> Image.Image:
    """A smooth picture that no flip or turn leaves as it is."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format_, **options)
    return buffer.getvalue()


def with_orientation(tag: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = tag
    exif[0x010F] = "a maker of cameras"
    return exif.tobytes()


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def lab_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(*chunks: bytes, of: bytes | None = None) -> bytes:
    """A PNG with more chunks after its header."""
    data = of or saved(picture(), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def png_of_16_bits(colour: bool) -> bytes:
    channels = 3 if colour else 1
    rows = np.random.default_rng(0).integers(0, 65536, (16, 24 * channels)).astype(">u2")
    header = struct.pack(">IIBBBBB", 24, 16, 16, 2 if colour else 0, 0, 0, 0)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    chunks = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(raw)), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def seed_files() -> dict[str, bytes]:
    """Some fifty honest files by name."""
    frames = [picture(seed=seed) for seed in range(3)]
    see_through = picture(mode="RGBA")
    see_through.putalpha(picture(seed=5, mode="L"))
    text = PngInfo()
    text.add_text("comment", "x" * 500, zip=True)
    text.add_itxt("XML:com.adobe.xmp", "<x/>", zip=True)
    made = {
        "png": saved(picture(), "PNG"),
        "png-text": saved(picture(), "PNG", pnginfo=text),
        "png-alpha": saved(see_through, "PNG"),
        "png-profile": saved(picture(), "PNG", icc_profile=srgb_profile()),
        "png-turned": saved(picture(), "PNG", exif=with_orientation(6)),
        "png-animated": saved(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "png-16": png_of_16_bits(colour=False),
        "png-16-colour": png_of_16_bits(colour=True),
        "png-seen-through-palette": saved(see_through.quantize(16), "PNG", transparency=3),
        "jpeg-cmyk": saved(picture(mode="CMYK"), "JPEG"),
        "jpeg-profile": saved(picture(), "JPEG", icc_profile=srgb_profile()),
        "jpeg-comment": saved(picture(), "JPEG", comment="hello"),
        "jpeg-restarts": saved(picture(64, 64), "JPEG", restart_marker_blocks=2),
        "webp-alpha": saved(see_through, "WEBP", lossless=True),
        "webp-lossy-alpha": saved(see_through, "WEBP"),
        "webp-profile": saved(picture(), "WEBP", icc_profile=srgb_profile()),
        "webp-turned": saved(picture(), "WEBP", exif=with_orientation(8)),
        "webp-animated": saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
    }
    for mode in ("1", "L", "LA", "P"):
        made[f"png-{mode}"] = saved(picture(mode=mode), "PNG")
    for level in (0, 9):
        made[f"png-level-{level}"] = saved(picture(), "PNG", compress_level=level)
    for tag in range(1, 9):
        made[f"jpeg-turned-{tag}"] = saved(picture(), "JPEG", quality=95, exif=with_orientation(tag))
    for quality in (1, 50, 100):
        for progressive in (False, True):
            made[f"jpeg-{quality}-{progressive}"] = saved(picture(), "JPEG", quality=quality, progressive=progressive)
    for subsampling in (0, 1, 2):
        made[f"jpeg-subsampling-{subsampling}"] = saved(picture(33, 17), "JPEG", subsampling=subsampling)
    made["jpeg-grey"] = saved(picture(mode="L"), "JPEG")
    for quality in (0, 50, 100):
        made[f"webp-{quality}"] = saved(picture(), "WEBP", quality=quality)
        made[f"webp-lossless-{quality}"] = saved(picture(), "WEBP", lossless=True, quality=quality)
    for width, height in ((1, 1), (1, 40), (40, 1)):
        for format_ in ("PNG", "WEBP"):
            made[f"{format_.lower()}-{width}x{height}"] = saved(picture(width, height), format_)
    return made


def mutants(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many files with bytes changed, cut, doubled, swapped, or spliced from two: the same for the same seed."""
    rng = random.Random(seed)
    files = seed_files()
    names = sorted(files)
    for number in range(count):
        name = names[number % len(names)]
        data = bytearray(files[name])
        for _ in range(rng.choice((1, 1, 2, 5))):
            _mutate(data, rng, files[rng.choice(names)])
        yield f"{name} mutant {number}", bytes(data)


def _mutate(data: bytearray, rng: random.Random, other: bytes) -> None:
    at = rng.randrange(len(data) + 1)
    span = min(rng.choice((1, 2, 4, 16, 100)), len(data) - at)
    match rng.randrange(8):
        case 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        case 1:
            data[at : at + span] = rng.randbytes(span)
        case 2:
            del data[at:]
        case 3:
            del data[at : at + span]
        case 4:
            data[at:at] = data[at : at + span] * rng.choice((1, 50))
        case 5:
            data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\x01"))
        case 6:
            data[at : at + 1] = bytes([(data[at] if at < len(data) else 0) ^ (1 << rng.randrange(8))])
        case _:
            cut = rng.randrange(len(other) + 1)
            data[at:] = other[cut:]
