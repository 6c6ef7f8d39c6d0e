"""What an editor returns: a source that can be edited again, and edits of it."""

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

    - `image`: the picture. For a photograph, what came back of it, at the photograph's size.
    - `canvas`: the picture at the model's own size. For a photograph, `fit` says where in it the photograph lies.
    - `settings`: the settings of the generation.
    - `kept`: the latents and the attention.
    - `record`: everything that is needed to make it again.
    - `maps`: the attention maps that `capture` asked for, or None.
    - `photo`: the photograph itself, or None for a generated picture.
    - `report`: how well the photograph came back and at what cost, or None for a generated picture.
    - `notes`: what was converted in a photograph, or that its inversion was found in the cache.

    Made by `Editor.generate`, `Editor.invert` and `Editor.regenerate`.

    >>> from wordbrush import Editor
    >>> Editor.from_pretrained().generate("a dog", num_inference_steps=2).latents.shape
    torch.Size([1, 32, 16, 16])
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
        """How a photograph lies in the canvas; None for a generated picture."""
        return None if self.record.photo is None else self.record.photo.fit

    @property
    def prompt(self) -> str:
        """The prompt that it was made from, or that says what the photograph shows."""
        return self.settings.prompt

    @property
    def original(self) -> Image:
        """The picture that no edit has touched: the photograph, or else the generated picture."""
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
        """Write `source.png`, which carries the record, and `record.json`. Returns the paths."""
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
        facts = [*generation_facts(self.settings), ("model", self.record.model.described)]
        if self.report is None or self.photo is None:
            return result_html([shown], facts)
        photo = _picture(self.photo, plain_png_bytes(self.photo), "the photograph", unmarked("photograph"))
        return result_html([photo, shown], [*report_facts(self.report), *facts], warnings=self.report.warnings)


@dataclass(frozen=True, eq=False, repr=False)
class EditResult:
    """One edited picture.

    - `image`: the picture. For a photograph it has the photograph's size and, with a local blend or a mask, exactly
      its pixels outside of the region that could change.
    - `canvas`: the picture at the model's own size.
    - `source`, `target`: the source, and the prompt of this edit.
    - `index`: its position among its run's targets, from 0.
    - `way`: its latents (1, C, h, w) before each step and after the last; `latents` are the finished ones.
    - `record`: everything that is needed to make it again.
    - `maps`: the attention maps that `capture` asked for, or None.
    - `blend_masks`: where its latents could change, as booleans (steps, h, w), from the first blended step to the
      last; None without a local blend.

    Made by `Editor.edit`, `Editor.apply` and `Editor.generate_and_edit`.

    >>> from wordbrush import Editor
    >>> editor = Editor.from_pretrained()
    >>> editor.edit(editor.generate("a dog", num_inference_steps=2), "a cat").image.size
    (128, 128)
    """

    image: Image
    canvas: Image
    source: Source
    target: str
    index: int
    way: tuple[Tensor, ...]
    record: RunRecord
    maps: AttentionMaps | None = None
    blend_masks: Tensor | None = None

    @property
    def latents(self) -> Tensor:
        """Its finished latents (1, C, h, w)."""
        return self.way[-1]

    @property
    def blend_mask(self) -> Image | None:
        """Where the finished picture could change, white on black, at its size; None without a local blend."""
        return (
            None if self.blend_masks is None else shown_mask(self.blend_masks[-1], self.canvas.size, self.source.fit)
        )

    @property
    def name(self) -> str:
        """The file name without its ending: "edited", or "edited-2" if the run has several targets."""
        assert self.record.edit is not None
        return edited_name(self.record.edit, self.index)

    def save(self, folder: str | Path) -> list[Path]:
        """Write the source, this edit and the run's `record.json`; both pictures carry the record. Returns the paths.

        With a local blend its mask is written too, as `<name>-mask.png`, which an edit's `mask` can read.
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
    """The edits of one run, in the order of their targets: a list that a notebook shows beside its source.

    >>> from wordbrush import Editor
    >>> editor = Editor.from_pretrained()
    >>> source = editor.generate("a dog", num_inference_steps=2)
    >>> len(editor.edit(source, ["a cat", "a fox"]))
    2
    """

    def _repr_html_(self) -> str:
        return _shown_edits(self, unmarked(self[0].source.prompt), [_prompts(edit)[1] for edit in self])


def shown_mask(mask_hw: Tensor, canvas_size: tuple[int, int], fit: Fit | None) -> Image:
    """A mask (h, w) of latents as a grey picture of the edited picture's size; `canvas_size` is (width, height)."""
    picture = mask_picture(mask_hw, canvas_size)
    return picture if fit is None else mask_from_canvas(picture, fit)


def edited_name(settings: EditSettings, index: int) -> str:
    """The name of a target's picture: "edited" if there is one target, else "edited-1", "edited-2", ..."""
    return "edited" if len(settings.targets) == 1 else f"edited-{index + 1}"


def _prompts(edit: EditResult) -> tuple[MarkedText, MarkedText]:
    assert edit.record.edit is not None
    added = [file.name for file in edit.record.model.adapters if file.kind == "concept"]
    return marked_prompts(edit.source.prompt, edit.target, edit.record.edit.equalizer, added)


def _shown_edits(
    edits: Sequence[EditResult],
    source_caption: MarkedText,
    captions: Sequence[MarkedText],
    more: Sequence[ShownPicture] = (),
) -> str:
    """One run's source and edits side by side, with what acted in each and the settings they share."""
    source, record = edits[0].source, edits[0].record
    assert record.edit is not None
    pictures = [_picture(source.image, source._repr_png_(), f"source: {source.prompt}", source_caption)]
    for edit, caption in zip(edits, captions, strict=True):
        pictures.append(_picture(edit.image, edit._repr_png_(), f"edited: {edit.target}", caption))
    return result_html(
        [*pictures, *more],
        [*generation_facts(source.settings), *edit_facts(record.edit), ("model", record.model.described)],
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
