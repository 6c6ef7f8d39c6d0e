"""What is kept within a budget of bytes: the least recently used goes first."""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ByteBudget(Generic[K, V]):
    """Values by key, `max_bytes` in all; safe between threads.

    >>> kept = ByteBudget[str, int](10)
    >>> kept.put("a", 1, 6), kept.put("b", 2, 6)
    ([], ['a'])
    >>> kept.get("a"), kept.get("b")
    (None, 2)
    """

    def __init__(self, max_bytes: int) -> None:
        """Hold nothing yet."""
        self._max_bytes = max_bytes
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0

    def put(self, key: K, value: V, num_bytes: int) -> list[K]:
        """Keep a value, and let go of others until all fit. Returns the keys of those. The newest stays even if it
        alone is over the budget.
        """
        gone = []
        with self._lock:
            self._drop(key)
            self._held[key] = value, num_bytes
            self.bytes += num_bytes
            while self.bytes > self._max_bytes and len(self._held) > 1:
                gone.append(next(iter(self._held)))
                self._drop(gone[-1])
        return gone

    def get(self, key: K) -> V | None:
        """A value that is still here, which counts as a use; else None."""
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def drop(self, key: K) -> None:
        """Let go of a value, if it is here."""
        with self._lock:
            self._drop(key)

    def items(self) -> list[tuple[K, V]]:
        """All that is here, the least recently used first."""
        with self._lock:
            return [(key, value) for key, (value, _) in self._held.items()]

    def _drop(self, key: K) -> None:
        if key in self._held:
            self.bytes -= self._held.pop(key)[1]
