"""How one target is held to its source: when, and where it may change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from wordbrush.edits.blend import OFF, LatentMask, LocalBlend
from wordbrush.edits.strength import moved_window
from wordbrush.edits.window import DEFAULT, Window, parse_cross_windows
from wordbrush.errors import SettingsError

CrossSteps = float | tuple[float, float] | Mapping[str, float | tuple[float, float]]
"""`cross_replace_steps` as a user gives them."""
SelfSteps = float | tuple[float, float]
"""`self_replace_steps` as a user gives them."""
BlendOption = LocalBlend | str | Sequence[str]
"""`local_blend` as a user gives it."""


@dataclass(frozen=True)
class TargetControl:
    """Windows by word, the window of self-attention, and the region that may change, as fields of `EditSettings`."""

    cross_replace_steps: Mapping[str, tuple[float, float]]
    self_replace_steps: tuple[float, float]
    local_blend: LocalBlend | None = None

    def __post_init__(self) -> None:
        """Check what does not depend on the prompts: a record's values do not pass through `of`."""
        if DEFAULT not in self.cross_replace_steps:
            raise SettingsError(f"cross_replace_steps has no '{DEFAULT}'; give the window for all other words")
        for word, window in self.cross_replace_steps.items():
            Window.parse(window, f"cross_replace_steps of '{word}'")
        Window.parse(self.self_replace_steps, "self_replace_steps")
        blend = self.local_blend
        if blend is not None and not blend.names_words and not blend.subtract_words and blend.mask is None:
            raise SettingsError("local_blend names no word and there is no mask; give one of them")

    @classmethod
    def of(cls, cross: CrossSteps, held: SelfSteps, region: BlendOption | None, mask: LatentMask | None) -> Self:
        """Bring a user's values to one form. Raises `SettingsError`."""
        windows, window = parse_cross_windows(cross), Window.parse(held, "self_replace_steps")
        return cls(
            cross_replace_steps={word: (own.start, own.end) for word, own in windows.items()},
            self_replace_steps=(window.start, window.end),
            local_blend=LocalBlend.parse(None if region == OFF else region, mask),
        )

    def at_strength(self, strength: float, least_held: float) -> Self:
        """The same region with all windows moved; of that of self-attention `least_held` stays at any strength."""
        return replace(
            self,
            cross_replace_steps={word: moved_window(own, strength) for word, own in self.cross_replace_steps.items()},
            self_replace_steps=moved_window(self.self_replace_steps, strength, least_held),
        )
