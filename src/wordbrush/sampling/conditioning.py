"""What every branch of a run is told: its text, and the LoRAs with which it is read."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from wordbrush.attention.batch import SOURCE, BatchLayout
from wordbrush.edits.branch_scales import BranchScales
from wordbrush.edits.lora_window import LoraScales
from wordbrush.sampling.text import Text


@dataclass(frozen=True, eq=False)
class Conditioning:
    """The text of every branch, one row each: `positive[b]` is branch b's prompt, the source first; `negative` is
    shared, and None where no guidance reads one.
    """

    positive: tuple[Text, ...]
    negative: Text | None


@dataclass(frozen=True, eq=False)
class BranchLoras:
    """LoRAs that act in some branches or steps alone: their `scales`, the `texts` as the text encoders give them with
    each of these, and a `scope` in which the model has them.
    """

    scales: BranchScales
    texts: Mapping[LoraScales, Conditioning]
    scope: Callable[[LoraScales], AbstractContextManager[None]]

    def at(self, step: int) -> "StepLoras":
        """Those of one step."""
        return StepLoras(self, step)


@dataclass(frozen=True, eq=False)
class StepLoras:
    """The LoRAs of every branch at one step."""

    run: BranchLoras
    step: int

    def of(self, branch: int) -> LoraScales:
        """The scales of a branch."""
        return (self.run.scales.source if branch == SOURCE else self.run.scales.targets)[self.step]

    def text(self, branch: int) -> Conditioning:
        """The texts that a branch's row reads."""
        return self.run.texts[self.of(branch)]

    def scope(self, branch: int) -> AbstractContextManager[None]:
        """A scope in which the model has a branch's LoRAs."""
        return self.run.scope(self.of(branch))

    def groups(self, layout: BatchLayout) -> tuple[BatchLayout, ...]:
        """The rows that one model call can answer each: all, unless source and targets differ."""
        return layout.by_source() if self.run.scales.apart(self.step) else (layout,)
