"""Running a benchmark: case by case, method by method, each row measured and kept before the next."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from wordbrush.errors import RecordError, SettingsError
from wordbrush.files import write_atomically
from wordbrush.pictures.digest import pixel_sha256
from wordbrush_bench.case import Case, Material
from wordbrush_bench.journal import JournalWriter, Row
from wordbrush_bench.meter import Gap, Measured, Meter, measure
from wordbrush_bench.method import Method, Outcome

JOURNAL = "journal.jsonl"
PICTURES = "pictures"


def run_benchmark(
    cases: Sequence[Case],
    methods: Sequence[Method],
    meters: Sequence[Meter],
    folder: Path,
    depends_on: Mapping[str, object],
) -> Iterator[Row]:
    """Run every method on every case that `folder` has no row of yet, and give all rows, those kept from before too.

    A case or a method that raises is a row with its error; the run goes on. `depends_on` is what all rows depend on
    beside the methods' settings: the model, the data set. A run that was stopped goes on when it is called again.

    Raises `RecordError` when the folder's journal is broken or of another run.
    """
    _check_names(cases, methods)
    settings = {method.name: method.settings for method in methods}
    with JournalWriter(folder / JOURNAL, depends_on, settings) as journal:
        for case in cases:
            _check_case(case, methods, journal)
            missing = [method for method in methods if (case.id, method.name) not in journal.done]
            loaded = _load(case) if any(method.refusal(case) is None for method in missing) else Material()
            for method in methods:
                if method in missing:
                    journal.add(_row(case, loaded, method, meters, folder))
                yield journal.done[case.id, method.name]


def file_name(text: str) -> str:
    """Letters, digits, points and hyphens, for the name of a file.

    >>> file_name("cross 0.8, self 0.4")
    'cross-0.8-self-0.4'
    """
    kept = "".join(letter if (letter.isascii() and letter.isalnum()) or letter == "." else " " for letter in text)
    return "-".join(kept.split())[:100]


def _check_names(cases: Sequence[Case], methods: Sequence[Method]) -> None:
    for what, names in (("case", [case.id for case in cases]), ("method", [method.name for method in methods])):
        files = [file_name(name) for name in names]
        twice = next((name for name, file in zip(names, files, strict=True) if files.count(file) > 1), None)
        if twice is not None:
            raise SettingsError(f"two {what}s are called '{twice:.60}'; name each once")


def _check_case(case: Case, methods: Sequence[Method], journal: JournalWriter) -> None:
    """Raise `RecordError` when rows kept from before are of another case of the same name."""
    for method in methods:
        row = journal.done.get((case.id, method.name))
        if row is not None and row.prompts != (case.source_prompt, case.target_prompt):
            raise RecordError(f"'{case.id}' was another case when this run was begun; use another --out")


def _load(case: Case) -> Material | str:
    """A case's pictures, or why there are none."""
    try:
        return case.material()
    except Exception as error:
        return _said(error)


def _row(case: Case, material: Material | str, method: Method, meters: Sequence[Meter], folder: Path) -> Row:
    def row(
        error: str | None = None,
        refused: str | None = None,
        measured: Mapping[str, Measured] | None = None,
        notes: tuple[str, ...] = (),
        pictures: Mapping[str, str] | None = None,
    ) -> Row:
        found = measured or {}
        values = {name: value for name, value in found.items() if not isinstance(value, Gap)}
        gaps = {name: value.reason for name, value in found.items() if isinstance(value, Gap)}
        return Row(
            case=case.id,
            kind=case.kind,
            origin=case.origin,
            prompts=(case.source_prompt, case.target_prompt),
            method=method.name,
            values=values,
            gaps=gaps,
            error=error,
            refused=refused,
            notes=notes,
            pictures=dict(pictures or {}),
        )

    refused = method.refusal(case)
    if refused is not None:
        return row(refused=refused)
    if isinstance(material, str):
        return row(error=material)
    try:
        outcome = method.run(case, material)
        measured = _measured(case, material, outcome, meters)
    except Exception as error:
        return row(error=_said(error))
    return row(None, None, measured, outcome.notes, _save(case, material, method, outcome, folder))


def _measured(case: Case, material: Material, outcome: Outcome, meters: Sequence[Meter]) -> dict[str, Measured]:
    cost: dict[str, Measured] = {
        "seconds": outcome.seconds,
        "source seconds": outcome.source_seconds,
        "peak memory": Gap("not measured here") if outcome.peak_bytes is None else outcome.peak_bytes / 2**20,
    }
    return cost | measure(meters, case, material, outcome)


def _save(case: Case, material: Material, method: Method, outcome: Outcome, folder: Path) -> dict[str, str]:
    """The outcome's pictures as files, small, for looking through; a case's own are written once."""
    made = file_name(case.id)
    own = f"{made}-{file_name(method.name)}"
    source = f"{made}-source-{pixel_sha256(outcome.source)[:8]}.webp"  # one file for all methods that share it
    shown = {"edited": (outcome.edited, f"{own}.webp"), "source": (outcome.source, source)}
    if material.photo is not None:
        shown["photo"] = (material.photo, f"{made}-photo.webp")
    if material.perfect is not None:
        shown["perfect"] = (material.perfect, f"{made}-perfect.webp")
    if material.mask is not None:
        shown["mask"] = (Image.fromarray(material.mask.astype(np.uint8) * 255), f"{made}-mask.webp")
    for what, (image, name) in shown.items():
        path = folder / PICTURES / name
        if what == "edited" or not path.exists():
            buffer = BytesIO()
            image.convert("RGB").save(buffer, "WEBP", quality=85)
            write_atomically(path, buffer.getvalue())
    return {what: f"{PICTURES}/{name}" for what, (_, name) in shown.items()}


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300].rstrip(": ")
