"""One row of captions, checked: what is drawn, what it becomes, and the options of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from wordbrush.editor import RunOptions, split_options
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.strength import AUTO
from wordbrush.errors import DataError, WordbrushError
from wordbrush.pairs.photos import NamedPhoto, named_photo
from wordbrush.sampling.settings import GenerationOptions, check_generation

MAX_LETTERS = 4_000
"""The longest caption or instruction: no model reads as much, and a file that is not one has longer lines."""
MAX_TARGETS = 64

OF_EDITS = (
    "edit",
    "recipe",
    "new_word_factor",
    "text_mass",
    "cross_replace_steps",
    "self_replace_steps",
    "self_replace_max_pixels",
    "strength",
    "equalizer",
    "weight_region",
    "local_blend",
    "resize",
    "fast",
)
"""The options of an edit that a row may have: those whose values JSON can say."""
OPTIONS = (*(name for name in GenerationOptions.__annotations__ if name != "source_adapters"), *OF_EDITS)
COLUMNS = ("id", "source", "target", "instruction", "photo", *OPTIONS)


@dataclass(frozen=True)
class PairRow:
    """A row: its `number` in the file (from 1), an `id` of the user's, the caption `source`, the captions `targets`
    that it is edited into, an instruction for each or "", and its own `options`, which go before the run's. A row with
    a `photo` is edited from it, and `source` says what it shows.
    """

    number: int
    id: str
    source: str
    targets: tuple[str, ...]
    instructions: tuple[str, ...]
    options: RunOptions
    photo: NamedPhoto | None = None

    @property
    def content(self) -> dict[str, object]:
        """What is made of the row depends on this, and not on where it stands."""
        photo = {} if self.photo is None else {"photo": self.photo.sha256}
        return {
            "source": self.source,
            "targets": list(self.targets),
            "instructions": list(self.instructions),
            "options": dict(self.options),
            **photo,
        }


def check_row(number: int, columns: Mapping[str, Any], photos: Path | None = None) -> PairRow:
    """A row of its columns; None counts as a column that is left out.

    - `number`: where it stands in its file, from 1.
    - `columns`: `source`, `target` (a text or a list of them), `instruction` (as many), `id`, `photo`, and options by
      the names of the API.
    - `photos`: the folder of its photograph. Default: None; then a row cannot have one.

    Raises `DataError` with the reason, which names the column.

    >>> check_row(1, {"source": "a dog", "target": ["a cat", "a fox"], "seed": 7}).targets
    ('a cat', 'a fox')
    """
    given = {name: value for name, value in columns.items() if value is not None}
    for name in given:
        if name not in COLUMNS:
            raise DataError(f"there is no column '{name!s:.40}'; there are {', '.join(COLUMNS)}")
    source = _text("source", given.get("source"))
    targets = _texts("target", given.get("target"))
    instructions = _instructions(given.get("instruction"), len(targets))
    options = cast(RunOptions, {name: value for name, value in given.items() if name in OPTIONS})
    if isinstance(size := options.get("size"), list):
        options["size"] = cast(tuple[int, int], tuple(size))
    _check_options(targets, options)
    if not options.get("equalizer") and source in targets:
        raise DataError("a target is the source itself; give another caption, or an equalizer")
    if len(set(targets)) < len(targets):
        raise DataError("a target stands in the row twice; give it once")
    photo = _photo(given.get("photo"), photos, options)
    return PairRow(number, str(given.get("id", "")), source, targets, instructions, options, photo)


def _photo(name: object, photos: Path | None, options: RunOptions) -> NamedPhoto | None:
    if name is None:
        return None
    if photos is None:
        raise DataError("the row has a photo; name the folder of photographs with --photos")
    if "sampler" in options:
        raise DataError("a photograph is inverted by its method's own sampler; leave sampler out")
    return named_photo(photos, _text("photo", name))


def _check_options(targets: tuple[str, ...], options: RunOptions) -> None:
    generation, edit = split_options(options)
    if edit.get("strength") == AUTO:
        del edit["strength"]  # found while it is made
    try:
        check_generation(generation)
        EditSettings.of(targets, **edit)
    except WordbrushError as error:
        raise DataError(str(error)) from None
    except (TypeError, ValueError, AttributeError) as error:  # a value of quite another type
        raise DataError(f"an option cannot be read ({error!s:.80})") from None


def _text(name: str, value: object) -> str:
    if value is None:
        raise DataError(f"there is no {name}; give a caption")
    if not isinstance(value, str):
        raise DataError(f"{name} is {value!r:.40}; give a text")
    text = value.strip()
    if not text:
        raise DataError(f"{name} is empty; give a caption")
    if len(text) > MAX_LETTERS:
        raise DataError(f"{name} has {len(text)} letters; give {MAX_LETTERS} at most")
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in text):
        raise DataError(f"{name} has characters that are no text ({text!r:.40}); take them out")
    return text


def _texts(name: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise DataError(f"{name} is an empty list; give a caption or several")
    if len(values) > MAX_TARGETS:
        raise DataError(f"{name} has {len(values)} captions; give {MAX_TARGETS} at most, and the rest in other rows")
    return tuple(_text(name, each) for each in values)


def _instructions(value: object, count: int) -> tuple[str, ...]:
    if value is None or value == "":
        return ("",) * count
    found = _texts("instruction", value)
    if len(found) != count:
        raise DataError(f"there are {len(found)} instructions for {count} targets; give one for each")
    return found
