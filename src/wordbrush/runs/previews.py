"""How a picture looks while it is made, at a small part of the time that making it takes."""

import time
from collections.abc import Callable

from PIL.Image import Image
from torch import Tensor

from wordbrush.errors import OutputError, SettingsError
from wordbrush.sampling.loop import OnStep


class Previews:
    """An `on_step` that also shows pictures: after the first step, and then as often as `share` of the time allows.

    Called with the number of steps done and the total, as any `on_step`; the loop calls `look` before it.
    """

    def __init__(
        self,
        decode: Callable[[Tensor], Image],
        show: Callable[[Image], None],
        on_step: OnStep | None = None,
        share: float = 0.1,
        each: Callable[[list[Image]], None] | None = None,
    ) -> None:
        """`show` is given pictures that `decode` makes of latents (1, C, h, w), and `each` all of several at once.
        Raises `SettingsError` for a share that is not above 0 and up to 1, which is every step.
        """
        if not 0 < share <= 1:
            raise SettingsError(f"share is {share}; give a part of the time above 0, up to 1")
        self._decode, self._show, self._on_step, self._share = decode, show, on_step, share
        self._each = each
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        """A step is done."""
        if self._on_step is not None:
            self._on_step(done, total)

    def look(self, clean: Tensor) -> None:
        """Show the pictures (branches, C, h, w) that a step expects, if it is time to: the last, or each."""
        began = time.monotonic()
        if began < self._next:
            return
        try:
            if self._each is not None and len(clean) > 1:
                self._each([self._decode(one[None]) for one in clean])
            else:
                self._show(self._decode(clean[-1:]))
        except OutputError:  # what is expected early may be no picture; the finished one is checked by itself
            return
        self._next = began if self._share == 1 else began + (time.monotonic() - began) / self._share
