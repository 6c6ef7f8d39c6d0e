"""Own cases, one a line: a JSONL file beside its pictures.

Each line is an object. `source_prompt` and `target_prompt` are needed, and `picture`, a path beside the file; without
it the source is generated from its prompt. The rest may be left out:

    {"picture": "cat.jpg", "source_prompt": "a cat on a chair", "target_prompt": "a dog on a chair",
     "id": "cat-1", "kind": "change-object", "mask": "cat-mask.png", "source_words": ["cat"], "target_words": ["dog"],
     "perfect": "dog.png", "seed": 7}

`id` is the line's number unless given, `kind` one of PIE-Bench's ten ("mixed" unless given). `mask` is a picture of
the same size, white where the edit should change it; without one, metrics of the background and of the edited part are
gaps. A set without source prompts, as TEDBench is (Kawar et al. 2023, arXiv 2210.09276), gives them as "".
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wordbrush.errors import DataError, RecordError
from wordbrush.json_form import from_plain
from wordbrush_bench.case import KINDS, Case, Material
from wordbrush_bench.picture_file import check_mask_size, read_mask_picture, read_picture

_MAX_BYTES = 1 << 28


@dataclass(frozen=True)
class OwnCase:
    """A line of the file; files are named relative to it."""

    source_prompt: str
    target_prompt: str
    id: str
    kind: str = "mixed"
    picture: str | None = None
    mask: str | None = None
    perfect: str | None = None
    source_words: tuple[str, ...] = ()
    target_words: tuple[str, ...] = ()
    seed: int = 0


def read_case_file(path: Path) -> tuple[list[Case], list[str]]:
    """The cases of a JSONL file, and what is wrong with its bad lines; such a case fails when it is run, saying so.

    Raises `DataError` when the file cannot be read, or no line of it holds a case.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"'{path}' is larger than {_MAX_BYTES >> 20} MiB; give a file of cases")
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise DataError(f"'{path}' cannot be read ({error.strerror}); give a JSONL file of cases") from None
    except UnicodeDecodeError as error:
        raise DataError(f"'{path}' is not UTF-8 text (byte {error.start}); give a JSONL file of cases") from None
    cases: dict[str, Case] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = _case(_own_case(line, number), path.parent, f"'{path}', line {number}")
            if case.id in cases:
                raise DataError(f"the id '{case.id:.60}' is taken already; give each case its own")
        except DataError as error:
            problems.append(f"'{path}', line {number}: {error}")
            case = unusable(f"line {number}", "mixed", problems[-1])
        cases[case.id] = case
    if len(problems) == len(cases):
        first = f" ({problems[0]})" if problems else ""
        raise DataError(f"no line of '{path}' is a case{first}; give a JSONL file of cases")
    return list(cases.values()), problems


def unusable(name: str, kind: str, problem: str) -> Case:
    """A case that fails when it is run, saying why: so it is reported and counted."""
    return Case(name, kind, "photograph", "", "", (), (), 0, partial(_fail, problem))


def _fail(problem: str) -> Material:
    raise DataError(problem)


def _own_case(line: str, number: int) -> OwnCase:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"it is not JSON ({error!s:.80}); write one object a line") from None
    if not isinstance(value, dict):
        raise DataError("it is not an object; write one object a line")
    for name in ("source_prompt", "target_prompt"):
        if name not in value:
            raise DataError(f"it has no '{name}'; give one")
    defaults = {
        name: list(default) if isinstance(default, tuple) else default
        for name, default in vars(OwnCase("", "", f"line {number}")).items()
    }
    try:
        own = from_plain(OwnCase, {**defaults, **value}, "it")
    except RecordError as error:
        raise DataError(str(error)) from None
    if own.kind not in KINDS:
        raise DataError(f"its kind is '{own.kind:.40}', none of {', '.join(KINDS)}")
    return own


def _case(own: OwnCase, folder: Path, where: str) -> Case:
    return Case(
        id=own.id,
        kind=own.kind,
        origin="generated" if own.picture is None else "photograph",
        source_prompt=own.source_prompt,
        target_prompt=own.target_prompt,
        source_words=own.source_words,
        target_words=own.target_words,
        seed=own.seed,
        material=partial(_material, own, folder, where),
    )


def _material(own: OwnCase, folder: Path, where: str) -> Material:
    photo = None if own.picture is None else read_picture(folder / own.picture)
    mask = None if own.mask is None else read_mask_picture(folder / own.mask)
    perfect = None if own.perfect is None else read_picture(folder / own.perfect)
    if photo is not None and mask is not None:
        check_mask_size(mask, photo, where)
    if photo is not None and perfect is not None and perfect.size != photo.size:
        raise DataError(f"{where}: the perfect edit is not of the picture's size; they must be of one size")
    return Material(photo=photo, mask=mask, perfect=perfect)
