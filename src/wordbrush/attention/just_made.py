"""The source's queries and keys of one step, for targets whose rows run in a call of their own after it."""

from collections.abc import Collection

from wordbrush.attention.kernel import MapInputs
from wordbrush.attention.sites import AttentionCall


class JustMade:
    """What the source's call of a step leaves for the targets': of every layer that reads the text, and of the
    self-attention layers that are named.
    """

    def __init__(self, self_layers: Collection[str]) -> None:
        """Hold nothing yet."""
        self._self_layers = self_layers
        self._maps: dict[str, MapInputs] = {}

    def write(self, call: AttentionCall, row: int) -> None:
        """Hold the given batch row of one call."""
        if call.layer.text or call.site.name in self._self_layers:
            self._maps[call.site.name] = call.row(row)

    def read(self, step: int, name: str) -> MapInputs:
        """What the source's map in a layer by name is made of."""
        return self._maps[name]
