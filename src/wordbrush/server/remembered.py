"""The settings in a record, as requests: a picture that is dropped back restores them."""

from typing import Any, cast

from wordbrush.editor import Editor
from wordbrush.edits.settings import EditOptions
from wordbrush.errors import WordbrushError
from wordbrush.json_form import to_plain
from wordbrush.pictures.masks import mask_picture
from wordbrush.pictures.save import plain_png_bytes
from wordbrush.runs.record import RunRecord
from wordbrush.server.shelf import Picture
from wordbrush.server.wire import EditFields, GenerationFields

_FILLED_IN = ("cross_replace_steps", "self_replace_steps", "local_blend")
"""What a recipe fills in."""


def requests_of(record: RunRecord, index: int | None, editor: Editor) -> dict[str, Any]:
    """The bodies of `generate` or `invert`, and of `edit`, without the ids of pictures, which are of a session.

    `index` is the target that the picture shows; None: the first, if there is one. What a recipe filled in is left out
    where `editor` would fill in the same.
    """
    made = record.generation
    generation = _known(GenerationFields, {**vars(made), "size": [made.height, made.width]})
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
    if record.edit is not None:
        edit, which = record.edit, index or 0
        options = vars(edit) | vars(edit.controls[which]) | {"recipe": "published"}
        if _by_recipe(record, editor):
            options = {name: value for name, value in options.items() if name not in _FILLED_IN} | {"recipe": "auto"}
        plain = _known(EditFields, {name: to_plain(value) for name, value in options.items()})
        if plain.get("local_blend"):
            plain["local_blend"].pop("mask")  # a picture of its own: see `mask_of`
        found["edit"] = {"target": edit.targets[which], "options": plain}
    return found


def _by_recipe(record: RunRecord, editor: Editor) -> bool:
    """Whether a recipe filled in all of an edit's windows and its region."""
    edit = record.edit
    if edit is None or edit.recipe != "auto" or len(edit.targets) != 1:
        return False
    own = {name: getattr(edit, name) for name in EditOptions.__annotations__ if hasattr(edit, name)}
    options = cast(EditOptions, {name: value for name, value in own.items() if name not in _FILLED_IN})
    try:
        return editor.edit_settings(edit.targets[0], record.generation, **options) == edit
    except WordbrushError:  # a record of another model may not fit this one
        return False


def mask_of(record: RunRecord, index: int | None) -> Picture | None:
    """The mask that a user drew for a record's edit, as a picture."""
    blend = None if record.edit is None else record.edit.controls[index or 0].local_blend
    if blend is None or blend.mask is None:
        return None
    size = (record.generation.width, record.generation.height)
    drawn = mask_picture(blend.mask.to_tensor(), size)
    return Picture("upload", plain_png_bytes(drawn), "image/png", *size, name="mask")


def _known(fields: Any, values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in fields.model_fields if values.get(name) is not None}
