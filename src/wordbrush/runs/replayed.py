"""A record, run again."""

from dataclasses import replace

from wordbrush.edits.settings import EditSettings
from wordbrush.errors import RecordError
from wordbrush.maps.request import MapsRequest
from wordbrush.models.guides import check_guides
from wordbrush.models.load import ModelInfo
from wordbrush.pictures.read import Photo
from wordbrush.runs.making import Making
from wordbrush.runs.record import PhotoRecord, RunRecord, check_adapters, check_layers
from wordbrush.runs.results import EditResults, Source
from wordbrush.sampling.loop import OnStep


def check_model(record: RunRecord, model: ModelInfo) -> None:
    """Raise `RecordError` unless a model, with all that is loaded beside it, is the record's."""
    check_adapters(record, model.adapters)
    check_layers(record, model.layers)
    check_guides(record.model.guides, model.guides)
    if not model.is_of(record.model.fingerprint):
        raise RecordError(
            f"the record was made with '{record.model.name}' ({record.model.fingerprint[:12]}), and this is "
            f"'{model.name}' ({model.fingerprint[:12]}); name the recorded model's folder with --model"
        )


def replayed(
    making: Making,
    record: RunRecord,
    photo: Photo | None,
    capture: MapsRequest | None = None,
    on_step: OnStep | None = None,
) -> Source | EditResults:
    """The source of a record, or all of its edits, by the way that the record tells.

    The model and the photograph are the record's (`check_model`, `check_photo`). What is captured, and the steps that
    are told, are those of the last run alone.
    """
    if record.chain:
        source = _link(making, record, photo)
        return source if record.edit is None else making.edited(source, record.edit, capture, on_step)
    if record.together and record.edit is not None:
        return _batch(making, record, record.edit, capture, on_step)
    asked = (capture, on_step) if record.edit is None else (None, None)
    if record.beside is not None:
        source = _batch(making, record, record.beside, *asked)[0].source
    elif record.photo is None or photo is None:
        source = making.generated(record.generation, record.keep_bytes, *asked)
    else:
        source = _inverted(making, record, record.photo, photo, asked[1])
    return source if record.edit is None else making.edited(source, record.edit, capture, on_step)


def _batch(
    making: Making, record: RunRecord, edit: EditSettings, capture: MapsRequest | None, on_step: OnStep | None
) -> EditResults:
    """A source and the edits that ran in one batch with it, of all the seeds that did."""
    if record.batch is not None:
        return making.side_by_side([(record.generation, edit)], record.batch, capture, on_step)[0]
    if not record.seeds:
        return making.together(record.generation, edit, capture, on_step)
    made = making.seeds(record.generation, record.seeds, edit, on_step)
    return made[record.seeds.index(record.generation.seed)]


def _link(making: Making, record: RunRecord, photo: Photo | None) -> Source:
    """The source of a record that is itself the result of an edit."""
    *before, last = record.chain
    earlier = replace(record, edit=last.edit, together=last.together, chain=tuple(before))
    results = replayed(making, earlier, photo)
    assert isinstance(results, EditResults)  # a record with an edit
    return making.result_as_source(results[last.index], last.keep_bytes)


def _inverted(
    making: Making, record: RunRecord, inverted: PhotoRecord, photo: Photo, on_step: OnStep | None
) -> Source:
    settings = replace(record.generation, prompt=inverted.prompt, source_adapters=None)
    source = making.inverted(photo, inverted.fit, settings, inverted.inversion, record.keep_bytes, on_step=on_step)
    return source if settings == record.generation else making.regenerated(source, record.generation, on_step)
