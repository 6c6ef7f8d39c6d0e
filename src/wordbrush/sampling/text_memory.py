"""Texts that were encoded before: of many runs of one model, captions and negative prompts come again."""

from collections import OrderedDict
from collections.abc import Callable

from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.text import Text


class TextMemory:
    """The texts of the latest prompts, for one model that stays as it is. Two threads may not use it at once.

    - `most`: how many are held. Default: 64, which are 300 MB of the largest encoders' and 15 MB of CLIP's.
    """

    def __init__(self, most: int = 64) -> None:
        """Begin with none."""
        self._most = most
        self._texts: OrderedDict[tuple[str, bool], Text] = OrderedDict()

    def positive(self, adapter: Adapter, prompt: str) -> Text:
        """The conditioning of a prompt."""
        return self._recalled(prompt, True, adapter.encode)

    def negative(self, adapter: Adapter, prompt: str) -> Text:
        """The conditioning of a negative prompt."""
        return self._recalled(prompt, False, adapter.encode_negative)

    def _recalled(self, prompt: str, positive: bool, encode: Callable[[str], Text]) -> Text:
        key = prompt, positive
        if key not in self._texts:
            self._texts[key] = encode(prompt)
            if len(self._texts) > self._most:
                self._texts.popitem(last=False)
        self._texts.move_to_end(key)
        return self._texts[key]
