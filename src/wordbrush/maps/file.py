"""Maps in a file: an .npz of float32 arrays with a JSON header, which numpy can read without wordbrush."""

import io
import json
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from wordbrush.errors import RecordError
from wordbrush.files import open_regular, write_atomically
from wordbrush.json_form import from_plain, to_plain
from wordbrush.maps.arrays import Floats, MapArrays, MapsInfo

FORMAT, SCHEMA = "wordbrush-maps", 1
_MAX_HEADER_BYTES = 1 << 20

# An encrypted member raises RuntimeError, an unknown compression NotImplementedError, which is a RuntimeError too.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error)

Contents = tuple[MapsInfo, tuple[Floats, ...], Floats | None]
"""What maps are of, their arrays, and the components of self-attention if there are any."""


def save_maps(maps: MapArrays, path: str | Path) -> None:
    """Write maps, whole or not at all."""
    write_atomically(Path(path), maps_bytes(maps))


def maps_bytes(maps: MapArrays) -> bytes:
    """Maps as such a file: arrays `maps_0`, `maps_1`, ... in the order of the header's stacks."""
    arrays = {f"maps_{index}": array for index, array in enumerate(maps.arrays)}
    if maps.components is not None:
        arrays["components"] = maps.components
    header = {
        "format": FORMAT,
        "schema": SCHEMA,
        "aggregation": maps.aggregation,
        "shapes": {name: array.shape for name, array in arrays.items()},
        "maps": to_plain(maps.info),
    }
    text = json.dumps(header, ensure_ascii=False).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in {"header": np.frombuffer(text, np.uint8), **arrays}.items():
            # A fixed date: equal maps give equal files.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                npy.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def load_maps(path: str | Path) -> Contents:
    """Read what `save_maps` wrote. Nothing in the file is executed. Raises `RecordError` for any other file."""
    try:
        file = open_regular(path)
    except OSError as error:
        raise RecordError(
            f"'{path}' cannot be read ({error.strerror}); give a maps.npz that wordbrush wrote"
        ) from None
    with file:
        return read_maps(file, path)


def read_maps(file: BinaryIO, path: str | Path) -> Contents:
    """Read maps from an open file, which errors call `path`. Raises `RecordError` for any other file."""
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(archive, path)
    except RecordError:
        raise
    except OSError as error:
        reason = error.strerror or "it is not a whole file"
        raise RecordError(f"'{path}' cannot be read ({reason}); give a maps.npz that wordbrush wrote") from None
    except (
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        RecursionError,
        zipfile.BadZipFile,
        NotImplementedError,
    ) as error:
        raise RecordError(f"'{path}' does not hold maps ({error}); give a maps.npz that wordbrush wrote") from None


def _read(archive: zipfile.ZipFile, path: str | Path) -> Contents:
    header = _header(archive, path)
    info = from_plain(MapsInfo, header["maps"], f"'{path}': maps")
    shapes = {str(name): tuple(map(int, shape)) for name, shape in header["shapes"].items()}
    arrays = []
    for index, stack in enumerate(info.stacks):
        array = _member(archive, f"maps_{index}", np.float32, shapes[f"maps_{index}"], path)
        steps, heads = (len(info.steps) if info.per_step else 1), (len(stack.heads) if info.per_head else 1)
        if array.ndim != 5 or array.shape[:3] != (len(info.words), steps, heads):
            raise RecordError(f"'{path}' has maps of shape {array.shape} for {len(info.words)} words; it is damaged")
        arrays.append(array)
    components = None
    if info.component_shares:
        components = _member(archive, "components", np.float32, shapes["components"], path)
        if components.ndim != 3 or len(components) != len(info.component_shares):
            raise RecordError(f"'{path}' has components of shape {components.shape}; it is damaged")
    if not info.steps or not arrays:
        raise RecordError(f"'{path}' has no maps in it; give a maps.npz that wordbrush wrote")
    return info, tuple(arrays), components


def _header(archive: zipfile.ZipFile, path: str | Path) -> dict[str, Any]:
    size = archive.getinfo("header.npy").file_size if "header.npy" in archive.namelist() else 0
    if not 0 < size <= _MAX_HEADER_BYTES:
        raise RecordError(f"'{path}' has no wordbrush header; give a maps.npz that wordbrush wrote")
    length = size - len(_prefix(np.uint8, (size,)))
    header = json.loads(_member(archive, "header", np.uint8, (length,), path).tobytes())
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise RecordError(f"'{path}' is not a maps file; give a maps.npz that wordbrush wrote")
    if header.get("schema") != SCHEMA:
        raise RecordError(
            f"'{path}' has schema {header.get('schema')!r}, and this wordbrush reads {SCHEMA}; update it"
        )
    return header


def _member(
    archive: zipfile.ZipFile, name: str, dtype: type[np.generic], shape: tuple[int, ...], path: str | Path
) -> NDArray[Any]:
    """An array that must have this type and shape: its file starts with exactly what numpy writes for them."""
    prefix = _prefix(dtype, shape)
    size = len(prefix) + np.dtype(dtype).itemsize * prod(shape)
    # A small file can claim to unpack to any size, so nothing but the header's sizes is unpacked.
    if min(shape) < 1 or archive.getinfo(f"{name}.npy").file_size != size:
        raise RecordError(f"'{path}' has '{name}' of a size that does not fit {shape}; it is damaged")
    content = archive.read(f"{name}.npy")
    if not content.startswith(prefix):
        raise RecordError(f"'{path}' has '{name}' that is not {np.dtype(dtype)} of shape {shape}; it is damaged")
    return np.frombuffer(content, dtype, offset=len(prefix)).reshape(shape)


def _prefix(dtype: type[np.generic], shape: tuple[int, ...]) -> bytes:
    """The bytes before the numbers in an .npy file."""
    buffer = io.BytesIO()
    described = {"descr": npy.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(buffer, described)
    return buffer.getvalue()
