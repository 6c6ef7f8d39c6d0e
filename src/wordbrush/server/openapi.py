"""The API's description in OpenAPI 3.1, made from its endpoints and from the models of what they take."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from wordbrush.server.endpoint import Endpoint
from wordbrush.versions import installed_versions

_REFS = "#/components/schemas/{model}"
_PROBLEMS = {
    "401": "a token is needed",
    "403": "the request comes from another site",
    "404": "there is no such picture or job in this session",
    "413": "the body is too long",
    "415": "the content type is another",
    "422": "a value cannot be; `error` names it and the remedy",
    "429": "too many of this session's jobs wait; `Retry-After` says for how many seconds",
    "503": "too many jobs wait, or too many requests are answered; `Retry-After` says for how many seconds",
}


def description(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document."""
    models = [e.takes for e in endpoints if isinstance(e.takes, type)]
    schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REFS)[1]
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(re.sub(r":\w+}", "}", endpoint.path), {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wordbrush",
            "version": installed_versions()["wordbrush"],
            "description": "Edit an image by editing its prompt. A session is kept in a cookie: keep cookies between "
            "requests. Pictures are made by jobs, one after the other: a request is answered with a job, "
            "and the job with the ids of its pictures. A job that says `kept` is done even if the server is started "
            "again, and its pictures are kept; all else is in memory, and a restart forgets it.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"] | {"Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


_PROBLEM = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    problem = {"content": {"application/json": {"schema": {"$ref": _REFS.format(model="Problem")}}}}
    answer: dict[str, Any] = {"description": "success"}
    if endpoint.status != 204:
        answer |= {"content": {endpoint.answers: {}}}
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": endpoint.says,
        "responses": {
            str(endpoint.status): answer,
            **{status: {"description": says, **problem} for status, says in _PROBLEMS.items()},
        },
    }
    names = re.findall(r"{(\w+)", endpoint.path)
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if isinstance(endpoint.takes, tuple):
        content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in endpoint.takes}
        operation["requestBody"] = {"required": True, "content": content}
    elif endpoint.takes is not None:
        schema = {"$ref": _REFS.format(model=endpoint.takes.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation
