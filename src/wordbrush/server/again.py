"""How a picture of a session is made outside of the server: its requests as Python and as a command."""

import json
from typing import cast

from pydantic import BaseModel

from wordbrush.edits.settings import EditOptions
from wordbrush.panel.program import Inverted, Program
from wordbrush.sampling.settings import GenerationOptions
from wordbrush.server import wire
from wordbrush.server.problems import Problem
from wordbrush.server.shelf import Picture, Shelf

MASK_FILE = "mask.png"
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/heic": "heic"}


def program_of(shelf: Shelf, session: str, id_: str, model: str) -> Program:
    """The calls that make a picture. Raises `Problem` for an upload, which nothing here made."""
    picture = shelf.get(session, id_)
    edit: wire.EditRequest | None = None
    if "edit" in picture.request:
        edit = _read(wire.EditRequest, picture, "edit")
        picture = shelf.get(session, edit.source)
    options = EditOptions() if edit is None else _edit_options(edit)
    target = None if edit is None else edit.target
    if "generate" in picture.request:
        drawn = _read(wire.GenerateRequest, picture, "generate")
        return Program(model, drawn.prompt, _generation(drawn.options), None, target, options)
    if "invert" not in picture.request:
        raise Problem(422, "an upload is a file of yours: there is nothing that made it here")
    inverted = _read(wire.InvertRequest, picture, "invert")
    file = f"photo.{_ENDINGS[shelf.get(session, inverted.picture).media_type]}"
    photo = Inverted(file, inverted.method, inverted.settings)
    return Program(model, inverted.prompt, _generation(inverted.options), photo, target, options)


def _generation(options: BaseModel) -> GenerationOptions:
    return cast(GenerationOptions, wire.given(options))


def _edit_options(edit: wire.EditRequest) -> EditOptions:
    options = cast(EditOptions, wire.given(edit.options))
    return options if edit.mask is None else {**options, "mask": MASK_FILE}


def _read(kind: type[wire.R], picture: Picture, name: str) -> wire.R:
    return wire.parse(kind, json.dumps(picture.request[name]).encode())
