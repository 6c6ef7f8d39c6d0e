"""The class that makes the pairs of rows. It knows of no engine, no files and no other rows."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from PIL import Image

from wordbrush.editor import Editor
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import ModelError
from wordbrush.files import expanded
from wordbrush.json_form import to_plain
from wordbrush.metrics.clip_score import ClipScore
from wordbrush.models.adapter_file import file_sha256
from wordbrush.models.processor import thread_count
from wordbrush.pairs.drawing import Drawing, Drawn
from wordbrush.pairs.filters import Scores, best_first
from wordbrush.pairs.lots import Lot
from wordbrush.pairs.making import Making
from wordbrush.pairs.part import Outcome, Part
from wordbrush.pairs.row import PairRow
from wordbrush.pairs.sample import File, Sample
from wordbrush.pairs.scores import clip_scores, difference, own_scores
from wordbrush.pairs.tries import drawn
from wordbrush.pictures.save import plain_png_bytes
from wordbrush.runs.results import EditResult

KEY_LETTERS = 20
"""How much of an address a pair's key has: 80 bits, so that no two of a set are equal."""
_LOOK_SIDE = 128
_MACHINE_FAILED: tuple[type[Exception], ...] = (
    (OSError, torch.AcceleratorError) if hasattr(torch, "AcceleratorError") else (OSError,)
)
"""What no row is to blame for: a disk that fails, a GPU that answers nothing more. To run out of memory is a row's."""


@dataclass(frozen=True, eq=False)
class _Try:
    """One edit, with its own settings and the number of its seed and of itself in its row."""

    edit: EditResult
    settings: EditSettings
    number: int
    scores: Scores


