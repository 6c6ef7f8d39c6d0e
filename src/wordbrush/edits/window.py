"""When an edit acts: windows over the denoising steps as fractions, one for all words or one for each word."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

from wordbrush.errors import SettingsError

DEFAULT = "default_"
"""The key of the window for every word without its own (the published name)."""


@dataclass(frozen=True)
class Window:
    """A fraction of the denoising steps, from `start` to `end`, both from 0 to 1. Step 0 is the noisiest."""

    start: float
    end: float

    @classmethod
    def parse(cls, value: object, name: str) -> "Window":
        """Read 0.8 (the first 80 % of the steps) or (0.2, 0.8); `name` is what errors call it.

        >>> Window.parse(0.8, "cross_replace_steps")
        Window(start=0.0, end=0.8)
        """
        bounds = value if isinstance(value, tuple | list) else (0.0, value)
        if len(bounds) != 2 or not all(isinstance(b, Real) and not isinstance(b, bool) for b in bounds):
            raise SettingsError(f"{name} is {value!r}; give a number in 0..1, or (start, end)")
        start, end = float(bounds[0]), float(bounds[1])
        if not 0 <= start <= end <= 1:
            raise SettingsError(
                f"{name} is {value!r}, outside of 0..1; give a number in 0..1, or (start, end) with start <= end"
            )
        return cls(start, end)

    def cross_steps(self, num_steps: int) -> range:
        """The steps in which cross-attention is edited: bounds are `int(f * (num_steps + 1))`, as published."""
        return range(int(self.start * (num_steps + 1)), min(int(self.end * (num_steps + 1)), num_steps))

    def steps(self, num_steps: int) -> range:
        """The steps of anything else: bounds are `int(f * num_steps)`, as published for self-attention and as
        diffusers' guiders count.
        """
        return range(int(self.start * num_steps), int(self.end * num_steps))

    def within(self, other: "Window") -> "Window":
        """What is in both windows; an empty one where they do not meet.

        >>> Window(0.0, 0.6).within(Window(0.2, 1.0)), Window(0.0, 0.2).within(Window(0.5, 1.0))
        (Window(start=0.2, end=0.6), Window(start=0.5, end=0.5))
        """
        start = max(self.start, other.start)
        return Window(start, max(start, min(self.end, other.end)))


EVERY_STEP = Window(0.0, 1.0)


def parse_cross_windows(value: object) -> dict[str, Window]:
    """Read `cross_replace_steps`: one window, or a window per word with "default_" for the rest (1.0 if it is not
    given).

    >>> parse_cross_windows({"cat": 0.4, "default_": (0.0, 0.8)})["cat"]
    Window(start=0.0, end=0.4)
    """
    if not isinstance(value, Mapping):
        return {DEFAULT: Window.parse(value, "cross_replace_steps")}
    windows = {str(word): Window.parse(v, f"cross_replace_steps of '{word}'") for word, v in value.items()}
    return {DEFAULT: Window(0.0, 1.0), **windows}


def format_window(window: tuple[float, float]) -> str:
    """A window as a user gives it: only its end if it starts with the first step, else both bounds.

    >>> format_window((0.0, 0.8)), format_window((0.2, 0.5))
    ('0.8', '0.2 to 0.5')
    """
    return f"{window[1]:g}" if window[0] == 0 else f"{window[0]:g} to {window[1]:g}"
