"""Which method, with which settings: checked by name, and in the form that goes into records."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_type_hints

from wordbrush.errors import SettingsError
from wordbrush.inversion.ddim import DDIMInversion
from wordbrush.inversion.direct import Direct
from wordbrush.inversion.edit_friendly import EditFriendly
from wordbrush.inversion.fixed_point import FixedPoint
from wordbrush.inversion.method import Inversion
from wordbrush.inversion.negative_prompt import NegativePrompt
from wordbrush.inversion.null_text import NullText
from wordbrush.inversion.virtual import Virtual

METHODS: Mapping[str, type[Inversion]] = {
    "direct": Direct,
    "ddim": DDIMInversion,
    "null-text": NullText,
    "negative-prompt": NegativePrompt,
    "edit-friendly": EditFriendly,
    "fixed-point": FixedPoint,
    "virtual": Virtual,
}
"""Every method by its name; the first is the default."""

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
        self.build()

    @classmethod
    def parse(cls, method: str, settings: Mapping[str, Setting]) -> "InversionSettings":
        """With the method's own values for what is not given."""
        return cls(method, asdict(cls(method, settings).build()))  # type: ignore[call-overload]

    def build(self) -> Inversion:
        """The method."""
        if self.method not in METHODS:
            raise SettingsError(f"there is no method '{self.method}'; give one of {', '.join(METHODS)}")
        kind = METHODS[self.method]
        known = {field.name: get_type_hints(kind)[field.name] for field in fields(kind)}  # type: ignore[arg-type]
        for name, value in self.settings.items():
            if name not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise SettingsError(f"method '{self.method}' has no setting '{name}'; {has}")
            _check(name, value, known[name])
        return kind(**self.settings)


def _renamed(settings: Mapping[str, Setting]) -> Mapping[str, Setting]:
    """Earlier records and callers give `recon` in thousandths, as `recon_t`."""
    thousandths = settings.get("recon_t")
    if not isinstance(thousandths, int | float):
        return settings
    return {**{name: value for name, value in settings.items() if name != "recon_t"}, "recon": thousandths / 1000}


def _check(name: str, value: object, kind: Any) -> None:
    fits, needed = isinstance(value, str), "a word"
    if kind is int:
        fits, needed = isinstance(value, int), "a whole number"
    elif kind is float:
        fits, needed = isinstance(value, int | float), "a number"
    if not fits or isinstance(value, bool):
        raise SettingsError(f"{name} is {value!r:.40}; give {needed}")
