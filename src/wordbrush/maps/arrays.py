"""Attention maps as numbers: arrays with named axes, what was averaged in them, and ways to select from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wordbrush.attention.watch import Reading
from wordbrush.errors import PromptError, SettingsError

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class StackInfo:
    """Maps of one resolution: the layers that read the text whose mean they are, and the heads that were seen."""

    sites: tuple[str, ...]
    height: int
    width: int
    heads: tuple[int, ...]


@dataclass(frozen=True)
class MapsInfo:
    """What maps are of, and how they were averaged.

    - `prompt`, `words`: the prompt, and the words that have maps.
    - `tokens`: the token positions of each word; a word's map is the sum of its tokens' maps.
    - `picture_size`: (height, width) in pixels.
    - `num_inference_steps`, `steps`: the run's number of steps, and the steps that were seen, from 0, the noisiest.
    - `per_step`, `per_head`: whether steps and heads were kept apart.
    - `reads`: "edited" for maps as an edit used them, "own" for maps before it changed them.
    - `stacks`: what each array holds.
    - `component_shares`, `component_sites`: the share of the self-attention's variance in each principal component,
      and the layers they come from.
    - `model`, `versions`: the model's name, and the installed versions by package.
    """

    prompt: str
    words: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    picture_size: tuple[int, int]
    num_inference_steps: int
    steps: tuple[int, ...]
    per_step: bool
    per_head: bool
    reads: Reading
    stacks: tuple[StackInfo, ...]
    component_shares: tuple[float, ...]
    component_sites: tuple[str, ...]
    model: str
    versions: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class MapArrays:
    """Maps of a picture's words.

    - `info`: what they are of, and how they were averaged.
    - `arrays`: float32 (words, steps, heads, height, width), one for each of `info.stacks`, with 1 for an averaged
      axis.
    - `components`: the principal components of self-attention (components, height, width), or None.

    A map says for each cell what fraction of its attention goes to the word. Over all tokens of a prompt, including
    the begin, end and padding tokens, these fractions add up to 1, unless an edit re-weighted them.
    """

    info: MapsInfo
    arrays: tuple[Floats, ...]
    components: Floats | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The words, by the names that `word` takes."""
        return self.info.words

    @property
    def resolutions(self) -> tuple[tuple[int, int], ...]:
        """The resolutions of these maps, (height, width) in cells, from fine to coarse."""
        return tuple(dict.fromkeys((stack.height, stack.width) for stack in self.info.stacks))

    @property
    def sites(self) -> tuple[str, ...]:
        """The names of the layers in these maps, averaged or not."""
        return tuple(site for stack in self.info.stacks for site in stack.sites)

    @property
    def aggregation(self) -> str:
        """What one map is the mean of, in words."""
        info = self.info
        steps = f"{'step' if len(info.steps) == 1 else 'steps'} {_listed(info.steps)} of {info.num_inference_steps}"
        heads = " or ".join(dict.fromkeys(_heads(stack.heads) for stack in info.stacks))
        layers = ", ".join(_layers(stack) for stack in info.stacks)
        own = ", before the edit changed them" if info.reads == "own" else ""
        taken = [part for part, apart in ((steps, info.per_step), (heads, info.per_head)) if not apart]
        kept = [part for part, apart in ((steps, info.per_step), (heads, info.per_head)) if apart]
        each = f"; each of {' and of '.join(kept)}" if kept else ""
        return f"cross-attention maps{own}: mean over {', '.join([*taken, layers])}{each}"

    def word(self, name: str | int) -> Floats:
        """The map (height, width) of a word or a token position, averaged over steps and heads.

        Raises `PromptError` for a word without a map, and `SettingsError` if a resolution or a layer must be selected
        first.
        """
        map_hw: Floats = self.averaged()._only()[self._index(name), 0, 0]
        return map_hw

    def averaged(self) -> Self:
        """The same maps, averaged over steps and heads."""
        arrays = tuple(array.mean(axis=(1, 2), keepdims=True, dtype=np.float32) for array in self.arrays)
        return replace(self, info=replace(self.info, per_step=False, per_head=False), arrays=arrays)

    def threshold(self, name: str | int, part: float = 0.5) -> Bools:
        """Where (height, width) a word's map is above `part` times its own highest value."""
        map_hw = self.word(name)
        above: Bools = map_hw > part * map_hw.max()
        return above

    def at(self, resolution: int | tuple[int, int]) -> Self:
        """Only the maps of one resolution, given by its shorter side or as (height, width)."""
        chosen = [s for s in self.info.stacks if resolution in ((s.height, s.width), min(s.height, s.width))]
        known = ", ".join(f"{h} x {w}" for h, w in self.resolutions)
        return self._taking(chosen, f"there are no maps of resolution {resolution}; there are: {known}")

    def site(self, name: str) -> Self:
        """Only the maps of one layer, for maps made with `per_site`."""
        chosen = [stack for stack in self.info.stacks if stack.sites == (name,)]
        known = ", ".join(s.sites[0] for s in self.info.stacks if len(s.sites) == 1) or "none, the layers are averaged"
        return self._taking(chosen, f"there are no maps of layer '{name}' alone; there are: {known}")

    def step(self, index: int) -> Self:
        """Only the maps of one step, counted from 0, for maps made with `per_step`."""
        if not self.info.per_step:
            raise SettingsError(
                f"the steps are averaged, so step {index} cannot be selected; ask for maps with per_step=True"
            )
        if index not in self.info.steps:
            raise SettingsError(f"there are no maps of step {index}; the steps are {_listed(self.info.steps)}")
        at = self.info.steps.index(index)
        arrays = tuple(array[:, at : at + 1] for array in self.arrays)
        return replace(self, info=replace(self.info, steps=(index,)), arrays=arrays)

    def head(self, index: int) -> Self:
        """Only the maps of one head, counted from 0, for maps made with `per_head`."""
        if not self.info.per_head:
            raise SettingsError(
                f"the heads are averaged, so head {index} cannot be selected; ask for maps with per_head=True"
            )
        missing = [stack for stack in self.info.stacks if index not in stack.heads]
        if missing:
            raise SettingsError(f"there are no maps of head {index}; the heads are {_listed(missing[0].heads)}")
        stacks, arrays = [], []
        for stack, array in zip(self.info.stacks, self.arrays, strict=True):
            at = stack.heads.index(index)
            stacks.append(replace(stack, heads=(index,)))
            arrays.append(array[:, :, at : at + 1])
        return replace(self, info=replace(self.info, stacks=tuple(stacks)), arrays=tuple(arrays))

    def resized(self, size: tuple[int, int] | None = None) -> Self:
        """All maps resized to (height, width) by bilinear interpolation; None is the picture's size."""
        size = self.info.picture_size if size is None else size
        if min(size) < 1:
            raise SettingsError(f"size is {size[0]} x {size[1]}; give a positive height and width")
        arrays = tuple(resize(array, size) for array in self.arrays)
        components = None if self.components is None else resize(self.components, size)
        return replace(self, arrays=arrays, components=components)

    def _only(self) -> Floats:
        if len(self.arrays) != 1:
            choices = ", ".join(f"{h} x {w}" for h, w in self.resolutions)
            chooser = "at(resolution)" if len(self.resolutions) == len(self.arrays) else "site(name)"
            raise SettingsError(
                f"there are {len(self.arrays)} maps per word ({choices}); choose with .{chooser} first"
            )
        return self.arrays[0]

    def _index(self, name: str | int) -> int:
        wanted = (f"token {name}" if isinstance(name, int) else name.strip()).casefold()
        names = [word.casefold() for word in self.words]
        if wanted not in names:
            raise PromptError(f"there is no map of '{name}'; there are: {', '.join(self.words)}")
        return names.index(wanted)

    def _taking(self, chosen: Sequence[StackInfo], otherwise: str) -> Self:
        if not chosen:
            raise SettingsError(otherwise)
        arrays = tuple(a for a, stack in zip(self.arrays, self.info.stacks, strict=True) if stack in chosen)
        return replace(self, info=replace(self.info, stacks=tuple(chosen)), arrays=arrays)


def resize(array: Floats, size: tuple[int, int], how: Image.Resampling = Image.Resampling.BILINEAR) -> Floats:
    """An array (..., h, w) resized to (height, width).

    >>> resize(np.ones((2, 4, 4), np.float32), (8, 12)).shape
    (2, 8, 12)
    """
    flat = array.reshape(-1, *array.shape[-2:])
    resized = [np.asarray(Image.fromarray(map_hw).resize(size[::-1], how)) for map_hw in flat]
    return np.stack(resized).reshape(*array.shape[:-2], *size)


def _heads(heads: tuple[int, ...]) -> str:
    return f"head {heads[0]}" if len(heads) == 1 else f"{len(heads)} heads"


def _layers(stack: StackInfo) -> str:
    layers = stack.sites[0] if len(stack.sites) == 1 else f"{len(stack.sites)} layers"
    return f"{layers} of {stack.height} x {stack.width}"


def _listed(numbers: tuple[int, ...]) -> str:
    """Numbers as a list, with ranges shortened.

    >>> _listed((0, 1, 2, 5))
    '0 to 2, 5'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
