"""Everything that a run's edits do, step by step, before the model is asked for anything."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.edits.borrowed import Borrowed
from wordbrush.edits.token_map import TokenMap


@dataclass(frozen=True, eq=False)
class CrossEdit:
    """A token map as one attention call needs it, with what it uses decided beforehand."""

    token_map: TokenMap
    uses_source: bool
    uses_target: bool


@dataclass(frozen=True, eq=False)
class StepEdit:
    """The edit of one step: of each target's cross-attention maps, and what each takes over from inside the source."""

    cross: tuple[CrossEdit | None, ...]
    borrowed: tuple[Borrowed, ...]

    @property
    def acts(self) -> bool:
        """Whether any target is controlled at this step."""
        return any(own.acts for own in self.borrowed) or any(cross is not None for cross in self.cross)

    @property
    def features(self) -> frozenset[str]:
        """The residual blocks whose output is the source's, in all targets."""
        return self.borrowed[0].features

    @property
    def reads_content(self) -> bool:
        """Whether any target reads the source's keys and values."""
        return any(own.content for own in self.borrowed)

    @property
    def self_layers(self) -> frozenset[str]:
        """Self-attention layers of whose map the source's queries and keys are needed."""
        return frozenset().union(*(own.self_layers for own in self.borrowed))

    @property
    def uses_source(self) -> bool:
        """Whether any target needs the source at this step."""
        return any(own.acts for own in self.borrowed) or any(
            cross is not None and cross.uses_source for cross in self.cross
        )


@dataclass(frozen=True, eq=False)
class TargetPlan:
    """One target's edit over a run, one a step: of its cross-attention, where steps of equal weights share one folded
    map, and what it takes over from inside the source.
    """

    steps: tuple[CrossEdit | None, ...]
    borrowed: tuple[Borrowed, ...]

    @classmethod
    def build(
        cls,
        token_map: TokenMap,
        cross_weights_NT: Tensor,
        borrowed: Sequence[Borrowed],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> "TargetPlan":
        """Fold a token map with the weights (num_steps, T) of its schedule, for a model's device and dtype."""
        folded: dict[tuple[float, ...], CrossEdit | None] = {}
        steps = []
        for weight_T in cross_weights_NT:
            key = tuple(weight_T.tolist())
            if key not in folded:
                folded[key] = _cross_edit(token_map.faded(weight_T), device, dtype)
            steps.append(folded[key])
        return cls(tuple(steps), tuple(borrowed))


@dataclass(frozen=True, eq=False)
class EditPlan:
    """All targets of a run. Asked for a step (`at`), never counting steps itself."""

    targets: tuple[TargetPlan, ...]

    def at(self, step: int) -> StepEdit:
        """What the targets do at this step."""
        return StepEdit(
            tuple(target.steps[step] for target in self.targets),
            tuple(target.borrowed[step] for target in self.targets),
        )


def _cross_edit(token_map: TokenMap, device: torch.device | str, dtype: torch.dtype) -> CrossEdit | None:
    if token_map.is_identity:
        return None
    return CrossEdit(token_map.to(device, dtype), token_map.uses_source, token_map.uses_target)
