"""Settings in, results out: each run of the model, packed with the record that makes it again."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from PIL.Image import Image
from torch import Tensor

from wordbrush.attention.tape import SourceTape
from wordbrush.edits.settings import PROMPT_TO_PROMPT_MAX_PIXELS, EditSettings
from wordbrush.inversion.invert import invert
from wordbrush.inversion.report import InversionReport
from wordbrush.inversion.settings import InversionSettings
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.capture import Capture
from wordbrush.maps.request import MapsRequest
from wordbrush.masks import held_still, mask_picture
from wordbrush.models.load import ModelInfo
from wordbrush.records import ModelRecord, PhotoRecord, RunRecord, pixel_sha256
from wordbrush.results import EditResult, EditResults, Source, edited_name
from wordbrush.runs import EditRun, look_again, run_again, run_edit, run_source, run_together
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.types import SOURCE
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
        photo: Image,
        settings: GenerationSettings,
        inversion: InversionSettings,
        keep_bytes: int,
        on_step: OnStep | None,
    ) -> Source:
        """Make a source of a photograph of the settings' size, and keep at most so many bytes of its attention."""
        made = invert(self._adapter, photo, settings, inversion, _tape(keep_bytes), on_step)
        record = PhotoRecord(pixel_sha256(photo), settings.prompt, inversion)
        return self._source(made.image, settings, made.replay, keep_bytes, None, (photo, record, made.report))

    def regenerate(self, source: Source, prompt: str, on_step: OnStep | None) -> Source:
        """The plain picture of another prompt from a source's noise."""
        settings = replace(source.settings, prompt=prompt)
        if source.record.photo is None:
            return self.generate(settings, 0, on_step)
        kept = run_again(self._adapter, settings, source.kept, on_step)
        image = self._adapter.decode(kept.latents[-1])
        record = replace(source.record, generation=settings, image_sha256={"source": pixel_sha256(image)})
        return Source(image, settings, kept, record, None, source.photo)

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
        photo: tuple[Image, PhotoRecord, InversionReport] | None = None,
    ) -> Source:
        original, photo_record, report = photo or (None, None, None)
        record = RunRecord(
            model=self._model_record(),
            generation=settings,
            photo=photo_record,
            edit=None,
            together=False,
            keep_bytes=keep_bytes,
            acted=(),
            controlled_calls=0,
            warnings=report.warnings if report else (),
            versions=installed_versions(),
            image_sha256={"source": pixel_sha256(image)},
        )
        return Source(image, settings, kept, record, seen.maps(SOURCE) if seen else None, original, report)

    def _results(
        self, source: Source, settings: EditSettings, run: EditRun, seen: Capture | None, *, together: bool
    ) -> list[EditResult]:
        images = [self._adapter.decode(latents[None]) for latents in run.latents]
        masks: list[Tensor | None] = [None] * len(images) if run.blend_masks is None else list(run.blend_masks)
        hashes = {}
        for i, steps_hw in enumerate(masks):
            if steps_hw is not None and settings.local_blend is not None:
                if settings.local_blend.hold_pixels:
                    images[i] = held_still(source.original, images[i], steps_hw[-1])
                hashes[f"{edited_name(settings, i)}-mask"] = pixel_sha256(mask_picture(steps_hw[-1], images[i].size))
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
            EditResult(image, source, target, i, run.latents[i : i + 1], record, maps[i], masks[i])
            for i, (image, target) in enumerate(zip(images, settings.targets, strict=True))
        )

    def _model_record(self) -> ModelRecord:
        return ModelRecord(
            self._model.name, self._model.fingerprint, self._model.device, self._model.dtype, torch.get_num_threads()
        )


def _tape(keep_bytes: int) -> SourceTape | None:
    return SourceTape(keep_bytes, PROMPT_TO_PROMPT_MAX_PIXELS) if keep_bytes else None
