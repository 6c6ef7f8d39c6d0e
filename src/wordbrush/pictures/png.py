"""A PNG's chunks, walked without unpacking any pixel."""

import struct
import zlib

from wordbrush.errors import PhotoError
from wordbrush.pictures.exif import orientation
from wordbrush.pictures.header import Header, broken, check_parts, check_size, frames_told
from wordbrush.pictures.limits import MAX_PROFILE_BYTES

MAGIC = b"\x89PNG\r\n\x1a\n"
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def read_header(data: bytes, named: str) -> Header:
    """Check a PNG, and keep the chunks that its pixels need. Raises `PhotoError`."""
    kept, notes = [MAGIC], []
    width = height = frames = frame_chunks = 0
    turned, profile = 1, None
    pos, parts, kinds = len(MAGIC), 0, set[bytes]()
    while b"IEND" not in kinds:
        if pos + 12 > len(data):
            raise broken(named, "PNG", "it is cut short")
        length, kind = struct.unpack_from(">I4s", data, pos)
        end = pos + 12 + length
        if end > len(data):
            raise broken(named, "PNG", "it is cut short")
        check_parts(named, parts := parts + 1)
        if (parts == 1) != (kind == b"IHDR") or (kind == b"IHDR" and length != 13):
            raise broken(named, "PNG", "it does not begin with one header")
        content = data[pos + 8 : end - 4] if kind not in (b"IDAT", b"fdAT") else b""
        if kind == b"IHDR":
            width, height, depth = struct.unpack_from(">IIB", content)
            check_size(named, width, height)
            if depth == 16:
                notes.append("16 bits a channel: reduced to 8")
        elif kind == b"acTL" and length >= 4:
            (frames,) = struct.unpack_from(">I", content)
        elif kind == b"fcTL":
            frame_chunks += 1
        elif kind == b"eXIf":
            turned = orientation(content)
        elif kind == b"iCCP" and profile is None:
            profile = _unpacked(content, named)
            if profile is None:
                notes.append("its colour profile is broken and was left out")
        if kind in _NEEDED:
            kept.append(data[pos:end])
        elif not kind[0] & 0x20:  # a capital letter: a picture cannot be shown rightly without it
            raise broken(named, "PNG", f"it needs {kind!r:.12}, which is not of the standard")
        kinds.add(kind)
        pos = end
    if b"IDAT" not in kinds:
        raise broken(named, "PNG", "it has no pixels")
    notes += frames_told(named, max(frames, frame_chunks))
    return Header("PNG", width, height, turned, profile, b"".join(kept), tuple(notes))


def _unpacked(content: bytes, named: str) -> bytes | None:
    """An iCCP chunk's profile, unpacked within its limit; None for a broken one."""
    _, _, packed = content.partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return None
    if len(profile) > MAX_PROFILE_BYTES:
        raise PhotoError(
            f"{named} has a colour profile of more than {MAX_PROFILE_BYTES >> 20} MiB; save it without its profile"
        )
    return profile
