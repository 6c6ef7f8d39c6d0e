"""Everything that a run's edits do, step by step, planned before the model is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from wordbrush.edits.borrowed import Borrowed
from wordbrush.edits.placement import Placement, Placements, on_grid
from wordbrush.edits.resize import Resize
from wordbrush.edits.token_map import TokenMap


@dataclass(frozen=True, eq=False)
class CrossEdit:
    """A token map as one attention call needs it; what it uses is worked out in advance.

    `own_mass` matters only if text and picture share an axis. With it, the target attends to the text as a whole as
    much as it does by itself; without it, as much as the source does. `moves` is false where each token of the source
    stands for the same one of the target, so that there is nothing to fold.
    """

    token_map: TokenMap
    uses_source: bool
    uses_target: bool
    own_mass: bool = False
    moves: bool = True

    @cached_property
    def changed_n(self) -> Tensor:
        """The target's tokens that do not keep their own map as it is."""
        return (self.token_map.keep_T != 1).nonzero()[:, 0]

    @cached_property
    def moved_n(self) -> Tensor:
        """The source's tokens whose map reaches any of the target's."""
        return self.token_map.transfer_ST.any(dim=1).nonzero()[:, 0]


Regions = Mapping[tuple[int, ...], Tensor]
"""Where things of the source are, as booleans (h, w), by the tokens that name them."""


@dataclass(frozen=True, eq=False)
class LocalEdits:
    """What one target does differently in parts of the picture: things that it resizes, and regions with their own
    edit.
    """

    placements: Placements | None = None
    inside: tuple[tuple[Tensor, CrossEdit | None], ...] = ()

    def placed(self, grid: tuple[int, int]) -> Tensor | None:
        """From which position (Q,) each position of a grid takes the source's map, or None if nothing is moved."""
        return None if self.placements is None else self.placements.on(grid)

    def regions(self, grid: tuple[int, int]) -> list[tuple[Tensor, CrossEdit | None]]:
        """The positions (n,) of a grid that have their own edit, and that edit."""
        return [(on_grid(region_hw, grid).flatten().nonzero()[:, 0], edit) for region_hw, edit in self.inside]


@dataclass(frozen=True, eq=False)
class StepEdit:
    """The edit of one step: of each target's cross-attention maps, what each target takes over from the source, and
    what each does in parts of the picture.
    """

    cross: tuple[CrossEdit | None, ...]
    borrowed: tuple[Borrowed, ...]
    local: tuple[LocalEdits, ...]

    @property
    def acts(self) -> bool:
        """Whether any target is controlled at this step."""
        return any(own.acts for own in self.borrowed) or any(cross is not None for cross in self.cross)

    @property
    def acts_in_parts(self) -> bool:
        """Whether any part of the picture is treated apart."""
        return any(local.placements is not None or local.inside for local in self.local)

    @property
    def features(self) -> frozenset[str]:
        """The residual blocks whose output is the source's in all targets."""
        return self.borrowed[0].features

    @property
    def reads_content(self) -> bool:
        """Whether any target reads the source's keys and values."""
        return any(own.content for own in self.borrowed)

    @property
    def self_layers(self) -> frozenset[str]:
        """The self-attention layers that need the source's queries and keys for their map."""
        return frozenset().union(*(own.self_layers for own in self.borrowed))

    @property
    def uses_source(self) -> bool:
        """Whether any target needs the source at this step."""
        return any(own.acts for own in self.borrowed) or any(
            cross is not None and cross.uses_source for cross in self.cross
        )


@dataclass(frozen=True, eq=False)
class TargetPlan:
    """One target's edit over a run, step by step: of its cross-attention, and what it takes over from the source.

    Steps with equal weights share one folded map. `resizes` are the things that it replaces by larger or smaller ones.
    `inside` holds the edits of things' own regions, by the things' tokens in the source.
    """

    steps: tuple[CrossEdit | None, ...]
    borrowed: tuple[Borrowed, ...]
    resizes: tuple[Resize, ...] = ()
    inside: tuple[tuple[tuple[int, ...], "TargetPlan"], ...] = ()

    @classmethod
    def build(
        cls,
        token_map: TokenMap,
        cross_weights_NT: Tensor,
        borrowed: Sequence[Borrowed],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        *,
        own_mass: bool = False,
        always: TokenMap | None = None,
    ) -> "TargetPlan":
        """Fold a token map with the weights (num_steps, T) of its schedule, for a model's device and dtype.

        `always` is a token map that follows it at every step.
        """
        folded: dict[tuple[float, ...], CrossEdit | None] = {}
        steps = []
        for weight_T in cross_weights_NT:
            key = tuple(weight_T.tolist())
            if key not in folded:
                faded = token_map.faded(weight_T)
                whole = faded if always is None else faded.then(always)
                folded[key] = _cross_edit(whole, device, dtype, own_mass)
            steps.append(folded[key])
        return cls(tuple(steps), tuple(borrowed))

    @property
    def acts(self) -> bool:
        """Whether it is controlled at any step."""
        return any(own.acts for own in self.borrowed) or any(cross is not None for cross in self.steps)

    @property
    def things(self) -> tuple[tuple[int, ...], ...]:
        """The things whose regions it needs."""
        return (*(resize.tokens for resize in self.resizes), *(tokens for tokens, _ in self.inside))

    def placements(self, regions: Regions) -> Placements | None:
        """The things that it resizes, in their places; None without any."""
        each = [Placement(regions[resize.tokens], resize.ratio) for resize in self.resizes]
        return Placements(each) if each else None

    def inside_at(self, step: int, regions: Regions) -> tuple[tuple[Tensor, CrossEdit | None], ...]:
        """The regions (h, w) that have their own edit, and that edit at a step."""
        return tuple((regions[tokens], plan.steps[step]) for tokens, plan in self.inside)


@dataclass(frozen=True, eq=False)
class EditPlan:
    """The edits of all targets of a run. It is asked for a step (`at`) and never counts steps itself.

    Edits that act in regions need to know before the run where things are (`things`, `located`).
    """

    targets: tuple[TargetPlan, ...]
    regions: Regions = field(default_factory=dict)

    @property
    def things(self) -> tuple[tuple[int, ...], ...]:
        """The things of the source, by their tokens, whose regions the edits need."""
        return tuple(dict.fromkeys(tokens for target in self.targets for tokens in target.things))

    def located(self, regions: Regions) -> "EditPlan":
        """The same plan with the regions of its things."""
        return replace(self, regions=regions)

    @cached_property
    def _placements(self) -> tuple[Placements | None, ...]:
        """Of each target, the same at every step."""
        return tuple(target.placements(self.regions) for target in self.targets)

    def at(self, step: int) -> StepEdit:
        """What the targets do at this step."""
        cross = tuple(target.steps[step] for target in self.targets)
        borrowed = tuple(target.borrowed[step] for target in self.targets)
        local = tuple(
            LocalEdits(placements, target.inside_at(step, self.regions))
            for target, placements in zip(self.targets, self._placements, strict=True)
        )
        return StepEdit(cross, borrowed, local)


def _cross_edit(
    token_map: TokenMap, device: torch.device | str, dtype: torch.dtype, own_mass: bool
) -> CrossEdit | None:
    if token_map.is_identity:
        return None
    moves = not token_map.transfers_in_place
    return CrossEdit(token_map.to(device, dtype), token_map.uses_source, token_map.uses_target, own_mass, moves)
