"""Scores results by looking at them: noised a little, under the source's prompt and under the target's.

Which of two prompts explains a picture better is read from the network's own error, as a diffusion classifier does (Li
et al. 2023, arXiv 2303.16203), and where words are from its attention, of the same model calls.

Legend: N results, K looks, h and w cells of the latents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.attention.sites import AttentionLayer, shared_layers
from wordbrush.attention.watch import Reading, token_columns
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.blend_words import BlendTokens, blend_tokens
from wordbrush.edits.change_kind import change_kind
from wordbrush.edits.settings import EditSettings
from wordbrush.errors import PromptError, SettingsError
from wordbrush.runs.run import solver_of
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.cells import region
from wordbrush.sampling.place import Place
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.text import Text
from wordbrush.search.score import EditScore
from wordbrush.tokens.pair import PromptPair, Prompts

LOOKS = (0.35, 0.55, 0.75)
"""The parts of the steps at whose noise a result is looked at: there is a picture already, and some left to say."""
THRESHOLD = 0.4
"""A word is where its map is above this part of its highest value."""
_NOISE_SEED = 12_345
_LEAST_MARGIN, _ENOUGH = 0.02, 0.15
"""A prompt that explains its own picture by less than the first part of the error better is one that the model hardly
hears; one that does so by the second fits."""
_HELD_SCALE = 0.2
"""The squared difference outside of the region, in parts of the latents' variance, at which `held` is a half."""


@dataclass(frozen=True, eq=False)
class _Look:
    """What was seen of latents: the error (K, h, w) of either prompt, and where (h, w) the old and new words are."""

    latents: Tensor
    source_error: Tensor
    target_error: Tensor
    old: Tensor
    new: Tensor


class Scorer:
    """Scores the results of one source and one target prompt: give them to `look`, then ask for `scores`."""

    def __init__(
        self, adapter: Adapter, settings: GenerationSettings, kept: Replay, target: str, weights: Sequence[str] = ()
    ) -> None:
        """Look at the source. `weights` are the words whose weight the edit changes."""
        self._adapter, self._settings = adapter, settings
        self._pair = Prompts.of(adapter.tokenize, settings.prompt, [target]).pairs[0]
        self._words = _changed_words(self._pair, weights)
        self._texts = kept.text, adapter.encode(target)
        solver = solver_of(adapter, settings, kept)
        self._solver, steps = solver, kept.timesteps(solver)
        self._steps = sorted({int(part * len(steps)) for part in LOOKS})
        self._timesteps = steps[self._steps]
        self._noise = solver.start(adapter.noise(_NOISE_SEED, settings.height, settings.width))
        self._everywhere = change_kind(self._pair) == "style"
        self._source = self._seen(kept.latents[-1])[0]
        self._results: list[_Look] = []

    def look(self, latents: Tensor) -> None:
        """Look at results (N, C, h, w)."""
        self._results += self._seen(latents)

    def scores(self) -> list[EditScore]:
        """The scores of all that were looked at, in order; the region is that of all of them together."""
        where = self._region()
        return [self._score(result, where) for result in self._results]

    def _score(self, result: _Look, where: Tensor) -> EditScore:
        fits = None
        if not self._pair.same_words:
            own, margin = -_margin(self._source, where), _margin(result, where)
            fits = _unit(margin / min(max(own, _LEAST_MARGIN), _ENOUGH))
        there = None if not self._words.target else float(result.new[where].sum() / result.new.sum().clamp(min=1e-12))
        before = self._source.old[where].sum()
        gone = None if not self._goes else _unit(1 - float(result.old[where].sum() / before.clamp(min=1e-12)))
        held = None
        if not bool(where.all()):
            moved = (result.latents - self._source.latents).square().mean(0)[~where].mean()
            held = 1 / (1 + float(moved / self._source.latents.var()) / _HELD_SCALE)
        return EditScore(fits, there, gone, held)

    @property
    def _goes(self) -> bool:
        """Whether the source has words that the target has not."""
        return bool(self._words.source) and not self._pair.same_words

    def _region(self) -> Tensor:
        """Where (h, w) the old words are in the source, and the new ones in the results."""
        new = sum((result.new for result in self._results), torch.zeros(()))
        maps = [m for m, tokens in ((self._source.old, self._words.source), (new, self._words.target)) if tokens]
        size = self._source.old.shape
        if self._everywhere or not maps:
            return torch.ones(size, dtype=torch.bool)
        return region(torch.stack(maps), (size[0], size[1]), THRESHOLD, pool=3).any(0)

    @torch.no_grad()
    def _seen(self, latents: Tensor) -> list[_Look]:
        count = len(latents)
        settings = self._settings
        layers = self._adapter.attention_layers(settings.height, settings.width)
        watch = _WordWatch(self._pair, self._words, count, layers)
        text = Text.cat([text for text in self._texts for _ in range(count)])
        errors = []
        for step, timestep in zip(self._steps, self._timesteps, strict=True):
            noised = self._solver.noised(latents, self._noise, timestep).repeat(2, 1, 1, 1)
            control = StepControl(step, BatchLayout.of(range(2 * count), guided=False), None, watches=[watch])
            seen = self._solver.model_input(noised, timestep)
            place = Place.of(timestep, self._solver.timesteps)
            prediction, _ = self._adapter.predict(seen, timestep, text, control, settings.guidance_scale, None, place)
            level = self._solver.rates(timestep)
            noise = (noised - level.signal * latents.repeat(2, 1, 1, 1)) / level.noise
            said = self._solver.split(prediction, timestep, noised).noise
            errors.append((said - noise).float().square().mean(1).cpu())
        by_row = torch.stack(errors, dim=1)
        size = (latents.shape[-2], latents.shape[-1])
        return [
            _Look(
                latents[i].float().cpu(), by_row[i], by_row[count + i], watch.map(i, size), watch.map(count + i, size)
            )
            for i in range(count)
        ]


