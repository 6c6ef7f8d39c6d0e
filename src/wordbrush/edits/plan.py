"""Everything that a run's edits do, step by step, before the model is asked for anything."""

from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.edits.borrowed import Borrowed
from wordbrush.edits.token_map import TokenMap


@dataclass(frozen=True, eq=False)
class CrossEdit:
    """A token map as one attention call needs it, with what it uses decided beforehand.

    `own_mass` acts where text and picture share an axis: the target then looks at the text as a whole as much as it
    does by itself, and else as much as the source does.
    """

    token_map: TokenMap
    uses_source: bool
    uses_target: bool
    own_mass: bool = False


@dataclass(frozen=True, eq=False)
class StepEdit:
    """The edit of one step: of each target's cross-attention maps, and what all targets take over from the source."""

    cross: tuple[CrossEdit | None, ...]
    borrowed: Borrowed

    @property
    def acts(self) -> bool:
        """Whether any target is controlled at this step."""
        return self.borrowed.acts or any(cross is not None for cross in self.cross)

    @property
    def uses_source(self) -> bool:
        """Whether any target needs the source at this step."""
        return self.borrowed.acts or any(cross is not None and cross.uses_source for cross in self.cross)


@dataclass(frozen=True, eq=False)
class TargetPlan:
    """One target's cross-attention edit over a run, one a step; steps of equal weights share one folded map."""

    steps: tuple[CrossEdit | None, ...]

    @classmethod
    def build(
        cls,
        token_map: TokenMap,
        cross_weights_NT: Tensor,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        *,
        own_mass: bool = False,
    ) -> "TargetPlan":
        """Fold a token map with the weights (num_steps, T) of its schedule, for a model's device and dtype."""
        folded: dict[tuple[float, ...], CrossEdit | None] = {}
        steps = []
        for weight_T in cross_weights_NT:
            key = tuple(weight_T.tolist())
            if key not in folded:
                folded[key] = _cross_edit(token_map.faded(weight_T), device, dtype, own_mass)
            steps.append(folded[key])
        return cls(tuple(steps))


@dataclass(frozen=True, eq=False)
class EditPlan:
    """All targets of a run. Asked for a step (`at`), never counting steps itself."""

    targets: tuple[TargetPlan, ...]
    borrowed: tuple[Borrowed, ...]

    def at(self, step: int) -> StepEdit:
        """What the targets do at this step."""
        return StepEdit(tuple(target.steps[step] for target in self.targets), self.borrowed[step])


def _cross_edit(
    token_map: TokenMap, device: torch.device | str, dtype: torch.dtype, own_mass: bool
) -> CrossEdit | None:
    if token_map.is_identity:
        return None
    return CrossEdit(token_map.to(device, dtype), token_map.uses_source, token_map.uses_target, own_mass)
