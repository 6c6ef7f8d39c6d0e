"""What all families' adapters share: one call of the model at a time, with the loaded LoRAs at scales of its own.

Hooks and LoRAs' scales stand on the model itself, and a tokenizer holds its last options: two threads must not meet in
any of them. A thread that edits at the same time waits for the call of another, and never sees its scales.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock

from wordbrush.edits.lora_window import LoraScales
from wordbrush.sampling.adapter import LoadedLoras


class OneAtATime:
    """A model under the threads of a process."""

    loras: LoadedLoras

    def __init__(self) -> None:
        """Without any LoRA."""
        self._one_at_a_time = RLock()
        self.loras = NoLoras()

    @contextmanager
    def with_loras(self, scales: LoraScales) -> Iterator[None]:
        """A scope in which the loaded LoRAs act at these scales in this thread, and all others wait. Leaving it, also
        by an error, gives them the scales that they had.
        """
        with self._one_at_a_time, self.loras.at(scales):
            yield


class NoLoras:
    """Of a model into which none were loaded."""

    @property
    def scales(self) -> dict[str, float]:
        """None."""
        return {}

    def at(self, scales: LoraScales) -> AbstractContextManager[None]:
        """Nothing to change."""
        return nullcontext()
