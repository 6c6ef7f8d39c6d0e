"""Collects maps during a run and sums them on the model's device, in float32."""

from collections import Counter

import torch
from torch import Tensor

from wordbrush.attention.sites import AttentionLayer
from wordbrush.attention.watch import Reading, token_columns
from wordbrush.errors import ControlError
from wordbrush.maps.plan import MapsPlan


class MapsCollector:
    """A `Watch` for one run of a `MapsPlan`."""

    def __init__(self, plan: MapsPlan, reads: Reading, length: int, device: torch.device) -> None:
        """Hold only the sums; `length` is the length of the token axis."""
        self.reads = reads
        self.self_max_pixels = max((layer.pixels for layer in plan.self_layers), default=0)
        self.plan = plan
        self._stacks = {layer: index for index, stack in enumerate(plan.stacks) for layer in stack}
        self._self_layers = set(plan.self_layers)
        self._columns = {
            branch: token_columns(length, [word.positions for word in words]).to(device)
            for branch, words in plan.words.items()
        }
        self._sums: dict[tuple[int, int], Tensor] = {}
        self._self_sums: dict[int, Tensor] = {}
        self._taken: Counter[tuple[int, int]] = Counter()
        self._device = device

    def asks(self, step: int, branch: int) -> bool:
        """Whether a branch has words in the plan and the step is one of the plan's."""
        return step in self.plan.steps and branch in self.plan.words

    def columns(self, branch: int, layer: AttentionLayer) -> Tensor | None:
        """The words' tokens at planned layers that read the text; every position at planned self-attention layers."""
        if layer in self._stacks:
            return self._columns[branch]
        return torch.eye(layer.pixels, device=self._device) if layer in self._self_layers else None

    def take(self, step: int, branch: int, layer: AttentionLayer, maps_HQW: Tensor) -> None:
        """Add one layer's maps to the sums."""
        if layer in self._self_layers:
            mean_QQ = maps_HQW.float().mean(dim=0)
            self._self_sums[branch] = self._self_sums[branch] + mean_QQ if branch in self._self_sums else mean_QQ
            return
        stack = self._stacks[layer]
        words, steps, heads, height, width = self.plan.shape(branch, stack)
        if (branch, stack) not in self._sums:
            self._sums[branch, stack] = torch.zeros(steps, heads, height * width, words, device=self._device)
        maps = maps_HQW.float() if self.plan.per_head else maps_HQW.float().mean(dim=0, keepdim=True)
        self._sums[branch, stack][self.plan.steps.index(step) if self.plan.per_step else 0] += maps
        self._taken[branch, stack] += 1

    def means(self, branch: int) -> tuple[Tensor, ...]:
        """The maps (words, steps, heads, height, width) of each stack. Raises `ControlError` if a layer gave none."""
        means = []
        for index, layers in enumerate(self.plan.stacks):
            expected = len(layers) * len(self.plan.steps)
            if self._taken[branch, index] != expected:
                raise ControlError(
                    f"{self._taken[branch, index]} of {expected} calls of layers that read the text, such as "
                    f"'{layers[0].site.name}' were seen; use the model's default attention processors"
                )
            count = len(layers) * (1 if self.plan.per_step else len(self.plan.steps))
            mean = self._sums[branch, index].permute(3, 0, 1, 2) / count
            means.append(mean.reshape(self.plan.shape(branch, index)).cpu())
        return tuple(means)

    def self_mean(self, branch: int) -> tuple[AttentionLayer, Tensor] | None:
        """The mean self-attention map (Q, Q) of a branch and one of its layers, or None if it was not asked for."""
        if branch not in self._self_sums:
            return None
        count = len(self.plan.self_layers) * len(self.plan.steps)
        return self.plan.self_layers[0], (self._self_sums[branch] / count).cpu()
