"""Frozen dataclasses to and from JSON, strictly: a field that is wrong, unknown or missing is named.

A field with a default may be missing: then records from before it existed can still be read.
"""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from wordbrush.errors import RecordError, WordbrushError

T = TypeVar("T")


def to_plain(value: object) -> object:
    """A dataclass (or a part of one) as dicts, lists and scalars."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], value: object, where: str) -> T:
    """Build a dataclass from what `to_plain` gave; `where` is what errors call the place.

    Raises `RecordError`.
    """
    return cast(T, _build(kind, value, where))


def _build(kind: Any, value: object, where: str) -> object:
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _build_dataclass(cast(type, kind), value, where)
    if origin in (types.UnionType, Union):
        if value is None and type(None) in arguments:
            return None
        choices = [argument for argument in arguments if argument is not type(None)]
        return _build(next((c for c in choices if c is type(value)), choices[0]), value, where)
    if origin is Literal:
        return value if value in arguments else _wrong(where, " or ".join(map(repr, arguments)), value)
    if origin is tuple and isinstance(value, list):
        kinds = [arguments[0]] * len(value) if arguments[1:] == (...,) else arguments
        if len(kinds) != len(value):
            _wrong(where, f"a list of {len(kinds)}", value)
        return tuple(_build(k, item, f"{where}[{i}]") for i, (k, item) in enumerate(zip(kinds, value, strict=True)))
    if origin is Mapping or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, dict):
            _wrong(where, "an object", value)
        return {key: _build(arguments[1], item, f"{where}.{key}") for key, item in cast(dict[str, Any], value).items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            _wrong(where, "a number of usual size", value)
    if isinstance(kind, type) and isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    return _wrong(where, getattr(kind, "__name__", str(kind)), value)


def _build_dataclass(kind: type, value: object, where: str) -> object:
    if not isinstance(value, dict):
        _wrong(where, "an object", value)
    given = cast(dict[str, object], value)
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    for name in needed:
        if name not in given:
            raise RecordError(f"{where} has no '{name}'; it is not whole, or not a wordbrush record of this version")
    for name in given:
        if name not in names:
            raise RecordError(f"{where} has '{name}', which this version of wordbrush does not know")
    try:
        return kind(**{name: _build(hints[name], given[name], f"{where}.{name}") for name in names if name in given})
    except RecordError:
        raise
    except WordbrushError as error:  # a settings class checked its own values
        raise RecordError(f"{where} cannot be used: {error}") from None


def _wrong(where: str, expected: str, value: object) -> object:
    raise RecordError(f"{where} is {value!r:.60}, where {expected} should be")
