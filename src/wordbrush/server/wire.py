"""What clients send, checked: the options are those of the Python API, by name, so that they are listed in one place.

Paths are not among them: a mask, like every picture, is named by the id that its upload was given.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from wordbrush.edits.settings import EditOptions
from wordbrush.sampling.settings import GenerationOptions
from wordbrush.server.problems import Problem

MAX_PROMPT = 2000
"""Characters of a prompt; models read far fewer."""

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


def _options(name: str, kind: Any, *, without: tuple[str, ...] = (), **instead: Any) -> Any:
    """A model of the keys of a `TypedDict` of options, some of them of another type."""
    hints = get_type_hints(kind) | instead
    fields = {key: (hint | None, None) for key, hint in hints.items() if key not in without}
    return create_model(name, __config__=_STRICT, **cast(dict[str, Any], fields))


GenerationFields = _options("GenerationOptions", GenerationOptions)
"""All options of a generation."""
EditFields = _options("EditOptions", EditOptions, without=("mask",), strength=float | Literal["auto"])
"""All options of an edit but for the mask and the folder of a search's CLIP model."""

Prompt = Annotated[str, Field(max_length=MAX_PROMPT)]
Id = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]


class Request(BaseModel):
    """The body of a request: unknown fields are refused."""

    model_config = _STRICT


class GenerateRequest(Request):
    """Draw `prompt`."""

    prompt: Prompt
    options: GenerationFields = GenerationFields()  # type: ignore[valid-type]  # made from the API's options


class InvertRequest(Request):
    """Make a source of an uploaded or made `picture` that shows `prompt`; `settings` are the method's own."""

    picture: Id
    prompt: Prompt
    method: Annotated[str | None, Field(max_length=40)] = None
    settings: Annotated[dict[str, int | float | str], Field(max_length=20)] = {}
    options: GenerationFields = GenerationFields()  # type: ignore[valid-type]


class EditRequest(Request):
    """Edit the picture `source` by another prompt; only what is white in the picture `mask` may change."""

    source: Id
    target: Prompt
    mask: Id | None = None
    options: EditFields = EditFields()  # type: ignore[valid-type]


JOBS: Mapping[str, type[Request]] = {"generate": GenerateRequest, "invert": InvertRequest, "edit": EditRequest}
"""What each kind of job is asked by."""


class WordsRequest(Request):
    """Say how the words of `prompt` and `target` correspond, and what an edit would do; `generation` are the options
    of the picture of `prompt`.
    """

    prompt: Prompt
    target: Prompt
    generation: GenerationFields = GenerationFields()  # type: ignore[valid-type]
    options: EditFields = EditFields()  # type: ignore[valid-type]


class RenameRequest(Request):
    """Give a picture a name."""

    name: Annotated[str, Field(max_length=80)]


R = TypeVar("R", bound=Request)


def parse(kind: type[R], body: bytes) -> R:
    """Read a request's body. Raises `Problem` 422 that names the first wrong field."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Problem(422, f"{where}: {first['msg']}") from None


def given(options: BaseModel) -> dict[str, Any]:
    """The options that a request gives; what is left out, or null, is the model's default."""
    fields = type(options).model_fields
    return {name: value for name in fields if (value := getattr(options, name)) is not None}
