"""Everything that a run's edits do, step by step, before the model is asked for anything."""

from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.edits.schedule import Window
from wordbrush.edits.token_map import TokenMap


@dataclass(frozen=True, eq=False)
class CrossEdit:
    """A token map as one attention call needs it, with what it uses decided beforehand."""

    token_map: TokenMap
    uses_source: bool
    uses_target: bool


@dataclass(frozen=True, eq=False)
class TargetStep:
    """What one target does at one step: edit its cross-attention maps, take over the source's self-attention."""

    cross: CrossEdit | None
    inject_self: bool

    @property
    def acts(self) -> bool:
        """Whether this target is controlled at this step at all."""
        return self.cross is not None or self.inject_self

    @property
    def uses_source(self) -> bool:
        """Whether the source's queries and keys are needed at this step."""
        return self.inject_self or (self.cross is not None and self.cross.uses_source)


@dataclass(frozen=True, eq=False)
class StepEdit:
    """The edit of one step: one `TargetStep` per target, and the largest self-attention that is injected."""

    targets: tuple[TargetStep, ...]
    self_replace_max_pixels: int

    @property
    def acts(self) -> bool:
        """Whether any target is controlled at this step."""
        return any(target.acts for target in self.targets)

    @property
    def uses_source(self) -> bool:
        """Whether any target needs the source's queries and keys at this step."""
        return any(target.uses_source for target in self.targets)


@dataclass(frozen=True, eq=False)
class TargetPlan:
    """One target's edit over a run, one `TargetStep` a step; steps of equal weights share one folded map."""

    steps: tuple[TargetStep, ...]

    @classmethod
    def build(
        cls,
        token_map: TokenMap,
        cross_weights_NT: Tensor,
        self_replace_steps: Window,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> "TargetPlan":
        """Fold a token map with the weights (num_steps, T) of its schedule, for a model's device and dtype."""
        self_steps = self_replace_steps.self_steps(len(cross_weights_NT))
        folded: dict[tuple[float, ...], CrossEdit | None] = {}
        steps = []
        for i, weight_T in enumerate(cross_weights_NT):
            key = tuple(weight_T.tolist())
            if key not in folded:
                folded[key] = _cross_edit(token_map.faded(weight_T), device, dtype)
            steps.append(TargetStep(folded[key], i in self_steps))
        return cls(tuple(steps))


@dataclass(frozen=True, eq=False)
class EditPlan:
    """All targets of a run. Asked for a step (`at`), never counting steps itself."""

    targets: tuple[TargetPlan, ...]
    self_replace_max_pixels: int

    def at(self, step: int) -> StepEdit:
        """What the targets do at this step."""
        return StepEdit(tuple(target.steps[step] for target in self.targets), self.self_replace_max_pixels)


def _cross_edit(token_map: TokenMap, device: torch.device | str, dtype: torch.dtype) -> CrossEdit | None:
    if token_map.is_identity:
        return None
    return CrossEdit(token_map.to(device, dtype), token_map.uses_source, token_map.uses_target)
