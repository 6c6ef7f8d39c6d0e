"""PIE-Bench as cases to run."""

from functools import partial
from pathlib import Path

from wordbrush.errors import DataError
from wordbrush.evaluation.case import Case, Material
from wordbrush.evaluation.picture_file import check_mask_size, read_picture
from wordbrush.evaluation.pie.mapping import PICTURES_FOLDER, BadEntry, Entry, read_mapping
from wordbrush.evaluation.pie.rle import decode_mask

SEED = 1234
"""The seed of the published runs."""


def read_pie(folder: Path) -> list[Case]:
    """All cases of a folder in PIE-Bench's format, in its order; a bad one fails when it is run, saying why.

    Raises `DataError` when the folder is no such data set, or has none of its pictures.
    """
    entries = read_mapping(folder)
    pictures = [folder / PICTURES_FOLDER / entry.picture for entry in entries if isinstance(entry, Entry)]
    if pictures and not any(picture.is_file() for picture in pictures):
        raise DataError(f"none of the {len(pictures)} pictures is there, such as '{pictures[0]}'; copy them again")
    return [_case(entry, folder) for entry in entries]


def pie_problems(folder: Path) -> list[str]:
    """What is wrong with the cases of a folder, as far as it shows without opening pictures: a line each."""
    return [problem for entry in read_mapping(folder) if (problem := _problem(entry, folder)) is not None]


def _problem(entry: Entry | BadEntry, folder: Path) -> str | None:
    if isinstance(entry, BadEntry):
        return entry.problem
    picture = folder / PICTURES_FOLDER / entry.picture
    return None if picture.is_file() else f"entry '{entry.id}': the picture '{picture}' is missing"


def _case(entry: Entry | BadEntry, folder: Path) -> Case:
    if isinstance(entry, BadEntry):
        return Case(entry.id, entry.kind, "photograph", "", "", (), (), SEED, partial(_fail, entry.problem))
    source, target = entry.blended or ("", "")
    return Case(
        id=entry.id,
        kind=entry.kind,
        origin="photograph",
        source_prompt=entry.source_prompt,
        target_prompt=entry.target_prompt,
        source_words=(source,) if source else (),
        target_words=(target,) if target else (),
        seed=SEED,
        material=partial(_material, entry, folder),
    )


def _fail(problem: str) -> Material:
    raise DataError(problem)


def _material(entry: Entry, folder: Path) -> Material:
    picture = read_picture(folder / PICTURES_FOLDER / entry.picture)
    try:
        mask = decode_mask(entry.runs, entry.mask_size)
    except DataError as error:
        raise DataError(f"entry '{entry.id}': {error}") from None
    check_mask_size(mask, picture, f"entry '{entry.id}'")
    return Material(photo=picture, mask=mask)