class PairMaker:
    """Makes the pairs of rows with one model. Call it with a lot of rows; it returns the bytes of a `Part` for each.

    An error of a row is its outcome, and raises nothing. A disk or a device that fails is no row's error: then it
    raises `ModelError`, and the rows are still to be made.
    """

    def __init__(self, editor: Editor, making: Making, clip: ClipScore | None = None) -> None:
        """Use an editor that is loaded already; see `load`."""
        self._making, self._clip = making, clip
        self._drawing = Drawing(editor, making)

    @classmethod
    def load(cls, making: Making, device: str | None = None) -> Self:
        """Load what a making names; `device` is this worker's own ("cuda:1"). Raises `ModelError`, `SettingsError`."""
        model = making.model
        editor = Editor.from_pretrained(model.name, device or model.device, model.dtype, keep_bytes=0)
        if editor.model.fingerprint != model.fingerprint:
            raise ModelError(
                f"the model here is {editor.model.fingerprint[:12]}, and the set is made with "
                f"{model.fingerprint[:12]}; copy the same weights to every machine"
            )
        for file in model.adapters:
            path = expanded(file.file)
            if file_sha256(path) != file.sha256:
                raise ModelError(
                    f"the {file} is not at '{path}' as the set has it; copy the same file to every machine"
                )
            if file.kind == "lora":
                editor.load_lora(path, file.scale, file.name)
            else:
                editor.load_concept(path, file.name)
        return cls(editor, making, None if making.clip is None else ClipScore.load(making.clip))

    def __call__(self, lot: Lot) -> list[bytes]:
        """The pairs of each row of a lot, as `Part.to_bytes` writes them."""
        try:
            with thread_count(self._making.model.threads):
                drawn = self._drawing(lot, _MACHINE_FAILED)
                return [self._made(*job, its).to_bytes() for job, its in zip(lot, drawn, strict=True)]
        except _MACHINE_FAILED as error:
            where = " or ".join(str(row.number) for row, _ in lot)
            raise ModelError(
                f"the machine failed at row {where} ({_said(error)}); run again to go on there"
            ) from error

    def _made(self, row: PairRow, address: str, drawn: Drawn | Exception) -> Part:
        if isinstance(drawn, Drawn):
            try:
                return self._part(row, address, drawn)
            except _MACHINE_FAILED:
                raise
            except Exception as error:  # whatever it is, it is this row's, and the set goes on
                drawn = error
        return Part(Outcome(row.number, row.id, address, error=_said(drawn)))

    def _part(self, row: PairRow, address: str, drawn: Drawn) -> Part:
        filters, reasons = self._making.filters, Counter[str]()
        if drawn.idle:
            reasons["idle"] = drawn.idle
        passed: list[_Try] = []
        refused: list[_Try] = []
        for number, (edit, settings) in enumerate(drawn.tries):
            made = _Try(edit, settings, number, self._scores(edit))
            reason = filters.refusal(made.scores)
            if reason is None:
                passed.append(made)
            else:
                reasons[reason] += 1
                refused.append(made)
        kept: list[_Try] = []
        for one, _ in best_first(passed, [one.scores for one in passed]):
            if sum(other.edit.target == one.edit.target for other in kept) >= filters.best:
                reasons["not among the best"] += 1
            elif any(difference(one.edit, other.edit) < filters.min_difference for other in kept):
                reasons["like a better one"] += 1
            else:
                kept.append(one)
        outcome = Outcome(
            row.number, row.id, address, len(kept) + sum(reasons.values()), len(kept), dict(sorted(reasons.items()))
        )
        samples = [self._sample(row, address, one) for one in kept]
        return Part(outcome, samples, _looks(address, kept, refused, filters.refusal))

    def _scores(self, edit: EditResult) -> Scores:
        return own_scores(edit) | ({} if self._clip is None else clip_scores(edit, self._clip))

    def _sample(self, row: PairRow, address: str, made: _Try) -> Sample:
        edit = made.edit
        key = f"{address[:KEY_LETTERS]}-{made.number:04}"
        about = {
            "key": key,
            "id": row.id,
            "source": row.source,
            "target": edit.target,
            "instruction": row.instructions[row.targets.index(edit.target)],
            "seed": edit.source.settings.seed,
            "scores": {name: round(value, 6) for name, value in made.scores.items()},
            "generation": to_plain(edit.source.settings),
            "edit": to_plain(made.settings),
            "model": self._making.model.fingerprint,
            **self._making.model.beside,
            "address": address,
        }
        if row.photo is not None:
            inverted = edit.source.record.photo
            assert inverted is not None  # the source is that photograph's
            about |= {"photo": to_plain(row.photo), "inversion": to_plain(inverted.inversion)}
        return Sample(key, plain_png_bytes(edit.source.image), plain_png_bytes(edit.image), about)


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300].rstrip(": ")


def _looks(address: str, kept: Sequence[_Try], refused: Sequence[_Try], refusal: Any) -> list[File]:
    """One small picture of a kept and of a refused try; names begin with a number that is drawn by lot."""
    looks = []
    for kind, tries in (("kept", kept), ("refused", refused)):
        if tries:
            one = tries[int(drawn(address, kind) * len(tries))]
            said = "" if kind == "kept" else refusal(one.scores)
            lot = f"{int(drawn(address, kind, 'lot') * 10**9):09}"
            looks.append((f"{kind}/{lot}-{address[:12]}{'-' + said if said else ''}.png", _beside(one.edit)))
    return looks


def _beside(edit: EditResult) -> bytes:
    """Both pictures of a pair side by side, small, as a PNG that holds their captions."""
    pictures = [image.convert("RGB") for image in (edit.source.image, edit.image)]
    for picture in pictures:
        picture.thumbnail((_LOOK_SIDE, _LOOK_SIDE))
    sheet = Image.new("RGB", (sum(picture.width for picture in pictures), pictures[0].height))
    sheet.paste(pictures[0], (0, 0))
    sheet.paste(pictures[1], (pictures[0].width, 0))
    return _with_text(sheet, {"source": edit.source.prompt, "target": edit.target})


def _with_text(image: Image.Image, texts: Mapping[str, str]) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    for name, text in texts.items():
        about.add_itxt(name, text)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=about)
    return buffer.getvalue()
