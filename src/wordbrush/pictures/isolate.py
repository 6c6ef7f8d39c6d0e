"""Decode in a process of its own, so that a file which breaks the decoder breaks nothing else."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import PIL
from PIL import Image

from wordbrush.errors import PhotoError
from wordbrush.pictures.formats import PhotoFormat
from wordbrush.pictures.limits import MAX_PIXELS

_PROGRAM = "import sys; sys.path[:0] = sys.argv[1:]; from wordbrush.pictures.worker import main; main()"
_SECONDS = 60
_HERE = Path(__file__).parents[2]
"""The folder from which this package and its worker are imported."""


def decode_apart(data: bytes, format_: PhotoFormat, named: str) -> tuple[Image.Image, list[str]]:
    """The picture in a file's bytes as upright RGB, and notes on what was changed. Raises `PhotoError`.

    This process sees the finished pixels only. The other one has as much memory and processor time as a real picture
    of that size takes (on Windows, which has no such limits, it has 60 seconds).
    """
    request = json.dumps({"format": format_, "named": named}).encode()
    packages = [str(_HERE), str(Path(PIL.__file__).parent.parent)]
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, *packages],
            input=request + b"\n" + data,
            capture_output=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise _broken(named, format_, f"it does not decode in {_SECONDS} s") from None
    except OSError as error:
        raise PhotoError(f"no process can be started to read {named} ({error.strerror}); free some memory") from None
    line, _, pixels = done.stdout.partition(b"\n")
    if done.returncode != 0 or not line:
        raise _broken(named, format_, _end(done.returncode))
    reply = json.loads(line)
    if "refused" in reply:
        raise PhotoError(reply["refused"])
    if "broken" in reply:
        raise _broken(named, format_, reply["broken"])
    width, height = reply["size"]
    if not 0 < width * height <= MAX_PIXELS or len(pixels) != 3 * width * height:
        raise _broken(named, format_, "its decoder gave no picture")
    return Image.frombytes("RGB", (width, height), pixels), reply["notes"]


def _broken(named: str, format_: PhotoFormat, reason: str) -> PhotoError:
    return PhotoError(f"{named} is a broken {format_} ({reason}); copy or save it again from its original")


def _end(code: int) -> str:
    name = signal.Signals(-code).name if code < 0 else str(code)
    return "it takes too long to decode" if name == "SIGXCPU" else f"its decoder ended with {name}"
