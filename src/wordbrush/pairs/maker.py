"""The class that makes the pairs of a row. It knows of no engine, no files and no other rows."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import torch
from PIL import Image

from wordbrush.editor import Editor, split_options
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import IdleEditError, ModelError
from wordbrush.json_form import to_plain
from wordbrush.maps.request import MapsRequest
from wordbrush.metrics.clip_score import ClipScore
from wordbrush.models.processor import thread_count
from wordbrush.pairs.filters import Scores, best_first
from wordbrush.pairs.making import Making
from wordbrush.pairs.part import Outcome, Part
from wordbrush.pairs.photos import photo_picture
from wordbrush.pairs.row import PairRow
from wordbrush.pairs.sample import File, Sample
from wordbrush.pairs.scores import clip_scores, difference, own_scores
from wordbrush.pairs.tries import chosen, drawn, of_tries, seeds_of
from wordbrush.pictures.save import plain_png_bytes
from wordbrush.runs.results import EditResult, Source
from wordbrush.sampling.settings import GenerationOptions, GenerationSettings

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
    """Makes a row's pairs with one model. Call it with a row and its address; it returns the bytes of a `Part`.

    An error of the row is its outcome, and raises nothing. A disk or a device that fails is no row's error: then it
    raises `ModelError`, and the row is still to be made.
    """

    def __init__(self, editor: Editor, making: Making, clip: ClipScore | None = None) -> None:
        """Use an editor that is loaded already; see `load`."""
        self._editor, self._making, self._clip = editor, making, clip

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
        return cls(editor, making, None if making.clip is None else ClipScore.load(making.clip))

    def __call__(self, row: PairRow, address: str) -> bytes:
        """The pairs of a row, as `Part.to_bytes` writes them."""
        with thread_count(self._making.model.threads):
            try:
                return self._part(row, address).to_bytes()
            except _MACHINE_FAILED as error:
                raise ModelError(
                    f"the machine failed at row {row.number} ({_said(error)}); run again to go on there"
                ) from error
            except Exception as error:  # whatever it is, it is this row's, and the set goes on
                return Part(Outcome(row.number, row.id, address, error=_said(error))).to_bytes()

    def _part(self, row: PairRow, address: str) -> Part:
        filters, reasons = self._making.filters, Counter[str]()
        passed: list[_Try] = []
        refused: list[_Try] = []
        for made in self._tries(row, address, reasons):
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

    def _tries(self, row: PairRow, address: str, reasons: Counter[str]) -> list[_Try]:
        editor, sampling = self._editor, self._making.sampling.beside(row.options)
        generation, edit = split_options({**self._making.options, **row.options})
        found: list[_Try] = []
        for seed in seeds_of(row, address, sampling.seeds):
            generation["seed"] = seed
            start = self._start(row, generation)
            asked = of_tries(editor.edit_settings(row.targets, start, **edit), address, seed, sampling)
            places = [i for i in range(len(asked.targets)) if not self._is_idle(start, chosen(asked, [i]))]
            reasons["idle"] += len(asked.targets) - len(places)
            size = self._making.batch - 1
            for at in range(0, len(places), size):
                batch = chosen(asked, places[at : at + size])
                for i, result in enumerate(self._edited(start, batch)):
                    scores = own_scores(result)
                    if self._clip is not None:
                        scores |= clip_scores(result, self._clip)
                    found.append(_Try(result, chosen(batch, [i]), len(found), scores))
        if not reasons["idle"]:
            del reasons["idle"]
        return found

    def _start(self, row: PairRow, generation: GenerationOptions) -> GenerationSettings | Source:
        """What is drawn beside its edits, or the source that a photograph becomes, which shows the photograph itself
        and has its maps.
        """
        if row.photo is None:
            return self._editor.generation_settings(row.source, **generation)
        assert self._making.photos is not None  # a row with a photograph was refused without a folder
        photo = photo_picture(self._making.photos, row.photo, self._editor.model.native_size)
        options = {name: value for name, value in generation.items() if name != "sampler"}
        source = self._editor.invert(photo, row.source, method=self._making.inversion, **cast(Any, options))
        return replace(source, image=photo, maps=self._editor.maps(source))

    def _edited(self, start: GenerationSettings | Source, batch: EditSettings) -> Sequence[EditResult]:
        if isinstance(start, Source):
            return self._editor.apply(start, batch, capture=MapsRequest())
        return self._editor.generate_and_edit(start, batch, capture=MapsRequest())

    def _is_idle(self, start: GenerationSettings | Source, edit: EditSettings) -> bool:
        try:
            self._editor.preview(start, edit)
        except IdleEditError:
            return True
        return False

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
