"""How a picture of a session is made outside of the server: its requests as Python and as a command."""

import json
from typing import cast

from pydantic import BaseModel

from wordbrush.edits.settings import EditOptions
from wordbrush.models.load import ModelInfo
from wordbrush.panel.program import Edited, Inverted, Program
from wordbrush.sampling.settings import GenerationOptions
from wordbrush.server import wire
from wordbrush.server.picture import Picture
from wordbrush.server.problems import Problem
from wordbrush.server.shelf import Shelf

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/heic": "heic"}


def program_of(shelf: Shelf, session: str, id_: str, model: ModelInfo) -> tuple[Program, dict[str, str]]:
    """The calls that make a picture, and the ids of the files that they name. Raises `Problem` for an upload, which
    nothing here made.
    """
    picture = shelf.get(session, id_)
    requests: list[wire.EditRequest] = []
    while "edit" in picture.request:
        requests.insert(0, _read(wire.EditRequest, picture, "edit"))
        picture = shelf.get(session, requests[0].source)
    masks = ["mask.png"] if len(requests) == 1 else [f"mask-{number}.png" for number in range(1, len(requests) + 1)]
    edits = tuple(map(_edited, requests, masks))
    files = {mask: request.mask for mask, request in zip(masks, requests, strict=True) if request.mask is not None}
    beside = model.adapters, model.guides
    if "generate" in picture.request:
        drawn = _read(wire.GenerateRequest, picture, "generate")
        return Program(model.name, drawn.prompt, _generation(drawn.options), None, edits, *beside), files
    if "invert" not in picture.request:
        raise Problem(422, "an upload is a file of yours: there is nothing that made it here")
    inverted = _read(wire.InvertRequest, picture, "invert")
    file = f"photo.{_ENDINGS[shelf.get(session, inverted.picture).media_type]}"
    assert inverted.method is not None  # what was inverted says how
    photo = Inverted(file, inverted.method, inverted.settings)
    program = Program(model.name, inverted.prompt, _generation(inverted.options), photo, edits, *beside)
    return program, {file: inverted.picture, **files}


def _generation(options: BaseModel) -> GenerationOptions:
    return cast(GenerationOptions, wire.given(options))


def _edited(request: wire.EditRequest, mask: str) -> Edited:
    """An edit; `mask` is the file of its mask, if it has one."""
    options = cast(EditOptions, wire.given(request.options))
    if request.mask is not None:
        options["mask"] = mask
    return Edited(request.target, options)


def _read(kind: type[wire.R], picture: Picture, name: str) -> wire.R:
    return wire.parse(kind, json.dumps(picture.request[name]).encode())
