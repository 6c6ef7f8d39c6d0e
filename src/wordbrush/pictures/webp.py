"""A WebP's chunks, walked without decoding any pixel."""

import struct
from collections.abc import Iterator

from wordbrush.errors import PhotoError
from wordbrush.pictures.exif import orientation
from wordbrush.pictures.header import Header, broken, check_parts, check_size, frames_told
from wordbrush.pictures.limits import MAX_PROFILE_BYTES

_ALPHA, _ANIMATION = 0x10, 0x02


def is_webp(data: bytes) -> bool:
    """Whether the first bytes are those of a WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read_header(data: bytes, named: str) -> Header:
    """Check a WebP, and keep the chunks that its (first) picture needs. Raises `PhotoError`."""
    kept: list[bytes] = []
    width = height = frames = parts = 0
    turned, profile, picture = 1, None, False
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise broken(named, "WEBP", "it is cut short")
    for kind, content in _chunks(data[12 : size + 8], named):
        check_parts(named, parts := parts + 1)
        if kind == b"VP8X" and parts == 1 and len(content) >= 10:
            width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (4, 7))
            check_size(named, width, height)
            kept.append(_chunk(kind, bytes([content[0] & (_ALPHA | _ANIMATION)]) + content[1:10]))
        elif kind == b"ANMF":
            frames += 1
            if frames == 1:
                kept.append(_chunk(kind, content))
        elif kind in (b"VP8 ", b"VP8L"):
            own_width, own_height = _frame_size(kind, content, named)
            check_size(named, own_width, own_height)
            width, height = (width, height) if width else (own_width, own_height)
            kept.append(_chunk(kind, content))
            picture = True
        elif kind in (b"ALPH", b"ANIM"):
            kept.append(_chunk(kind, content))
        elif kind == b"ICCP":
            profile = content
        elif kind == b"EXIF":
            turned = orientation(content)
    if not width or not (picture or frames):
        raise broken(named, "WEBP", "it has no pixels")
    if profile is not None and len(profile) > MAX_PROFILE_BYTES:
        raise PhotoError(
            f"{named} has a colour profile of more than {MAX_PROFILE_BYTES >> 20} MiB; save it without its profile"
        )
    body = b"WEBP" + b"".join(kept)
    notes = frames_told(named, frames)
    return Header("WEBP", width, height, turned, profile, _chunk(b"RIFF", body), notes)


def _chunks(body: bytes, named: str) -> Iterator[tuple[bytes, bytes]]:
    pos = 0
    while pos < len(body):
        if pos + 8 > len(body):
            raise broken(named, "WEBP", "it is cut short")
        kind, length = struct.unpack_from("<4sI", body, pos)
        if pos + 8 + length > len(body):
            raise broken(named, "WEBP", "it is cut short")
        yield kind, body[pos + 8 : pos + 8 + length]
        pos += 8 + length + length % 2


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _frame_size(kind: bytes, content: bytes, named: str) -> tuple[int, int]:
    if kind == b"VP8L" and len(content) >= 5 and content[0] == 0x2F:
        bits = int.from_bytes(content[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(content) >= 10 and content[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise broken(named, "WEBP", "its picture has no header")
