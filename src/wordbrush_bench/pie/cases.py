"""PIE-Bench as cases to run."""

from functools import partial
from pathlib import Path

from wordbrush.errors import DataError
from wordbrush_bench.case import Case, Material
from wordbrush_bench.case_file import unusable
from wordbrush_bench.picture_file import check_mask_size, read_picture
from wordbrush_bench.pie.mapping import PICTURES_FOLDER, BadEntry, Entry, read_mapping
from wordbrush_bench.pie.rle import decode_mask

SEED = 1234
"""The seed of the published runs."""


def read_pie(folder: Path) -> tuple[list[Case], list[str]]:
    """All cases of a folder in PIE-Bench's format, in its order, and what is wrong with its bad ones.

    A bad case fails when it is run, saying why; what only shows when its picture is opened is not in the list.
    Raises `DataError` when the folder is no such data set, or has none of its pictures.
    """
    entries = read_mapping(folder)
    pictures = [folder / PICTURES_FOLDER / entry.picture for entry in entries if isinstance(entry, Entry)]
    if pictures and not any(picture.is_file() for picture in pictures):
        raise DataError(f"none of the {len(pictures)} pictures is there, such as '{pictures[0]}'; copy them again")
    problems = [problem for entry in entries if (problem := _problem(entry, folder)) is not None]
    return [_case(entry, folder) for entry in entries], problems


def _problem(entry: Entry | BadEntry, folder: Path) -> str | None:
    if isinstance(entry, BadEntry):
        return entry.problem
    picture = folder / PICTURES_FOLDER / entry.picture
    return None if picture.is_file() else f"entry '{entry.id}': the picture '{picture}' is missing"


def _case(entry: Entry | BadEntry, folder: Path) -> Case:
    if isinstance(entry, BadEntry):
        return unusable(entry.id, entry.kind, entry.problem)
    source, target = ((word,) for word in entry.blended) if entry.blended else ((), ())
    return Case(
        id=entry.id,
        kind=entry.kind,
        origin="photograph",
        source_prompt=entry.source_prompt,
        target_prompt=entry.target_prompt,
        source_words=source,
        target_words=target,
        seed=SEED,
        material=partial(_material, entry, folder),
    )


def _material(entry: Entry, folder: Path) -> Material:
    picture = read_picture(folder / PICTURES_FOLDER / entry.picture)
    try:
        mask = decode_mask(entry.runs, entry.mask_size)
    except DataError as error:
        raise DataError(f"entry '{entry.id}': {error}") from None
    check_mask_size(mask, picture, f"entry '{entry.id}'")
    return Material(photo=picture, mask=mask)
