"""PIE-Bench's mapping_file.json, entry by entry: a bad one is told apart, and does not spoil the others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wordbrush.errors import DataError
from wordbrush_bench.case import KINDS

MAPPING_FILE = "mapping_file.json"
PICTURES_FOLDER = "annotation_images"
MASK_SIZE = (512, 512)
"""Height and width of PIE-Bench's pictures, which its masks are counted in."""

PUBLISHED_COUNTS = dict(zip(KINDS, (140, 80, 80, 80, 40, 40, 40, 40, 80, 80), strict=True))
"""How many cases of each kind the whole data set has: 700 in all."""

_KIND_OF_NUMBER = {str(number): kind for kind, number in KINDS.items()}
_MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Entry:
    """One case as the file has it, its prompts without the brackets that mark their difference.

    `blended` are the words of the source and of the target whose region the edit is about; None where none are given.
    """

    id: str
    kind: str
    picture: str
    source_prompt: str
    target_prompt: str
    blended: tuple[str, str] | None
    runs: tuple[int, ...]
    mask_size: tuple[int, int]


@dataclass(frozen=True)
class BadEntry:
    """A case that cannot be used, and why; `kind` is "mixed" where it is not even known."""

    id: str
    kind: str
    problem: str


def read_mapping(folder: Path) -> list[Entry | BadEntry]:
    """All entries of a data set's folder, in the file's order.

    Raises `DataError` when the folder or the file is not there, is not JSON (naming the line), or holds no entries.
    """
    path = folder / MAPPING_FILE
    if not (folder / PICTURES_FOLDER).is_dir() or not path.is_file():
        missing = MAPPING_FILE if (folder / PICTURES_FOLDER).is_dir() else PICTURES_FOLDER
        raise DataError(f"'{folder}' has no {missing}; give the folder with {MAPPING_FILE} and {PICTURES_FOLDER}/")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"'{path}' is larger than {_MAX_BYTES >> 20} MiB; give PIE-Bench's own file")
        content = json.loads(path.read_bytes(), object_pairs_hook=_unique)
    except OSError as error:
        raise DataError(f"'{path}' cannot be read ({error.strerror}); check its permissions") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"'{path}', line {error.lineno}, column {error.colno}, is not JSON ({error.msg}); copy the file again"
        ) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"'{path}' is not as it should be ({error!s:.80}); copy the file again") from None
    if not isinstance(content, dict) or not content:
        raise DataError(f"'{path}' is not an object of cases by their names; give PIE-Bench's own file")
    return [_entry(name, value) for name, value in content.items()]


def without_brackets(prompt: str) -> str:
    """A prompt as models should read it: the `[` and `]` that mark the difference are taken out, as published.

    >>> without_brackets("a slanted [rusty] bicycle")
    'a slanted rusty bicycle'
    """
    return prompt.replace("[", "").replace("]", "")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(name for name in names if names.count(name) > 1):.40}' is there twice")
    return found


def _entry(name: str, value: object) -> Entry | BadEntry:
    kind = "mixed"
    try:
        if not isinstance(value, dict):
            raise DataError("it is not an object")
        number = value.get("editing_type_id")
        if not isinstance(number, str | int) or str(number) not in _KIND_OF_NUMBER:
            raise DataError(f"its editing_type_id is {number!r:.20}, not '0' to '9'")
        kind = _KIND_OF_NUMBER[str(number)]
        prompts = [without_brackets(_text(value, name)) for name in ("original_prompt", "editing_prompt")]
        return Entry(
            name, kind, _picture(value), prompts[0], prompts[1], _blended(value), _runs(value), _mask_size(value)
        )
    except DataError as error:
        return BadEntry(name, kind, f"entry '{name}' of {MAPPING_FILE}: {error}")


def _text(value: Mapping[str, object], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise DataError(f"it has no text '{name}'" if name not in value else f"its {name} is {text!r:.40}, not a text")
    return text


def _picture(value: Mapping[str, object]) -> str:
    path = _text(value, "image_path")
    parts = PurePosixPath(path)
    if not path or parts.is_absolute() or ".." in parts.parts or "\\" in path or "\0" in path:
        raise DataError(f"its image_path '{path:.80}' is not a path inside of {PICTURES_FOLDER}/")
    return path


def _blended(value: Mapping[str, object]) -> tuple[str, str] | None:
    """Source's and target's word: the first two, as the published code takes them."""
    words = _text(value, "blended_word").split()
    if len(words) == 1:
        raise DataError(f"its blended_word is '{words[0]:.40}', where a word of each prompt, or nothing, should be")
    return (words[0], words[1]) if words else None


def _runs(value: Mapping[str, object]) -> tuple[int, ...]:
    runs = value.get("mask")
    if not isinstance(runs, list):
        raise DataError("it has no list 'mask'")
    return tuple(runs)


def _mask_size(value: Mapping[str, object]) -> tuple[int, int]:
    """PIE-Bench's own, unless a data set in its format says another: `"mask_size": [height, width]`."""
    size = value.get("mask_size", list(MASK_SIZE))
    if not isinstance(size, list) or len(size) != 2 or not all(isinstance(n, int) and 8 <= n <= 8192 for n in size):
        raise DataError(f"its mask_size is {size!r:.40}, not [height, width]")
    return (size[0], size[1])
