"""Settings in, results out: each run of the model, packed with the record that makes it again."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from PIL.Image import Image
from torch import Tensor

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.tape import SourceTape
from wordbrush.edits.settings import PROMPT_TO_PROMPT_MAX_PIXELS, EditSettings
from wordbrush.inversion.settings import InversionSettings
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.capture import Capture
from wordbrush.maps.request import MapsRequest
from wordbrush.models.load import ModelInfo
from wordbrush.pictures.fit import Fit, from_canvas, mend, to_canvas
from wordbrush.pictures.masks import held_still, mask_picture
from wordbrush.pictures.read import Photo
from wordbrush.runs.cache import InversionCache
from wordbrush.runs.kept import PhotoTask, invert_or_recall
from wordbrush.runs.record import ModelRecord, PhotoRecord, RunRecord, pixel_sha256
from wordbrush.runs.results import EditResult, EditResults, Source, edited_name, shown_mask
from wordbrush.runs.run import EditRun, look_again, run_again, run_edit, run_source, run_together
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.versions import installed_versions


class Runner:
    """Runs one model. All defaults are filled in above, all mathematics is below."""

    def __init__(self, adapter: Adapter, model: ModelInfo) -> None:
        """Use a loaded model."""
        self._adapter = adapter
        self._model = model

    def generate(
        self,
        settings: GenerationSettings,
        keep_bytes: int,
        on_step: OnStep | None,
        capture: MapsRequest | None = None,
    ) -> Source:
        """Make a source, and keep at most so many bytes of its attention."""
        tape = _tape(keep_bytes)
        seen = self._capture(capture, settings, {SOURCE: settings.prompt}) if capture else None
        kept = run_source(self._adapter, settings, tape, on_step, [seen.watch] if seen else ())
        return self._source(self._adapter.decode(kept.latents[-1]), settings, kept, keep_bytes, seen)

    def invert(
        self,
        photo: Photo,
        fit: Fit,
        settings: GenerationSettings,
        inversion: InversionSettings,
        keep_bytes: int,
        on_step: OnStep | None,
        cache: InversionCache | None = None,
    ) -> Source:
        """Make a source of a photograph in a canvas of the settings' size, and keep so many bytes of its attention."""
        task = PhotoTask(to_canvas(photo.image, fit), fit, settings, inversion)
        made, said = invert_or_recall(self._adapter, self._model_record(), task, cache, _tape(keep_bytes), on_step)
        # An edit that reads no tape may differ from one that does in the last bit, so the record says which it was.
        kept_bytes = 0 if made.replay.tape is None else keep_bytes
        source = self._source(made.image, settings, made.replay, kept_bytes, None)
        image = from_canvas(made.image, fit)
        record = replace(
            source.record,
            photo=PhotoRecord(pixel_sha256(photo.image), fit, settings.prompt, inversion),
            warnings=made.report.warnings,
            image_sha256={"source": pixel_sha256(image)},
        )
        return replace(
            source, image=image, record=record, photo=photo.image, report=made.report, notes=(*photo.notes, *said)
        )

    def regenerate(self, source: Source, prompt: str, on_step: OnStep | None) -> Source:
        """The plain picture of another prompt from a source's noise."""
        settings = replace(source.settings, prompt=prompt)
        if source.record.photo is None:
            return self.generate(settings, 0, on_step)
        kept = run_again(self._adapter, settings, source.kept, on_step)
        canvas = self._adapter.decode(kept.latents[-1])
        image = from_canvas(canvas, source.record.photo.fit)
        record = replace(source.record, generation=settings, image_sha256={"source": pixel_sha256(image)})
        return Source(image, canvas, settings, kept, record, None, source.photo)

    def edit(
        self, source: Source, settings: EditSettings, on_step: OnStep | None, capture: MapsRequest | None = None
    ) -> list[EditResult]:
        """Edit a source that was made before."""
        targets = dict(enumerate(settings.targets, start=SOURCE + 1))
        seen = self._capture(capture, source.settings, targets) if capture else None
        watches = [seen.watch] if seen else ()
        run = run_edit(self._adapter, source.settings, settings, source.kept, on_step, watches)
        return self._results(source, settings, run, seen, together=False)

    def generate_and_edit(
        self,
        generation: GenerationSettings,
        settings: EditSettings,
        on_step: OnStep | None,
        capture: MapsRequest | None = None,
    ) -> list[EditResult]:
        """Make a source and its edits in one batch."""
        prompts = dict(enumerate((generation.prompt, *settings.targets), start=SOURCE))
        seen = self._capture(capture, generation, prompts) if capture else None
        watches = [seen.watch] if seen else ()
        kept, run = run_together(self._adapter, generation, settings, on_step, watches)
        source = self._source(self._adapter.decode(kept.latents[-1]), generation, kept, 0, seen)
        return self._results(source, settings, run, seen, together=True)

    def maps(self, made: Source | EditResult, request: MapsRequest, on_step: OnStep | None) -> AttentionMaps:
        """Look at a picture again that was made before."""
        if isinstance(made, Source):
            branch, seen = SOURCE, self._capture(request, made.settings, {SOURCE: made.prompt})
            look_again(self._adapter, made.settings, made.kept, seen.watch, on_step)
        else:
            assert made.record.edit is not None
            branch = made.index + 1
            seen = self._capture(request, made.source.settings, {branch: made.target})
            run_edit(self._adapter, made.source.settings, made.record.edit, made.source.kept, on_step, [seen.watch])
        maps = seen.maps(branch)
        assert maps is not None  # a word that is not in the prompt was refused above
        return maps

    def _capture(self, request: MapsRequest, settings: GenerationSettings, prompts: Mapping[int, str]) -> Capture:
        return Capture(self._adapter, request, settings, prompts, self._model.name)

    def _source(
        self,
        image: Image,
        settings: GenerationSettings,
        kept: Replay,
        keep_bytes: int,
        seen: Capture | None,
    ) -> Source:
        record = RunRecord(
            model=self._model_record(),
            generation=settings,
            photo=None,
            edit=None,
            together=False,
            keep_bytes=keep_bytes,
            acted=(),
            controlled_calls=0,
            warnings=(),
            versions=installed_versions(),
            image_sha256={"source": pixel_sha256(image)},
        )
        return Source(image, image, settings, kept, record, seen.maps(SOURCE) if seen else None)

    def _results(
        self, source: Source, settings: EditSettings, run: EditRun, seen: Capture | None, *, together: bool
    ) -> list[EditResult]:
        canvases = [self._adapter.decode(latents[None]) for latents in run.latents]
        masks: list[Tensor | None] = [None] * len(canvases) if run.blend_masks is None else list(run.blend_masks)
        images, hashes = [], {}
        for i, (canvas, steps_hw) in enumerate(zip(canvases, masks, strict=True)):
            mask_hw = None if steps_hw is None else steps_hw[-1]
            images.append(_finished(source, settings, canvas, mask_hw))
            if mask_hw is not None:
                shown = shown_mask(mask_hw, canvas.size, source.fit)
                hashes[f"{edited_name(settings, i)}-mask"] = pixel_sha256(shown)
            hashes[edited_name(settings, i)] = pixel_sha256(images[i])
        record = replace(
            source.record,
            edit=settings,
            together=together,
            acted=run.acted,
            controlled_calls=run.controlled_calls,
            warnings=(*source.record.warnings, *run.warnings),
            image_sha256={**source.record.image_sha256, **hashes},
        )
        maps = [seen.maps(index) if seen else None for index in range(SOURCE + 1, SOURCE + 1 + len(images))]
        return EditResults(
            EditResult(images[i], canvases[i], source, target, i, run.latents[i : i + 1], record, maps[i], masks[i])
            for i, target in enumerate(settings.targets)
        )

    def _model_record(self) -> ModelRecord:
        return ModelRecord(
            self._model.name, self._model.fingerprint, self._model.device, self._model.dtype, torch.get_num_threads()
        )


def _finished(source: Source, settings: EditSettings, canvas: Image, mask_hw: Tensor | None) -> Image:
    """The edited picture: what the model made, at a photograph's size, and not touched where it must not be."""
    fit = source.fit
    if source.photo is not None and fit is not None:
        if mask_hw is None:
            return from_canvas(canvas, fit)
        cell = canvas.width / mask_hw.shape[1]
        return mend(source.photo, canvas, mask_picture(mask_hw, canvas.size), fit, cell)
    held = mask_hw is not None and settings.local_blend is not None and settings.local_blend.hold_pixels
    return held_still(source.image, canvas, mask_hw) if held and mask_hw is not None else canvas


def _tape(keep_bytes: int) -> SourceTape | None:
    return SourceTape(keep_bytes, PROMPT_TO_PROMPT_MAX_PIXELS) if keep_bytes else None
