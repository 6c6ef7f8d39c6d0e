"""Pictures that carry their record: in wordbrush's own chunk, and in the one that other tools read."""

import io
import json
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from wordbrush.errors import RecordError
from wordbrush.files import open_regular, write_atomically
from wordbrush.json_form import to_plain
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.runs.record import RunRecord

CHUNK = "wordbrush"
_SAMPLERS = {"ddim": "DDIM", "pndm": "PLMS", "euler": "Euler", "dpm++": "DPM++ 2M", "lcm": "LCM"}
"""What the web UI calls them."""
_MAX_JSON_BYTES = 1 << 24
_PNG = b"\x89PNG\r\n\x1a\n"


def png_bytes(image: Image.Image, record: RunRecord, index: int | None) -> bytes:
    """A PNG with the run's record in it; `index` is the target shown, None the source."""
    info = PngInfo()
    info.add_itxt(CHUNK, json.dumps({"picture": index, "record": to_plain(record)}, ensure_ascii=False))
    info.add_itxt("parameters", parameters(record, index))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def save_png(image: Image.Image, path: Path, record: RunRecord, index: int | None) -> None:
    """Write such a PNG, whole or not at all."""
    write_atomically(path, png_bytes(image, record, index))


def save_sheet(sheet: Image.Image, path: Path, record: RunRecord) -> None:
    """Write a sheet of a run's pictures, which carries the run's record and a hash of its own pixels."""
    info = PngInfo()
    plain = {"picture": "sheet", "pixel_sha256": pixel_sha256(sheet), "record": to_plain(record)}
    info.add_itxt(CHUNK, json.dumps(plain, ensure_ascii=False))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", pnginfo=info)
    write_atomically(path, buffer.getvalue())


def read_sheet(path: Path) -> tuple[RunRecord, str]:
    """The record of the run that a sheet shows, and the hash of the pixels that it was written with.

    Raises `RecordError` for anything but a sheet.
    """
    try:
        with open_regular(path) as file:
            chunk = _png_chunk(path, file)
    except OSError as error:
        raise RecordError(f"'{path}' cannot be read ({error.strerror})") from None
    if "pixel_sha256" not in chunk:
        raise RecordError(f"'{path}' is no sheet of a run's pictures")
    return RunRecord.from_json(json.dumps(chunk.get("record")), f"'{path}': the record"), str(chunk["pixel_sha256"])


def parameters(record: RunRecord, index: int | None) -> str:
    """The generation text that image viewers and other tools read, as the Stable Diffusion web UI writes it."""
    made = record.generation
    prompt = record.source_prompt if index is None or record.edit is None else record.edit.targets[index]
    lines = [prompt] + ([f"Negative prompt: {made.negative_prompt}"] if made.negative_prompt else [])
    values = {
        "Steps": made.num_inference_steps,
        "Sampler": _SAMPLERS.get(record.sampler, record.sampler),
        "CFG scale": made.guidance_scale,
        "Seed": made.seed,
        "Size": f"{made.width}x{made.height}",
        "Model hash": record.model.fingerprint[:10],
        "Model": Path(record.model.name).name,
        "Version": f"wordbrush {record.versions.get('wordbrush', '')}",
    }
    if index is not None:
        values["Edited from"] = record.source_prompt
    return "\n".join([*lines, ", ".join(f"{key}: {_quoted(value)}" for key, value in values.items())])


def read_record(path: str | Path) -> RunRecord:
    """Read the record of a run.

    - `path`: a `record.json`, or a PNG that wordbrush wrote.

    Raises `RecordError` for any other file.

    >>> import tempfile
    >>> from wordbrush import Editor
    >>> source = Editor.from_pretrained().generate("a dog", num_inference_steps=2)
    >>> read_record(source.save(tempfile.mkdtemp())[0]) == source.record
    True
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            is_png = file.read(8) == _PNG
            file.seek(0)
            text = _png_record(path, file) if is_png else file.read(_MAX_JSON_BYTES + 1).decode()
    except OSError as error:
        raise RecordError(f"'{path}' cannot be read ({error.strerror}); give a record.json or a PNG") from None
    except UnicodeDecodeError:
        raise RecordError(
            f"'{path}' is neither JSON nor PNG; give a record.json or a PNG that wordbrush wrote"
        ) from None
    if len(text) > _MAX_JSON_BYTES:
        raise RecordError(f"'{path}' is too large for a record; give a record.json that wordbrush wrote")
    return RunRecord.from_json(text, f"'{path}': the record")


def shown_edit(path: str | Path) -> int | None:
    """Which of its run's edits a PNG shows; None for a source, and for a `record.json`. Raises `RecordError`."""
    with open_regular(Path(path)) as file:
        if file.read(8) != _PNG:
            return None
        file.seek(0)
        index = _png_chunk(Path(path), file).get("picture")
    if index is not None and not isinstance(index, int):
        raise RecordError(f"the wordbrush record in '{path}' is damaged; give its record.json")
    return index


def read_png_record(data: bytes, named: str) -> tuple[RunRecord, int | None] | None:
    """The record in a PNG's bytes, and which target it shows (None: the source); None where it carries no record.

    `named` is what errors call it. Raises `RecordError`.
    """
    chunk = _chunk(io.BytesIO(data), named)
    if chunk is None:
        return None
    record = RunRecord.from_json(json.dumps(chunk.get("record")), f"{named}: the record")
    index = chunk.get("picture")
    targets = 0 if record.edit is None else len(record.edit.targets)
    if index is not None and not (isinstance(index, int) and 0 <= index < targets):
        raise RecordError(f"the wordbrush record in {named} is damaged; give its record.json")
    return record, index


def _png_record(path: Path, file: BinaryIO) -> str:
    chunk = _png_chunk(path, file)
    if "record" not in chunk:
        raise RecordError(f"the wordbrush record in '{path}' is damaged; give its record.json")
    return json.dumps(chunk["record"])


def _png_chunk(path: Path, file: BinaryIO) -> dict[str, Any]:
    """What a PNG carries: the record, and the number of the picture."""
    chunk = _chunk(file, f"'{path}'")
    if chunk is None:
        raise RecordError(f"'{path}' carries no wordbrush record; give a PNG that wordbrush wrote, or its record.json")
    return chunk


def _chunk(file: BinaryIO, named: str) -> dict[str, Any] | None:
    """What wordbrush wrote into a PNG; None where it wrote nothing."""
    try:
        with Image.open(file, formats=("PNG",)) as image:
            image.load()
            chunk = image.info.get(CHUNK)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RecordError(f"{named} is a broken PNG ({error}); give another") from None
    if not isinstance(chunk, str):
        return None
    try:
        plain = json.loads(chunk)
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise RecordError(f"the wordbrush record in {named} is damaged; give its record.json")
    return plain


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text
