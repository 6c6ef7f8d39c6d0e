"""Own cases, one a line: a JSONL file beside its pictures.

Each line is an object. `source_prompt` and `target_prompt` are needed, and `picture`, a path beside the file; without
it the source is generated from its prompt. The rest may be left out:

    {"picture": "cat.jpg", "source_prompt": "a cat on a chair", "target_prompt": "a dog on a chair",
     "id": "cat-1", "kind": "change-object", "mask": "cat-mask.png", "source_words": ["cat"], "target_words": ["dog"],
     "perfect": "dog.png", "seed": 7}

`id` is the line's number unless given, `kind` one of PIE-Bench's ten ("mixed" unless given). `mask` is a picture of the
same size, white where the edit should change it; without one, metrics of the background and of the edited part are
gaps. A set without source prompts, as TEDBench is (Kawar et al. 2023, arXiv 2210.09276), gives them as "".
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from wordbrush.errors import DataError
from wordbrush.evaluation.case import KINDS, Case, Material
from wordbrush.evaluation.picture_file import check_mask_size, read_mask_picture, read_picture

_FILES = ("picture", "mask", "perfect")
_TEXTS = ("source_prompt", "target_prompt", "id", "kind", *_FILES)
_LISTS = ("source_words", "target_words")
_MAX_BYTES = 1 << 28


def read_case_file(path: Path) -> list[Case]:
    """The cases of a JSONL file; one that is not as it should be fails when it is run, saying its line.

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
    cases: list[Case] = []
    taken: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            cases.append(_case(line, number, path, taken))
            taken.add(cases[-1].id)
    if not any(isinstance(case.material, partial) and case.material.func is _material for case in cases):
        first = f" ({_problem(cases[0])})" if cases else ""
        raise DataError(f"no line of '{path}' is a case{first}; give a JSONL file of cases")
    return cases


def case_file_problems(cases: list[Case]) -> list[str]:
    """What is wrong with lines of the file: a line each."""
    return [problem for case in cases if (problem := _problem(case)) is not None]


def _problem(case: Case) -> str | None:
    material = case.material
    if isinstance(material, partial) and material.func is _fail:
        return str(material.args[0])
    return None


def _case(line: str, number: int, path: Path, taken: set[str]) -> Case:
    where = f"'{path}', line {number}"
    try:
        value = _object(line)
        name = value.get("id", f"line {number}")
        if name in taken:
            raise DataError(f"the id '{name:.60}' is taken already; give each case its own")
        kind = value.get("kind", "mixed")
        if kind not in KINDS:
            raise DataError(f"the kind '{kind:.40}' is none of {', '.join(KINDS)}")
        files = {name: path.parent / value[name] for name in _FILES if name in value}
        return Case(
            id=name,
            kind=kind,
            origin="photograph" if "picture" in files else "generated",
            source_prompt=value["source_prompt"],
            target_prompt=value["target_prompt"],
            source_words=tuple(value.get("source_words", ())),
            target_words=tuple(value.get("target_words", ())),
            seed=value.get("seed", 0),
            material=partial(_material, files, where),
        )
    except DataError as error:
        return Case(
            f"line {number}", "mixed", "photograph", "", "", (), (), 0, partial(_fail, f"{where}: {error}")
        )


def _object(line: str) -> "Mapping[str, object] | dict":
    raise NotImplementedError
