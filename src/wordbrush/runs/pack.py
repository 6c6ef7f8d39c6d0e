"""A run becomes results with the record that makes it again: latents in, pictures and records out."""

from dataclasses import replace

import torch
from PIL import ImageChops
from PIL.Image import Image, Resampling
from torch import Tensor

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.layer_choice import OWN_CHOICE
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.settings import EditSettings
from wordbrush.inversion.invert import Inverted
from wordbrush.maps.capture import Capture
from wordbrush.models.load import ModelInfo
from wordbrush.pictures.changed import changed_pixels
from wordbrush.pictures.digest import pixel_sha256
from wordbrush.pictures.fit import from_canvas
from wordbrush.pictures.masks import composite_edit, mask_picture
from wordbrush.pictures.read import Photo
from wordbrush.runs.kept import PhotoTask
from wordbrush.runs.record import EarlierEdit, ModelRecord, PhotoRecord, RunRecord
from wordbrush.runs.results import EditResult, EditResults, Source, edited_name, shown_mask
from wordbrush.runs.run import EditRun
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.versions import installed_versions


def model_record(model: ModelInfo) -> ModelRecord:
    """The model as a record names it, and the CPU threads of now."""
    threads = torch.get_num_threads()
    layers = None if model.layers == OWN_CHOICE else model.layers
    return ModelRecord(
        model.name,
        model.fingerprint,
        model.device,
        model.dtype,
        threads,
        model.adapters,
        layers,
        model.guides,
        model.compiled,
    )


def packed_source(
    canvas: Image,
    settings: GenerationSettings,
    kept: Replay,
    model: ModelRecord,
    keep_bytes: int,
    seen: Capture | None,
    sampler: str,
    notes: tuple[str, ...] = (),
    beside: EditSettings | None = None,
    batch: int | None = None,
) -> Source:
    """A generated source: its picture, and what its edits need.

    `sampler` is the name of the solver that ran, `notes` what to know of the prompt, `beside` its edits that ran in
    the same batch, which was filled up to `batch` pictures, if it was.
    """
    record = RunRecord(
        model=model,
        generation=settings,
        photo=None,
        edit=None,
        together=False,
        keep_bytes=keep_bytes,
        acted=(),
        controlled_calls=0,
        warnings=notes,
        versions=installed_versions(),
        image_sha256={"source": pixel_sha256(canvas)},
        sampler=sampler,
        beside=beside,
        batch=batch,
    )
    return Source(canvas, canvas, settings, kept, record, seen.maps(SOURCE) if seen else None)


def packed_photo(
    photo: Photo,
    task: PhotoTask,
    made: Inverted,
    model: ModelRecord,
    keep_bytes: int,
    said: tuple[str, ...],
    sampler: str,
) -> Source:
    """The source that a photograph became; `said` is what to know of its cache."""
    # An edit that reads no tape may differ from one that does in the last bit, so the record says which it was.
    kept_bytes = 0 if made.replay.tape is None else keep_bytes
    source = packed_source(made.image, task.settings, made.replay, model, kept_bytes, None, sampler)
    image = from_canvas(made.image, task.fit)
    record = replace(
        source.record,
        photo=PhotoRecord(pixel_sha256(photo.image), task.fit, task.settings.prompt, task.inversion),
        warnings=made.report.warnings,
        image_sha256={"source": pixel_sha256(image)},
    )
    notes = (*photo.notes, *said)
    return replace(source, image=image, record=record, photo=photo.image, report=made.report, notes=notes)


def packed_again(source: Source, settings: GenerationSettings, kept: Replay, canvas: Image) -> Source:
    """The plain picture of another prompt from a photograph's noise."""
    assert source.fit is not None
    image = from_canvas(canvas, source.fit)
    record = replace(source.record, generation=settings, image_sha256={"source": pixel_sha256(image)})
    return Source(image, canvas, settings, kept, record, None, source.photo)


def packed_result(result: EditResult, settings: GenerationSettings, kept: Replay, keep_bytes: int) -> Source:
    """A result as a source of `settings`, which have its prompt; `keep_bytes` is the budget of its own tape."""
    made, source = result.record, result.source
    assert made.edit is not None
    record = replace(
        made,
        edit=None,
        together=False,
        chain=(*made.chain, EarlierEdit(made.edit, result.index, made.together, keep_bytes)),
        acted=(),
        controlled_calls=0,
        warnings=source.record.warnings,
        image_sha256={"source": pixel_sha256(result.image)},
    )
    # Outside of a region a photograph's further edits have the pixels of this one, which may be its very own.
    photo = None if source.photo is None else result.image
    return Source(result.image, result.canvas, settings, kept, record, None, photo, source.report)


def packed_edits(
    adapter: Adapter, source: Source, settings: EditSettings, run: EditRun, seen: Capture | None, *, together: bool
) -> EditResults:
    """The edits of one run, in the order of their targets; `together` says that the source ran in the same batch."""
    canvases = [adapter.decode(latents[None]) for latents in run.latents]
    images, hashes = [], {}
    for i, (canvas, steps_hw) in enumerate(zip(canvases, run.blend_masks, strict=True)):
        mask_hw = None if steps_hw is None else steps_hw[-1]
        images.append(_finished(source, settings.controls[i].local_blend, canvas, mask_hw, run.shown[i]))
        if mask_hw is not None:
            shown = shown_mask(mask_hw, canvas.size, source.fit)
            hashes[f"{edited_name(settings, i)}-mask"] = pixel_sha256(shown)
        hashes[edited_name(settings, i)] = pixel_sha256(images[i])
    record = replace(
        source.record,
        edit=settings,
        together=together,
        beside=None if together else source.record.beside,
        acted=run.acted,
        controlled_calls=run.controlled_calls,
        warnings=(*source.record.warnings, *run.warnings),
        image_sha256={**source.record.image_sha256, **hashes},
    )
    maps = [seen.maps(index) if seen else None for index in range(SOURCE + 1, SOURCE + 1 + len(images))]
    return EditResults(
        EditResult(
            images[i],
            canvases[i],
            source,
            target,
            i,
            tuple(latents[i : i + 1] for latents in run.way),
            record,
            maps[i],
            run.blend_masks[i],
        )
        for i, target in enumerate(settings.targets)
    )


def _finished(
    source: Source, blend: LocalBlend | None, canvas: Image, region_hw: Tensor | None, shown_HW: Tensor | None
) -> Image:
    """The edited picture: what the model made, at a photograph's size, and not touched where it must not be."""
    fit = source.fit
    if region_hw is None or blend is None:
        return canvas if fit is None else from_canvas(canvas, fit)
    if source.photo is None and not blend.hold_pixels:
        return canvas
    mask_hw = None if blend.mask is None else blend.mask.to_tensor()
    changed = None
    if blend.least_pixel_difference:
        changed = changed_pixels(source.canvas, canvas, region_hw, blend.least_pixel_difference)
    if shown_HW is not None:
        outline = mask_picture(shown_HW, canvas.size, Resampling.BILINEAR).point(lambda value: min(255, 2 * value))
        changed = outline if changed is None else ImageChops.darker(changed, outline)
    return composite_edit(source.original, canvas, region_hw, fit, mask_hw=mask_hw, changed=changed)
