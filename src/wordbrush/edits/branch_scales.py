"""Which LoRAs act in the source and in its targets, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from wordbrush.edits.lora_window import LoraScales, LoraWindow, check_loaded, scales_at


@dataclass(frozen=True)
class BranchScales:
    """The scales of all loaded LoRAs at each step, of the source and of all targets."""

    source: tuple[LoraScales, ...]
    targets: tuple[LoraScales, ...]

    @classmethod
    def of(
        cls,
        source: Sequence[LoraWindow] | None,
        targets: Sequence[LoraWindow] | None,
        loaded: Mapping[str, float],
        num_steps: int,
    ) -> Self:
        """From what is said of either, and what is loaded. Raises `SettingsError` for a LoRA that is not loaded.

        >>> both = BranchScales.of((), [LoraWindow("style", 1.0, 0.0, 0.5)], {"style": 1.0}, 4)
        >>> [both.apart(step) for step in range(4)]
        [True, True, False, False]
        """
        check_loaded(source, loaded, "source_adapters")
        check_loaded(targets, loaded, "target_adapters")
        each = ([scales_at(said, loaded, step, num_steps) for step in range(num_steps)] for said in (source, targets))
        return cls(*map(tuple, each))

    def apart(self, step: int) -> bool:
        """Whether source and targets have other weights at a step."""
        return self.source[step] != self.targets[step]

    @property
    def differ(self) -> bool:
        """Whether they do at any step."""
        return self.source != self.targets

    @property
    def every(self) -> frozenset[LoraScales]:
        """All that a run comes by."""
        return frozenset((*self.source, *self.targets))
