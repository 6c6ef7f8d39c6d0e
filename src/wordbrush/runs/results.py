"""What an editor gives back: a source that can be edited again, and edits of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image
from torch import Tensor

from wordbrush.edits.settings import EditSettings
from wordbrush.inversion.report import InversionReport, report_facts
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.pictures.fit import Fit, mask_from_canvas
from wordbrush.pictures.masks import mask_picture
from wordbrush.pictures.save import plain_png_bytes, save_plain_png
from wordbrush.runs.png import png_bytes, save_png
from wordbrush.runs.record import RunRecord, save_record
from wordbrush.runs.replaced import cleared_folder
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.views.facts import edit_facts, generation_facts
from wordbrush.views.notebook import ShownPicture, result_html
from wordbrush.views.prompts import MarkedText, marked_prompts, unmarked


@dataclass(frozen=True, eq=False, repr=False)
class Source:
    """A picture with what its edits need: its latents at each step and, within a budget, its attention.

    `canvas` is the picture at the model's own size; `maps` are those that its run was asked to capture.

    Of an inverted photograph, `photo` is the photograph itself, `image` what came back of it at its size, `report`
    says how well and at what cost, and `notes` what was converted or found kept. The canvas holds it where the
    record's `photo.fit` says. A generated picture is its canvas.
    """

    image: Image
    canvas: Image
    settings: GenerationSettings
    kept: Replay
    record: RunRecord
    maps: AttentionMaps | None = None
    photo: Image | None = None
    report: InversionReport | None = None
    notes: tuple[str, ...] = ()

    @property
    def fit(self) -> Fit | None:
        """How a photograph lies in the canvas."""
        return None if self.record.photo is None else self.record.photo.fit

    @property
    def prompt(self) -> str:
        """The prompt that it was made from, or that the photograph is said to show."""
        return self.settings.prompt

    @property
    def original(self) -> Image:
        """The picture that no edit has touched: the photograph, else its own."""
        return self.image if self.photo is None else self.photo

    @property
    def name(self) -> str:
        """The file name without its ending."""
        return "source"

    @property
    def latents(self) -> Tensor:
        """Its finished latents (1, C, h, w)."""
        return self.kept.latents[-1]

    def save(self, folder: str | Path) -> list[Path]:
        """Write `source.png`, which carries its record, and `record.json`; returns the paths."""
        directory = cleared_folder(folder, self.record)
        paths = [directory / "source.png", directory / "record.json"]
        save_png(self.image, paths[0], self.record, None)
        save_record(self.record, paths[1])
        return paths

    def __repr__(self) -> str:
        """One line, without tensors."""
        made = f"seed {self.settings.seed}" if self.report is None else f"a photograph, method {self.report.method}"
        return f"<Source {self.prompt!r}, {made}, {_size(self.image)}>"

    def _repr_png_(self) -> bytes:
        return png_bytes(self.image, self.record, None)

    def _repr_html_(self) -> str:
        shown = _picture(self.image, self._repr_png_(), f"source: {self.prompt}", unmarked(self.prompt))
        facts = [*generation_facts(self.settings), ("model", self.record.model.name)]
        if self.report is None or self.photo is None:
            return result_html([shown], facts)
        photo = _picture(self.photo, plain_png_bytes(self.photo), "the photograph", unmarked("photograph"))
        return result_html([photo, shown], [*report_facts(self.report), *facts], warnings=self.report.warnings)


@dataclass(frozen=True, eq=False, repr=False)
class EditResult:
    """One edited picture: `index` is its place among its run's targets, `latents` (1, C, h, w) the finished ones.

    `canvas` is what the model made of them. `image` is that of a generated source; of a photograph it has that one's
    size and, with a local blend or a mask, its very pixels outside of the region that could change.
    `maps` are those that its run was asked to capture.
    `blend_masks` (steps, h, w) says where its latents could change, from the first step that a local blend acted in to
    the last; None without one.
    """

    image: Image
    canvas: Image
    source: Source
    target: str
    index: int
    latents: Tensor
    record: RunRecord
    maps: AttentionMaps | None = None
    blend_masks: Tensor | None = None

    @property
    def blend_mask(self) -> Image | None:
        """Where the finished picture could change, white in a grey picture of its size; None without a local blend."""
        return (
            None if self.blend_masks is None else shown_mask(self.blend_masks[-1], self.canvas.size, self.source.fit)
        )

    @property
    def name(self) -> str:
        """The file name without its ending: "edited", or "edited-2" in a run of several targets."""
        assert self.record.edit is not None
        return edited_name(self.record.edit, self.index)

    def save(self, folder: str | Path) -> list[Path]:
        """Write the source, this edit and `record.json` of the run; both pictures carry it. Returns the paths.

        With a local blend its mask is written as well, as `<name>-mask.png`, which `mask` of an editor reads.
        """
        directory = cleared_folder(folder, self.record)
        paths = [directory / "source.png", directory / f"{self.name}.png", directory / "record.json"]
        save_png(self.source.image, paths[0], self.record, None)
        save_png(self.image, paths[1], self.record, self.index)
        save_record(self.record, paths[2])
        if self.blend_mask is not None:
            paths.append(directory / f"{self.name}-mask.png")
            save_plain_png(self.blend_mask, paths[-1])
        return paths

    def __repr__(self) -> str:
        """One line, without tensors."""
        return (
            f"<EditResult {self.source.prompt!r} -> {self.target!r}, seed {self.source.settings.seed}, "
            f"{_size(self.image)}>"
        )

    def _repr_png_(self) -> bytes:
        return png_bytes(self.image, self.record, self.index)

    def _repr_html_(self) -> str:
        before, after = _prompts(self)
        mask = [] if self.blend_mask is None else [_shown_blend_mask(self.blend_mask)]
        return _shown_edits([self], before, [after], mask)


class EditResults(list[EditResult]):
    """The edits of one run, in the order of their targets: a list that a notebook shows beside its source."""

    def _repr_html_(self) -> str:
        return _shown_edits(self, unmarked(self[0].source.prompt), [_prompts(edit)[1] for edit in self])


def shown_mask(mask_hw: Tensor, canvas_size: tuple[int, int], fit: Fit | None) -> Image:
    """A mask (h, w) of latents as a grey picture of the size of what was edited; canvas sizes are (width, height)."""
    picture = mask_picture(mask_hw, canvas_size)
    return picture if fit is None else mask_from_canvas(picture, fit)


def edited_name(settings: EditSettings, index: int) -> str:
    """What the picture of a target is called: "edited" where there is one, else "edited-1", "edited-2", ..."""
    return "edited" if len(settings.targets) == 1 else f"edited-{index + 1}"


def _prompts(edit: EditResult) -> tuple[MarkedText, MarkedText]:
    assert edit.record.edit is not None
    return marked_prompts(edit.source.prompt, edit.target, edit.record.edit.equalizer)


def _shown_edits(
    edits: Sequence[EditResult],
    source_caption: MarkedText,
    captions: Sequence[MarkedText],
    more: Sequence[ShownPicture] = (),
) -> str:
    """One run's source and edits, side by side, with what acted in each and the settings of all."""
    source, record = edits[0].source, edits[0].record
    assert record.edit is not None
    pictures = [_picture(source.image, source._repr_png_(), f"source: {source.prompt}", source_caption)]
    for edit, caption in zip(edits, captions, strict=True):
        pictures.append(_picture(edit.image, edit._repr_png_(), f"edited: {edit.target}", caption))
    return result_html(
        [*pictures, *more],
        [*generation_facts(source.settings), *edit_facts(record.edit), ("model", record.model.name)],
        acted=[line for edit in edits for line in record.acted[edit.index]],
        controlled_calls=record.controlled_calls,
        warnings=record.warnings,
    )


def _picture(image: Image, png: bytes, alt: str, caption: MarkedText) -> ShownPicture:
    return ShownPicture(png, image.width, image.height, alt, caption)


def _shown_blend_mask(mask: Image) -> ShownPicture:
    alt = "mask: where the picture could change, white"
    return _picture(mask, plain_png_bytes(mask), alt, unmarked("could change: white"))


def _size(image: Image) -> str:
    return f"{image.height} x {image.width}"
