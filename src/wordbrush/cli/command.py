"""How a function becomes a command: dataclasses of flags lend it their fields, and its help has groups.

A parameter whose type is a dataclass of flags stands for that class's fields, each an option of the command; the
parameter's default, if it has one, gives their defaults. What a user types is read by the parameter's type.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand
from typer.models import ArgumentInfo, OptionInfo

from wordbrush.cli import values

FIRST = "Used most"
OTHERS = "Options"

_READERS: dict[Any, Callable[[str, str], Any]] = {
    int: values.whole,
    float: values.number,
    Path: values.path,
    str: values.text,
}
_METAVARS = {int: "N", float: "F", Path: "PATH", str: "TEXT"}


def flag(*spellings: str, help: str, metavar: str | None = None, group: str = OTHERS) -> Any:
    """An option: all its spellings, which are equal, the API's name first."""
    return typer.Option(*spellings, help=help, metavar=metavar, rich_help_panel=group)


def spelling(kind: type, field: str) -> str:
    """What messages call a flag: its last spelling, the short one."""
    return spellings(kind, field)[-1]


def spellings(kind: type, field: str) -> tuple[str, ...]:
    """All spellings of a flag."""
    return _spellings(get_args(get_type_hints(kind, include_extras=True)[field])[1])


def first_given(flags: Any) -> str | None:
    """The first flag of a dataclass of them that is given, as a message names it."""
    return next((spelling(type(flags), f.name) for f in fields(flags) if getattr(flags, f.name) != f.default), None)


def add_command(
    app: typer.Typer, function: Callable[..., None], *, name: str | None = None, first: Sequence[str] = ()
) -> None:
    """Add a function as a command; the options in `first`, by parameter, stand at the top of its help."""
    taken = list(_taken(function, first))

    def command(**given: Any) -> None:
        arguments = {}
        for one in taken:
            values_of = {part.name: part.read(given[part.name]) for part in one.parts}
            arguments[one.name] = values_of[one.name] if one.kind is None else one.kind(**values_of)
        function(**arguments)

    parameters = [part.parameter for one in taken for part in one.parts]
    # Python's own rule, that parameters without a default come first, is no rule for a command line.
    command.__signature__ = inspect.Signature(sorted(parameters, key=lambda p: p.default is not p.empty))  # type: ignore[attr-defined]
    command.__doc__ = function.__doc__
    command.__annotations__ = {}
    order = {part.name: place for place, part in enumerate(p for one in taken for p in one.parts)}
    order |= {field: place - len(first) for place, field in enumerate(first)}
    kind = type("Command", (_GroupedCommand,), {"order": order})
    app.command(name or function.__name__, cls=kind)(command)


@dataclass(frozen=True)
class _Part:
    """One option or argument: how typer sees it, and how its value is read."""

    name: str
    parameter: inspect.Parameter
    read: Callable[[Any], Any]


@dataclass(frozen=True)
class _Taken:
    """A parameter of the function: itself, or the fields of `kind`."""

    name: str
    kind: type | None
    parts: tuple[_Part, ...]


def _taken(function: Callable[..., None], first: Sequence[str]) -> Iterator[_Taken]:
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        kind = parameter.annotation
        if not is_dataclass(kind):
            yield _Taken(parameter.name, None, (_part(parameter.name, kind, parameter.default, first),))
            continue
        assert isinstance(kind, type)
        defaults = kind() if parameter.default is parameter.empty else parameter.default
        hints = get_type_hints(kind, include_extras=True)
        parts = [_part(f.name, hints[f.name], getattr(defaults, f.name), first) for f in fields(kind)]
        yield _Taken(parameter.name, kind, tuple(parts))


def _part(name: str, annotation: Any, default: Any, first: Sequence[str]) -> _Part:
    annotation, info = get_args(annotation) if get_origin(annotation) is Annotated else (annotation, typer.Argument())
    info = copy(info)
    if name in first:
        info.rich_help_panel = FIRST
    said = _spellings(info)[-1] if isinstance(info, OptionInfo) else name.upper()
    several, scalar = _shape(annotation)
    if scalar is bool:
        return _Part(name, _parameter(name, bool, info, default), lambda given: given)
    info.metavar = info.metavar or (_METAVARS[scalar] if isinstance(info, OptionInfo) else name.upper())
    read = partial(_READERS[scalar], said)
    if several:
        return _Part(name, _parameter(name, list[str] | None, info, None), lambda given: tuple(map(read, given or ())))
    shown = default if default in (None, inspect.Parameter.empty) else str(default)
    kind = str if default is inspect.Parameter.empty else str | None
    return _Part(name, _parameter(name, kind, info, shown), lambda given: None if given is None else read(given))


def _parameter(name: str, kind: Any, info: ArgumentInfo | OptionInfo, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _shape(annotation: Any) -> tuple[bool, Any]:
    """Whether there are several values, and the type of one."""
    if isinstance(annotation, UnionType):
        annotation = next(kind for kind in get_args(annotation) if kind is not type(None))
    return (True, get_args(annotation)[0]) if get_origin(annotation) is tuple else (False, annotation)


def _spellings(info: OptionInfo) -> tuple[str, ...]:
    return (str(info.default), *(info.param_decls or ()))


class _GroupedCommand(TyperCommand):
    """A command whose help has its options in groups, in plain text."""

    order: dict[str, int]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, what is used most, and every other group in the order of its first option."""
        arguments: list[tuple[str, str]] = []
        groups: dict[str, list[tuple[str, str]]] = {FIRST: []}
        for param in sorted(self.get_params(ctx), key=lambda param: self.order.get(param.name or "", len(self.order))):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if param.param_type_name == "argument":
                arguments.append(record)
            else:
                groups.setdefault(getattr(param, "rich_help_panel", None) or OTHERS, []).append(record)
        for title, records in {"Arguments": arguments, **groups}.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
