"""A JPEG's segments, walked without decoding any pixel."""

import re
import struct

from wordbrush.errors import PhotoError
from wordbrush.pictures.exif import orientation
from wordbrush.pictures.header import Header, broken, check_parts, check_size
from wordbrush.pictures.limits import MAX_PROFILE_BYTES, MAX_SCANS

MAGIC = b"\xff\xd8\xff"
_SOI, _EOI, _SOS, _DHT, _JPG, _DAC = 0xD8, 0xD9, 0xDA, 0xC4, 0xC8, 0xCC
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_FRAMES = set(range(0xC0, 0xD0)) - {_DHT, _JPG, _DAC}
_TABLES = {_DHT, _DAC, 0xDB, 0xDC, 0xDD}  # Huffman, arithmetic, quantisation, number of lines, restart interval
_ICC = b"ICC_PROFILE\0"
_MARKER = re.compile(rb"\xff+([^\xff])", re.DOTALL)
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # not a byte of data, nor a restart inside of the data


def read_header(data: bytes, named: str) -> Header:
    """Check a JPEG, and keep the segments that its pixels need. Raises `PhotoError`."""
    kept, profile_parts = [b"\xff\xd8"], {}
    width = height = scans = parts = 0
    turned, pos = 1, 2
    while True:
        marker = _MARKER.match(data, pos)
        if marker is None:
            raise broken(named, "JPEG", "it is cut short" if pos >= len(data) - 1 else "its segments do not join")
        check_parts(named, parts := parts + 1)
        kind, start = marker[1][0], marker.end()
        if kind == _EOI:
            break
        length = struct.unpack_from(">H", data, start)[0] if start + 2 <= len(data) else 0
        end = start + length
        if length < 2 or end > len(data):
            raise broken(named, "JPEG", "it is cut short")
        content = data[start + 2 : end]
        if kind in _FRAMES:
            if width or len(content) < 6:
                raise broken(named, "JPEG", "it does not have one frame header")
            depth, height, width = struct.unpack_from(">BHH", content)
            check_size(named, width, height)
            if depth != 8:
                raise PhotoError(f"{named} is a JPEG of {depth} bits a channel; save it with 8, or as a PNG")
        elif kind == _SOS:
            end, scans = _end_of_scan(data, end, named), scans + 1
            if not width:
                raise broken(named, "JPEG", "it does not have one frame header")
            if scans > MAX_SCANS:
                raise PhotoError(f"{named} is a JPEG of more than {MAX_SCANS} scans; save it again, not progressive")
        elif kind == _APP1 and content.startswith(b"Exif\0\0") and turned == 1:
            turned = orientation(content)
        elif kind == _APP2 and content.startswith(_ICC) and len(content) > len(_ICC) + 2:
            profile_parts[content[len(_ICC)]] = content[len(_ICC) + 2 :]
        if kind in _FRAMES | _TABLES | {_SOS, _APP0, _APP14}:
            kept.append(data[marker.end() - 2 : end])
        pos = end
    if not scans:
        raise broken(named, "JPEG", "it has no pixels")
    profile = b"".join(profile_parts[number] for number in sorted(profile_parts)) or None
    if profile is not None and len(profile) > MAX_PROFILE_BYTES:
        raise PhotoError(
            f"{named} has a colour profile of more than {MAX_PROFILE_BYTES >> 20} MiB; save it without its profile"
        )
    return Header("JPEG", width, height, turned, profile, b"".join([*kept, b"\xff\xd9"]))


def _end_of_scan(data: bytes, start: int, named: str) -> int:
    found = _NEXT_MARKER.search(data, start)
    if found is None:
        raise broken(named, "JPEG", "it is cut short")
    return found.start()
