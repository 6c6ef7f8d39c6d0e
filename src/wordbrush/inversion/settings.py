"""Which method, and its settings: checked by name, in the form that goes into records."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pkgutil import resolve_name
from typing import Any, get_type_hints

from wordbrush.errors import SettingsError
from wordbrush.inversion.method import Inversion
from wordbrush.inversion.methods import FLOW_METHODS, METHODS
from wordbrush.settled import number, whole

Setting = int | float | str
"""The value of a method's setting."""


@dataclass(frozen=True)
class InversionSettings:
    """An inversion method and its settings.

    - `method`: its name, one of `inversion.methods.METHODS` for diffusion models, or of `FLOW_METHODS` for models that
      are sampled along a flow.
    - `settings`: the method's settings by name. What each means, its range and its default: the method's class, such
      as `inversion.null_text.NullText`. `parse` fills in the defaults.

    Raises `SettingsError` for an unknown method, a setting that it does not have, or a value outside of its range.

    >>> InversionSettings.parse("edit-friendly", {"skip": 0.36}).settings
    {'skip': 0.36, 'source_guidance_scale': 3.5}
    """

    method: str
    settings: Mapping[str, Setting]

    def __post_init__(self) -> None:
        """Check by building the method: a record's values do not pass through `parse`."""
        object.__setattr__(self, "settings", _renamed(self.settings))
        plain = asdict(self.build())  # type: ignore[call-overload]
        object.__setattr__(self, "settings", {name: plain[name] for name in self.settings})

    @classmethod
    def of(cls, method: "str | InversionSettings", settings: Mapping[str, Setting]) -> "InversionSettings":
        """A method by its name and settings, or with all of them: then no others can be given beside."""
        if not isinstance(method, InversionSettings):
            return cls.parse(method, settings)
        if settings:
            raise SettingsError(
                f"method has its settings already; leave out {', '.join(settings)}, or give the method's name"
            )
        return method

    @classmethod
    def parse(cls, method: str, settings: Mapping[str, Setting]) -> "InversionSettings":
        """Fill in the method's defaults for settings that are not given."""
        return cls(method, asdict(cls(method, settings).build()))  # type: ignore[call-overload]

    def build(self) -> Inversion:
        """The method, ready to run."""
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
    """Older records and callers give `recon` in thousandths, as `recon_t`."""
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
