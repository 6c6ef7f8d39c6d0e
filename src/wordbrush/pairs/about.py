"""What is said of a finished set: its errors, a manifest of its files, a datasheet, a sheet of pictures."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from wordbrush.files import write_atomically
from wordbrush.json_form import to_plain
from wordbrush.pairs.formats import sha256_of, size_of
from wordbrush.pairs.making import Making
from wordbrush.pairs.sample import File
from wordbrush.pairs.store import Shard, fewest
from wordbrush.pairs.totals import Totals
from wordbrush.pictures.save import plain_png_bytes
from wordbrush.views.picture_grid import Captioned, PictureGrid, Strip
from wordbrush.views.sheets import draw_sheet

_ACROSS = 4
_NOT_STATED = "not stated"
_DRAWN = "All pictures are synthetic: a model drew both."
_PHOTOGRAPHED = (
    "A picture before may be a photograph (then its JSON names it); all others are synthetic: a model drew them."
)

_LOADS = {
    "webdataset": 'load_dataset("webdataset", data_files="data/*.tar")',
    "parquet": 'load_dataset("parquet", data_files="data/*.parquet")',
    "folder": 'load_dataset("imagefolder", data_dir="data")',
}


def write_about(
    out: Path, making: Making, format: str, licence: str | None, totals: Totals, shards: Sequence[Shard]
) -> None:
    """Write `errors.jsonl`, `manifest.json`, `DATASHEET.md` and, if there is anything to see, `contact-sheet.png`.

    The bytes depend on the set alone: there is no time in them. Raises `OutputError`.
    """
    errors = (outcome for shard in shards for outcome in shard.outcomes() if outcome.error is not None)
    write_atomically(out / "errors.jsonl", b"".join(outcome.line() for outcome in errors))
    write_atomically(out / "manifest.json", _manifest(out, making, format, totals, shards).encode())
    write_atomically(out / "DATASHEET.md", _datasheet(making, format, licence, totals).encode())
    looks: list[File] = []
    for shard in shards:  # at most so many of each are held
        looks = fewest([*looks, *shard.looks()])
    if looks:
        write_atomically(out / "contact-sheet.png", plain_png_bytes(_contact_sheet(looks)))


def _manifest(out: Path, making: Making, format: str, totals: Totals, shards: Sequence[Shard]) -> str:
    files = [
        {
            "path": path.relative_to(out).as_posix(),
            "kind": kind,
            "bytes": size_of(path),
            "sha256": sha256_of(path),
        }
        for shard in shards
        for kind, path in shard.paths.items()
    ]
    about = {"made_by": making.depends_on(), "format": format, "counts": _counts(totals), "files": files}
    return json.dumps(about, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _counts(totals: Totals) -> dict[str, object]:
    return {
        "rows": totals.rows,
        "errors": totals.errors,
        "tries": totals.tries,
        "pairs": totals.pairs,
        "rejected": dict(sorted(totals.rejected.items())),
    }


def _datasheet(making: Making, format: str, licence: str | None, totals: Totals) -> str:
    made = making.depends_on()
    rejected = [f"| {reason} | {count} |" for reason, count in sorted(totals.rejected.items())]
    settings = {name: made[name] for name in ("options", "sampling", "filters", "batch", "threads")}
    lines = [
        "# Pairs of pictures, before and after an edit",
        "",
        f"{totals.pairs} pairs with their captions, made by Prompt-to-Prompt (Hertz et al. 2022) as InstructPix2Pix "
        f"made its training set (Brooks et al. 2023). {_PHOTOGRAPHED if making.photos else _DRAWN}",
        "",
        "## What made it",
        "",
        f"- Model: {making.model.name or 'the bundled model of wordbrush'}, fingerprint `{making.model.fingerprint}`, "
        f"{making.model.dtype} on {making.model.device}",
        *(f"- Beside its weights: {file}, sha256 `{file.sha256}`" for file in making.model.adapters),
        f"- CLIP that measured: {f'fingerprint `{making.clip_fingerprint}`' if making.clip else 'none'}",
        f"- Versions: {', '.join(f'{name} {v}' for name, v in to_plain(made['versions']).items())}",  # type: ignore[attr-defined]
        "",
        "```json",
        json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False),
        "```",
        "",
        "## What became of the rows",
        "",
        f"{totals.rows} rows, of which {totals.errors} gave an error (`errors.jsonl`); {totals.tries} tries, "
        f"of which {totals.pairs} are pairs. The others, by the first reason:",
        "",
        "| reason | tries |",
        "|---|---|",
        *rejected,
        "",
        "## Licences",
        "",
        f"- Of this set: {licence or _NOT_STATED}",
        f"- Of the captions: {_NOT_STATED}",
        *([f"- Of the photographs: {_NOT_STATED}"] if making.photos else []),
        f"- Of the model's weights and what they allow: {_NOT_STATED}",
        "",
        "## How to load it",
        "",
        f"With `datasets`: `{_LOADS[format]}`. Each pair has both pictures, the captions, the instruction (empty "
        "where its row had none), the scores, and every setting of its edit.",
        "",
        "## What to know",
        "",
        "- What the model gets wrong, the set has wrong: the filters measure, and do not look.",
        "- `done` and `kept` come from the attention of the model that drew the pictures.",
        "",
    ]
    return "\n".join(lines)


def _contact_sheet(looks: Sequence[File]) -> Image.Image:
    grids = [
        PictureGrid([Strip(shown[at : at + _ACROSS]) for at in range(0, len(shown), _ACROSS)], title=title)
        for kind, title in (("kept/", "Kept, drawn by lot"), ("refused/", "Refused, drawn by lot, with the reason"))
        if (shown := [_captioned(look) for look in looks if look[0].startswith(kind)])
    ]
    return draw_sheet(grids, title="Pairs: before and after")


def _captioned(look: File) -> Captioned:
    name, content = look
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        image.load()
        source, target = (str(image.info.get(text, "")) for text in ("source", "target"))
        reason = name.removesuffix(".png").split("-")[2:]
        return Captioned(image.copy(), f"{source} / {target}", " ".join(reason))
