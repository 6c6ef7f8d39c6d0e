"""The values of a settings class in the plain types that it declares, which are those that records can hold.

A caller's numbers are often numpy's: they are used as they are, or refused by name, but never found out at `save`.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wordbrush.errors import SettingsError


def settle(settings: object) -> None:
    """Bring each field of a frozen dataclass to its declared type. Raises `SettingsError` naming one that is another.

    >>> import numpy
    >>> whole(numpy.int64(3), "seed"), number(numpy.float32(0.5), "guidance_scale")
    (3, 0.5)
    """
    for name, kind in _hints(type(settings)).items():  # type: ignore[arg-type]  # a class is hashable
        object.__setattr__(settings, name, _settled(kind, getattr(settings, name), name))


def whole(value: object, name: str) -> int:
    """A whole number of Python. Raises `SettingsError` for anything else, `True` included."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    raise _wrong(value, name, "a whole number")


def number(value: object, name: str) -> float:
    """A number of Python. Raises `SettingsError` for anything else, `True` included."""
    if isinstance(value, Real) and not isinstance(value, bool):
        return int(value) if isinstance(value, Integral) else float(value)
    raise _wrong(value, name, "a number")


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _settled(kind: Any, value: object, name: str) -> object:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        return _one_of(arguments, value, name)
    if origin is tuple:
        return _items(arguments, value, name)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise _wrong(value, name, "values by name")
        return {str(key): _settled(arguments[1], item, f"{name} of '{key}'") for key, item in value.items()}
    if kind in _PLAIN:
        return _PLAIN[kind](value, name)
    if is_dataclass(kind) and not isinstance(value, kind):  # type: ignore[arg-type]  # it is a class
        raise _wrong(value, name, f"a {getattr(kind, '__name__', kind)}")
    assert origin is Literal or is_dataclass(kind), kind
    return value  # a class checked itself; one of several words is checked where they are known


def _one_of(kinds: tuple[Any, ...], value: object, name: str) -> object:
    if value is None and type(None) in kinds:
        return None
    problem: SettingsError | None = None
    for kind in (kind for kind in kinds if kind is not type(None)):
        try:
            return _settled(kind, value, name)
        except SettingsError as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _items(kinds: tuple[Any, ...], value: object, name: str) -> tuple[object, ...]:
    if not isinstance(value, tuple | list):
        raise _wrong(value, name, "a list")
    each = [kinds[0]] * len(value) if kinds[1:] == (...,) else list(kinds)
    if len(each) != len(value):
        raise _wrong(value, name, f"{len(each)} of them")
    return tuple(_settled(kind, item, name) for kind, item in zip(each, value, strict=True))


def _truth(value: object, name: str) -> bool:
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy's is called the same
        return bool(value)
    raise _wrong(value, name, "True or False")


def _text(value: object, name: str) -> str:
    if isinstance(value, str):
        return str(value)
    raise _wrong(value, name, "a text")


def _wrong(value: object, name: str, needed: str) -> SettingsError:
    return SettingsError(f"{name} is {value!r:.60}; give {needed}")


_PLAIN: Mapping[type, Callable[[object, str], object]] = {int: whole, float: number, bool: _truth, str: _text}
