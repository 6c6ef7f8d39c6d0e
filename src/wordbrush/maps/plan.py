"""Turns a request into layers, steps and bytes for a model and its prompts, and refuses what is impossible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from wordbrush.attention.sites import AttentionLayer
from wordbrush.errors import SettingsError
from wordbrush.maps.request import MapsRequest
from wordbrush.maps.words import AskedWord, asked_words
from wordbrush.tokens.prompt_tokens import PromptTokens

MIN_SIDE = 16
"""By default the coarsest layers whose shorter side has this many cells are seen. Finer layers look at edges rather
than things, and coarser ones are a few blots. For Stable Diffusion at 512 x 512 this is 16 x 16, 1/32 of the picture.
"""

SELF_MAX_PIXELS = 32**2
"""The largest self-attention whose principal components are computed; its map has the square of this number."""

_FLOAT = 4


@dataclass(frozen=True)
class MapsPlan:
    """What is collected at `steps`: each branch's `words`, averaged over each group of layers in `stacks`."""

    words: Mapping[int, tuple[AskedWord, ...]]
    stacks: tuple[tuple[AttentionLayer, ...], ...]
    self_layers: tuple[AttentionLayer, ...]
    steps: range
    per_step: bool
    per_head: bool

    def shape(self, branch: int, stack: int) -> tuple[int, int, int, int, int]:
        """The shape (words, steps, heads, height, width) of a stack's maps, with 1 for an averaged axis."""
        first = self.stacks[stack][0]
        kept_steps = len(self.steps) if self.per_step else 1
        return len(self.words[branch]), kept_steps, first.heads if self.per_head else 1, first.height, first.width

    @property
    def num_bytes(self) -> int:
        """How many bytes the maps take on the model's device while they are collected."""
        maps = sum(prod(self.shape(branch, i)) for branch in self.words for i in range(len(self.stacks)))
        own = sum(layer.pixels**2 for layer in self.self_layers[:1]) * len(self.words)
        return _FLOAT * (maps + own)


def plan_maps(
    request: MapsRequest, prompts: Mapping[int, PromptTokens], layers: Sequence[AttentionLayer], num_steps: int
) -> MapsPlan:
    """Find a request's words in the branches' prompts, and its layers in the model.

    Raises `PromptError` for a word that no prompt has, and `SettingsError` for impossible layers, steps or sizes.
    """
    cross = _named(request, [layer for layer in layers if layer.text])
    plan = MapsPlan(
        words=asked_words(prompts, request.selectors),
        stacks=_stacks(request, _at(request, cross)),
        self_layers=_self_layers(layers) if request.self_components else (),
        steps=request.range_of(num_steps),
        per_step=request.per_step,
        per_head=request.per_head,
    )
    if plan.num_bytes > request.max_bytes:
        raise SettingsError(_too_large(plan, request))
    return plan


def default_grid(grids: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The default resolution: the coarsest one with a shorter side of 16 or more, else the finest.

    >>> default_grid([(64, 64), (32, 32), (16, 16), (8, 8)]), default_grid([(8, 12), (4, 6)])
    ((16, 16), (8, 12))
    """
    enough = [grid for grid in grids if min(grid) >= MIN_SIDE]
    return min(enough, key=prod) if enough else max(grids, key=prod)


def _named(request: MapsRequest, cross: list[AttentionLayer]) -> list[AttentionLayer]:
    if not request.site_prefixes:
        return cross
    for prefix in request.site_prefixes:
        if not any(layer.site.name.startswith(prefix) for layer in cross):
            known = ", ".join(layer.site.name for layer in cross)
            raise SettingsError(f"no cross-attention layer's name begins with '{prefix}'; the layers are: {known}")
    return [layer for layer in cross if layer.site.name.startswith(request.site_prefixes)]


def _at(request: MapsRequest, cross: list[AttentionLayer]) -> list[AttentionLayer]:
    asked, grids = request.resolution, [layer.grid for layer in cross]
    if asked == "all" or (asked is None and request.site_prefixes):
        return cross
    if asked is None:
        cross = [layer for layer in cross if layer.shows_words]
        grids = [layer.grid for layer in cross]
    wanted = {default_grid(grids)} if asked is None else {grid for grid in grids if asked in (grid, min(grid))}
    if not wanted:
        known = ", ".join(f"{h} x {w}" for h, w in dict.fromkeys(grids))
        raise SettingsError(f"no cross-attention layer has resolution {asked} at this size; there are: {known}")
    return [layer for layer in cross if layer.grid in wanted]


def _stacks(request: MapsRequest, layers: list[AttentionLayer]) -> tuple[tuple[AttentionLayer, ...], ...]:
    if request.per_site:
        return tuple((layer,) for layer in layers)
    grids = sorted({layer.grid for layer in layers}, key=prod, reverse=True)
    stacks = [tuple(layer for layer in layers if layer.grid == grid) for grid in grids]
    for stack in stacks:
        heads = sorted({layer.heads for layer in stack})
        if request.per_head and len(heads) > 1:
            raise SettingsError(
                f"the layers of {stack[0].height} x {stack[0].width} have {heads[0]} to {heads[-1]} heads, so their "
                "heads cannot be averaged over layers; give per_site=True as well"
            )
    return tuple(stacks)


def _self_layers(layers: Sequence[AttentionLayer]) -> tuple[AttentionLayer, ...]:
    small = [layer for layer in layers if not layer.text and layer.pixels <= SELF_MAX_PIXELS]
    if not small:
        raise SettingsError(
            f"no self-attention layer has {SELF_MAX_PIXELS} positions or fewer at this size; give a smaller size, or "
            "self_components=0"
        )
    grid = default_grid([layer.grid for layer in small])
    return tuple(layer for layer in small if layer.grid == grid)


def _too_large(plan: MapsPlan, request: MapsRequest) -> str:
    asked = [f"{sum(map(len, plan.words.values()))} words", f"{len(plan.stacks)} maps per word"]
    smaller = ["fewer words", "one resolution"]
    if plan.per_step:
        asked.append(f"{len(plan.steps)} steps each")
        smaller.append("per_step=False, or fewer steps")
    if plan.per_head:
        asked.append(f"{plan.stacks[0][0].heads} heads each")
        smaller.append("per_head=False")
    if request.per_site:
        smaller.append("per_site=False")
    if plan.self_layers:
        asked.append(f"self-attention of {plan.self_layers[0].pixels} positions")
        smaller.append("self_components=0")
    return (
        f"the maps ({', '.join(asked)}) would take {plan.num_bytes} bytes, over max_bytes = {request.max_bytes}; ask "
        f"for {', '.join(smaller)}, or a larger max_bytes"
    )
