"""What a user asks of an edit, in one checked form that goes into records as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.schedule import DEFAULT, Window, parse_cross_windows
from wordbrush.errors import SettingsError

EditKind = Literal["auto", "replace", "refine"]
"""How the words of two prompts correspond: found word by word, or one of the published kinds."""

CrossSteps = float | tuple[float, float] | Mapping[str, float | tuple[float, float]]
SelfSteps = float | tuple[float, float]

PROMPT_TO_PROMPT_MAX_PIXELS = 16**2
"""The largest self-attention that the Prompt-to-Prompt code injects."""
NULL_TEXT_MAX_PIXELS = 32**2
"""The largest self-attention that the null-text inversion code injects."""


@dataclass(frozen=True)
class EditSettings:
    """An edit of one source into each of `targets`.

    `cross_replace_steps` has a window (start, end) per word and one under "default_"; `equalizer` a factor per word.
    A word that is in some of several targets acts in those. `local_blend` holds everything outside of a region still.
    `mutual_self_attention` and `plug_and_play` act beside the windows, in all targets.
    """

    targets: tuple[str, ...]
    edit: EditKind
    cross_replace_steps: Mapping[str, tuple[float, float]]
    self_replace_steps: tuple[float, float]
    self_replace_max_pixels: int
    equalizer: Mapping[str, float]
    local_blend: LocalBlend | None
    mutual_self_attention: MutualSelfAttention | None = None
    plug_and_play: PlugAndPlay | None = None

    def __post_init__(self) -> None:
        """Check what does not depend on the prompts: a record's values come here without `parse`."""
        if not self.targets:
            raise SettingsError("there is no target prompt; give at least one")
        if self.edit not in get_args(EditKind):
            raise SettingsError(f"edit is '{self.edit}'; give one of {', '.join(get_args(EditKind))}")
        if self.self_replace_max_pixels < 1:
            raise SettingsError(f"self_replace_max_pixels is {self.self_replace_max_pixels}; give 1 or more")
        if DEFAULT not in self.cross_replace_steps:
            raise SettingsError(f"cross_replace_steps has no '{DEFAULT}'; give the window of all other words")
        for word, window in self.cross_replace_steps.items():
            Window.parse(window, f"cross_replace_steps of '{word}'")
        Window.parse(self.self_replace_steps, "self_replace_steps")
        blend = self.local_blend
        if blend is not None and not blend.names_words and blend.mask is None:
            raise SettingsError("local_blend names no word and there is no mask; give one of them")

    @classmethod
    def parse(
        cls,
        targets: Sequence[str],
        edit: str,
        cross_replace_steps: CrossSteps,
        self_replace_steps: SelfSteps,
        self_replace_max_pixels: int = PROMPT_TO_PROMPT_MAX_PIXELS,
        equalizer: Mapping[str, float] | None = None,
        local_blend: LocalBlend | None = None,
        mutual_self_attention: MutualSelfAttention | None = None,
        plug_and_play: PlugAndPlay | None = None,
    ) -> "EditSettings":
        """Check a user's values and bring them to one form; raises `SettingsError` naming the bad one.

        >>> EditSettings.parse(["a cat"], "auto", 0.8, 0.4).cross_replace_steps
        {'default_': (0.0, 0.8)}
        """
        cross = {word: (w.start, w.end) for word, w in parse_cross_windows(cross_replace_steps).items()}
        injected = Window.parse(self_replace_steps, "self_replace_steps")
        return cls(
            tuple(targets),
            edit,  # type: ignore[arg-type]  # checked below
            cross,
            (injected.start, injected.end),
            self_replace_max_pixels,
            dict(equalizer or {}),
            local_blend,
            mutual_self_attention,
            plug_and_play,
        )
