"""Which method, with which settings: checked by name, and in the form that goes into records."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pkgutil import resolve_name
from typing import Any, get_type_hints

from wordbrush.errors import SettingsError
from wordbrush.inversion.method import Inversion
from wordbrush.inversion.methods import FLOW_METHODS, METHODS
from wordbrush.settled import number, whole

Setting = int | float | str
"""A value of a method's setting."""


@dataclass(frozen=True)
class InversionSettings:
    """A method and all of its settings. Raises `SettingsError` for a name or a value that it does not have.

    >>> InversionSettings.parse("edit-friendly", {"skip": 0.36}).settings
    {'skip': 0.36, 'source_guidance_scale': 3.5}
    """

    method: str
    settings: Mapping[str, Setting]

    def __post_init__(self) -> None:
        """Check by building: a record's values come here without `parse`."""
        object.__setattr__(self, "settings", _renamed(self.settings))
        plain = asdict(self.build())  # type: ignore[call-overload]
        object.__setattr__(self, "settings", {name: plain[name] for name in self.settings})

    @classmethod
    def parse(cls, method: str, settings: Mapping[str, Setting]) -> "InversionSettings":
        """With the method's own values for what is not given."""
        return cls(method, asdict(cls(method, settings).build()))  # type: ignore[call-overload]

    def build(self) -> Inversion:
        """The method."""
        known_methods = {**METHODS, **FLOW_METHODS}
        if self.method not in known_methods:
            raise SettingsError(f"there is no method '{self.method}'; give one of {', '.join(known_methods)}")
        kind: type[Inversion] = resolve_name(known_methods[self.method])
        known = {field.name: get_type_hints(kind)[field.name] for field in fields(kind)}  # type: ignore[arg-type]
        for name in self.settings:
            if name not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise SettingsError(f"method '{self.method}' has no setting '{name}'; {has}")
        return kind(**{name: _checked(name, value, known[name]) for name, value in self.settings.items()})


def _renamed(settings: Mapping[str, Setting]) -> Mapping[str, Setting]:
    """Earlier records and callers give `recon` in thousandths, as `recon_t`."""
    thousandths = settings.get("recon_t")
    if not isinstance(thousandths, int | float):
        return settings
    return {**{name: value for name, value in settings.items() if name != "recon_t"}, "recon": thousandths / 1000}


def _checked(name: str, value: object, kind: Any) -> Setting:
    if kind in (int, float):
        return whole(value, name) if kind is int else number(value, name)
    if not isinstance(value, str):
        raise SettingsError(f"{name} is {value!r:.40}; give a word")
    return str(value)
