"""An edit as it is planned before the model is asked anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL.Image import Image

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.watch import Watch
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.blend_words import BlendTokens, blend_tokens
from wordbrush.edits.branch_scales import BranchScales
from wordbrush.edits.compose import plan_edit
from wordbrush.edits.plan import EditPlan
from wordbrush.edits.settings import EditSettings
from wordbrush.edits.shortcuts import EXACT, Shortcuts
from wordbrush.errors import SettingsError
from wordbrush.runs.loras import branch_scales
from wordbrush.runs.sight import SourcePicture, SourceSight
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.blender import Blender
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.solver import Solver
from wordbrush.tokens.pair import Prompts


@dataclass(frozen=True, eq=False)
class PlannedBlend:
    """A local blend, and the words of each of the branches that it holds."""

    blend: LocalBlend
    tokens: Mapping[int, BlendTokens]


@dataclass(frozen=True, eq=False)
class Planned:
    """All that is known of an edit before the model is asked: of each step, in words, and where it may act."""

    prompts: Prompts
    edit: EditPlan
    acted: tuple[tuple[str, ...], ...]
    blends: tuple[PlannedBlend, ...]
    num_steps: int
    scales: BranchScales | None = None

    def in_turn(self, fast: Shortcuts) -> bool:
        """Whether a source must be finished before its edits begin."""
        seen = any(each.blend.sees_source for each in self.blends)
        return bool(self.edit.things) or seen or fast != EXACT

    def first_step(self, fast: Shortcuts, solver: Solver, watches: Sequence[Watch]) -> int:
        """The step with which targets begin. Raises `SettingsError` where they cannot begin late."""
        first = fast.first_step([self.edit.at(step).acts for step in range(self.num_steps)])
        if first and not solver.starts_anywhere:
            raise SettingsError(
                f"a fast edit begins in the middle of the schedule (late_start {fast.late_start:g}), and the sampler "
                f"'{solver.name}' cannot; use another sampler, or fast='exact'"
            )
        branches = range(SOURCE, SOURCE + 1 + len(self.edit.targets))
        if any(watch.asks(step, branch) for watch in watches for step in range(first) for branch in branches):
            raise SettingsError(
                f"the maps of all steps are asked for, and a fast edit does not make the first {first} of them; use "
                "fast='exact'"
            )
        return first

    def blenders(
        self, adapter: Adapter, settings: GenerationSettings, canvas: Image | None = None
    ) -> tuple[Blender, ...]:
        """Its local blends, ready for one run; `canvas` is the source's picture, if it was decoded."""
        layers = adapter.attention_layers(settings.height, settings.width)
        latent_size = adapter.latent_size(settings.height, settings.width)
        picture = SourcePicture(adapter, canvas)
        length = max(prompt.length for prompt in (self.prompts.source, *self.prompts.targets))
        return tuple(
            Blender(
                each.blend,
                each.tokens,
                length,
                layers,
                self.num_steps,
                latent_size,
                SourceSight(adapter, each.blend, picture) if each.blend.outlined or each.blend.redraws else None,
            )
            for each in self.blends
        )


def plan(
    adapter: Adapter,
    settings: GenerationSettings,
    edit: EditSettings,
    num_steps: int,
    prompts: Prompts | None = None,
) -> Planned:
    """Plan an edit over `num_steps` steps. Raises what running it would raise before its first step."""
    if prompts is None:
        prompts = Prompts.of(adapter.tokenize, settings.prompt, edit.targets)
    adapter.tokenize(settings.negative_prompt)  # raises if it does not fit
    blends = _plan_blends(prompts, edit)
    layers = adapter.editable_layers(settings.height, settings.width)
    scales = branch_scales(adapter, settings, edit, num_steps)
    differ = scales is not None and scales.differ
    planned, acted = plan_edit(prompts, edit, num_steps, layers, adapter.device, adapter.dtype, other_weights=differ)
    return Planned(prompts, planned, acted, blends, num_steps, scales)


def _plan_blends(prompts: Prompts, edit: EditSettings) -> tuple[PlannedBlend, ...]:
    """The blends of an edit, each with all targets that have it."""
    regions = [control.local_blend for control in edit.controls]
    planned = []
    for blend in dict.fromkeys(regions):
        if blend is not None:
            targets = [i for i, region in enumerate(regions) if region == blend]
            own = Prompts(prompts.source, tuple(prompts.pairs[i] for i in targets))
            tokens = blend_tokens(own, blend, edit.equalizer)
            planned.append(PlannedBlend(blend, {SOURCE + 1 + i: of for i, of in zip(targets, tokens, strict=True)}))
    return tuple(planned)