class _WordWatch:
    """A `Watch` of the old words in the first half of the rows and of the new ones in the second, as branches."""

    self_max_pixels = 0
    reads: Reading = "own"

    def __init__(self, pair: PromptPair, words: BlendTokens, count: int, layers: Sequence[AttentionLayer]) -> None:
        old, new = (
            token_columns(pair.source.length, [[position for tokens in those for position in tokens]])
            for those in (words.source, words.target)
        )
        self._columns = [old] * count + [new] * count
        seen = shared_layers(layers)
        self._layers, self._grid = set(seen), seen[0].grid
        self._sums: list[Tensor | float] = [0.0] * len(self._columns)

    def asks(self, step: int, branch: int) -> bool:
        """Of every row."""
        return True

    def columns(self, branch: int, layer: AttentionLayer) -> Tensor | None:
        """The words of the row's prompt, where words have their clearest regions."""
        return self._columns[branch] if layer in self._layers else None

    def take(self, step: int, branch: int, layer: AttentionLayer, maps_HQW: Tensor) -> None:
        """Add one layer's map."""
        self._sums[branch] = self._sums[branch] + maps_HQW[:, :, 0].float().mean(0).cpu()

    def map(self, branch: int, size: tuple[int, int]) -> Tensor:
        """The sum of a row's maps, at a size (h, w)."""
        total = self._sums[branch]
        assert isinstance(total, Tensor)  # every look sees every row
        return F.interpolate(total.reshape(1, 1, *self._grid), size=size, mode="bilinear", align_corners=False)[0, 0]


def with_clip(
    scores: Sequence[EditScore], seen: Sequence[tuple[float, float]], source: tuple[float, float]
) -> list[EditScore]:
    """Scores with CLIP's opinion: `seen` and `source` are the similarities of each result, and of the source, to the
    source's prompt and to the target's.
    """
    own = max(source[0] - source[1], 1.0)
    return [
        replace(score, clip=_unit(0.5 + (target - before) / (2 * own)))
        for score, (before, target) in zip(scores, seen, strict=True)
    ]


def refuse_loras(what: str, generation: GenerationSettings, edit: EditSettings) -> None:
    """Raise `SettingsError` where branches have LoRAs of their own: all results are looked at with one model."""
    if generation.source_adapters is not None or edit.target_adapters is not None:
        raise SettingsError(
            f"{what} scores with the model as it is loaded, and not with LoRAs of single branches; leave out "
            "source_adapters and target_adapters"
        )


def _changed_words(pair: PromptPair, weights: Sequence[str]) -> BlendTokens:
    try:
        return blend_tokens(Prompts(pair.source, (pair,)), LocalBlend(), dict.fromkeys(weights, 1.0))[0]
    except PromptError:
        return BlendTokens((), (), (), (), ())  # "a" for "an": nothing that has a place


def _margin(look: _Look, where: Tensor) -> float:
    """By which part of its error the target's prompt explains latents better than the source's, in a region."""
    source, target = look.source_error[:, where].mean(), look.target_error[:, where].mean()
    return float((source - target) / source.clamp(min=1e-12))


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))
