"""The settings in a record, as requests: a picture that is dropped back restores them."""

from dataclasses import replace
from typing import Any, cast

from wordbrush.editor import Editor
from wordbrush.edits.settings import EditOptions, EditSettings
from wordbrush.errors import WordbrushError
from wordbrush.json_form import to_plain
from wordbrush.pictures.masks import mask_picture
from wordbrush.pictures.save import plain_png_bytes
from wordbrush.runs.record import RunRecord
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.server.picture import Picture
from wordbrush.server.wire import EditFields, GenerationFields

_FILLED_IN = ("cross_replace_steps", "self_replace_steps", "local_blend")
"""What a recipe fills in."""


def requests_of(record: RunRecord, index: int | None, editor: Editor) -> dict[str, Any]:
    """The bodies of `generate` or `invert`, and in `edits` those of `edit`, each of the one before, without the ids of
    pictures, which are of a session.

    `index` is the target that the picture shows; None: the first, if there is one. What a recipe filled in is left out
    where `editor` would fill in the same.
    """
    made = record.generation
    plain = {name: to_plain(value) for name, value in vars(made).items()}
    generation = _known(GenerationFields, {**plain, "size": [made.height, made.width]})
    if record.photo is None:
        found: dict[str, Any] = {"generate": {"prompt": made.prompt, "options": generation}}
    else:
        generation.pop("sampler", None)
        inversion = record.photo.inversion
        found = {
            "invert": {
                "prompt": record.photo.prompt,
                "method": inversion.method,
                "settings": dict(inversion.settings),
                "options": generation,
            }
        }
    edits, prompt = [], made.prompt
    for edit, which in _edits_of(record, index):
        edits.append(_edit_request(edit, which, replace(made, prompt=prompt), editor))
        prompt = edit.targets[which]
    return {**found, "edits": edits}


def masks_of(record: RunRecord, index: int | None) -> list[Picture | None]:
    """The masks that a user drew for a record's edits, as pictures."""
    size = (record.generation.width, record.generation.height)
    masks: list[Picture | None] = []
    for edit, which in _edits_of(record, index):
        blend = edit.controls[which].local_blend
        if blend is None or blend.mask is None:
            masks.append(None)
        else:
            drawn = plain_png_bytes(mask_picture(blend.mask.to_tensor(), size))
            masks.append(Picture("upload", drawn, "image/png", *size, name="mask"))
    return masks


def _edits_of(record: RunRecord, index: int | None) -> list[tuple[EditSettings, int]]:
    """A record's edits, each of the one before, and which of its targets was taken."""
    earlier = [(link.edit, link.index) for link in record.chain]
    return earlier if record.edit is None else [*earlier, (record.edit, index or 0)]


def _edit_request(edit: EditSettings, which: int, made: GenerationSettings, editor: Editor) -> dict[str, Any]:
    options = vars(edit) | vars(edit.controls[which]) | {"recipe": "published"}
    if _by_recipe(edit, made, editor):
        options = {name: value for name, value in options.items() if name not in _FILLED_IN} | {"recipe": "auto"}
    plain = _known(EditFields, {name: to_plain(value) for name, value in options.items()})
    if plain.get("local_blend"):
        plain["local_blend"].pop("mask")  # a picture of its own: see `masks_of`
    return {"target": edit.targets[which], "options": plain}


def _by_recipe(edit: EditSettings, made: GenerationSettings, editor: Editor) -> bool:
    """Whether a recipe filled in all of an edit's windows and its region."""
    if edit.recipe != "auto" or len(edit.targets) != 1:
        return False
    own = {name: getattr(edit, name) for name in EditOptions.__annotations__ if hasattr(edit, name)}
    options = cast(EditOptions, {name: value for name, value in own.items() if name not in _FILLED_IN})
    try:
        return editor.edit_settings(edit.targets[0], made, **options) == edit
    except WordbrushError:  # a record of another model may not fit this one
        return False


def _known(fields: Any, values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in fields.model_fields if values.get(name) is not None}
