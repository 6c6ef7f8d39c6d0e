"""What every branch of a run is told: its text, and the LoRAs with which it is read."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from wordbrush.attention.batch import SOURCE
from wordbrush.edits.branch_scales import BranchScales
from wordbrush.edits.lora_window import LoraScales
from wordbrush.sampling.text import Text


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The text of every branch, one row each: `positive[b]` is branch b's prompt, the source first; `negative` is
    shared.
    """

    positive: tuple[Text, ...]
    negative: Text


@dataclass(frozen=True, eq=False)
class BranchLoras:
    """LoRAs that act in some branches or steps alone: their `scales`, the `texts` as the text encoders give them with
    each of these, and a `scope` in which the model has them.
    """

    scales: BranchScales
    texts: Mapping[LoraScales, Conditioning]
    scope: Callable[[LoraScales], AbstractContextManager[None]]

    def of(self, step: int, branch: int) -> LoraScales:
        """The scales of a branch at a step."""
        return (self.scales.source if branch == SOURCE else self.scales.targets)[step]

    def text(self, step: int, branch: int) -> Conditioning:
        """The texts that a branch's row reads at a step."""
        return self.texts[self.of(step, branch)]
