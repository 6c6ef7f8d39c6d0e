"""Decode in a process of its own, so that a file which breaks the decoder breaks nothing else."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import PIL
from PIL import Image

from wordbrush.errors import PhotoError
from wordbrush.pictures.header import Header, broken

_PROGRAM = "import sys; sys.path[:0] = sys.argv[1:]; from wordbrush.pictures.worker import main; main()"
_SECONDS = 60
_HERE = Path(__file__).parents[2]
"""Where this package and its worker are imported from."""


def decode_apart(header: Header, named: str) -> tuple[Image.Image, list[str]]:
    """The picture of a checked file as upright RGB, and what was changed in it. Raises `PhotoError`.

    The process has as much memory and processor time as an honest picture of that size takes.
    """
    profile = header.profile or b""
    request = {
        "format": header.format,
        "orientation": header.orientation,
        "profile_bytes": len(profile),
        "max_pixels": header.width * header.height,
    }
    packages = [str(_HERE), str(Path(PIL.__file__).parent.parent)]
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, *packages],
            input=json.dumps(request).encode() + b"\n" + profile + header.pixels_only,
            capture_output=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise broken(named, header.format, f"it does not decode in {_SECONDS} s") from None
    except OSError as error:
        raise PhotoError(f"no process can be started to read {named} ({error.strerror}); free some memory") from None
    line, _, pixels = done.stdout.partition(b"\n")
    if done.returncode != 0 or not line:
        raise broken(named, header.format, _end(done.returncode))
    reply = json.loads(line)
    if "broken" in reply:
        raise broken(named, header.format, reply["broken"])
    return Image.frombytes("RGB", tuple(reply["size"]), pixels), reply["notes"]


def _end(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "it takes too long to decode"
    return f"its decoder ended with {signal.Signals(-code).name if code < 0 else code}"
