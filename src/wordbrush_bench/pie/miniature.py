"""A miniature data set in PIE-Bench's format, made of rendered scenes."""

import json
from io import BytesIO
from pathlib import Path

from PIL import Image

from wordbrush.files import write_atomically
from wordbrush_bench.case import KINDS, Case, Material
from wordbrush_bench.pie.mapping import MAPPING_FILE, MASK_SIZE, PICTURES_FOLDER
from wordbrush_bench.pie.rle import encode_mask
from wordbrush_bench.scenes.cases import scene_cases


def write_miniature(folder: Path, per_kind: int = 1) -> list[str]:
    """Write `per_kind` cases of every kind that scenes can show, and give their names.

    Pictures are of the scenes' own size, which the entries say (`mask_size`); words that the target prompt has and the
    source prompt has not are in brackets, as PIE-Bench has them. Raises `OutputError` when it cannot be written.
    """
    entries: dict[str, object] = {}
    for case in scene_cases(limit=per_kind):
        if case.origin == "photograph":
            name = f"{KINDS[case.kind]}{len(entries):011d}"
            entries[name] = _write(case, case.material(), name, folder)
    write_atomically(folder / MAPPING_FILE, json.dumps(entries, indent=1).encode())
    return list(entries)


def bracketed(prompt: str, other: str) -> str:
    """A prompt with each word in brackets that another prompt has not.

    >>> bracketed("a red cat on a mat", "a dog on a mat")
    'a [red] [cat] on a mat'
    """
    known = other.split()
    return " ".join(word if word in known else f"[{word}]" for word in prompt.split())


def _write(case: Case, material: Material, name: str, folder: Path) -> dict[str, object]:
    assert material.photo is not None  # rendered cases have both
    assert material.mask is not None
    path = f"{KINDS[case.kind]}_{case.kind}/{name}.png"
    _save(material.photo, folder / PICTURES_FOLDER / path)
    words = [*case.source_words[:1], *case.target_words[:1]]
    blended = " ".join(words) if len(words) == 2 and not any(" " in word for word in words) else ""
    size = list(material.mask.shape)
    entry: dict[str, object] = {
        "image_path": path,
        "original_prompt": bracketed(case.source_prompt, case.target_prompt),
        "editing_prompt": bracketed(case.target_prompt, case.source_prompt),
        "editing_instruction": "",
        "editing_type_id": str(KINDS[case.kind]),
        "blended_word": blended,
        "mask": encode_mask(material.mask),
    }
    return entry if tuple(size) == MASK_SIZE else {**entry, "mask_size": size}


def _save(picture: Image.Image, path: Path) -> None:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())
