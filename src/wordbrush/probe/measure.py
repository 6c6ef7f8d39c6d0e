"""The probe itself: pictures, their words' maps, what dropping each word does, and pictures without each block."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.layer_choice import LayerChoice
from wordbrush.attention.sites import AttentionLayer, shared_layers
from wordbrush.maps.capture import Capture
from wordbrush.maps.request import MapsRequest
from wordbrush.metrics.likeness import ssim
from wordbrush.models.load import ModelInfo
from wordbrush.probe.agreement import Cells, WordReading, choose_words
from wordbrush.probe.cases import ProbeCase
from wordbrush.probe.report import BlockReport, Measured, ProbeReport, layout_layers
from wordbrush.runs.counter import RunCounter
from wordbrush.runs.run import run_source, solver_of
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.place import Place
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.text import Text
from wordbrush.versions import installed_versions


@dataclass(frozen=True, eq=False)
class _Seen:
    """A case's picture, as latents, and what was read of its words."""

    case: ProbeCase
    kept: Replay
    readings: list[WordReading]


def measure(adapter: Adapter, model: ModelInfo, cases: Sequence[ProbeCase], on_step: OnStep | None) -> ProbeReport:
    """Probe a model with pictures of one size.

    Each picture is made once, then once without each block; each word costs one more row of each of its steps.
    """
    size = cases[0].settings.height, cases[0].settings.width
    layers = adapter.attention_layers(*size)
    blocks = blocks_of(layers)
    counter = RunCounter(on_step, len(cases) * (2 + len(blocks)))
    seen = [_look(adapter, case, counter) for case in cases]
    readings = [reading for one in seen for reading in one.readings]
    reports = tuple(_report(adapter, block, own, seen, readings, counter) for block, own in blocks.items())
    read_now = [layer.site.name for layer in shared_layers(layers)]
    choice = choose_words(readings, _by_grid(layers), read_now)
    return ProbeReport(
        model=model.name,
        fingerprint=model.fingerprint,
        pictures=tuple(case.settings for case in cases),
        words={case.settings.prompt: case.words for case in cases},
        blocks=reports,
        layers=LayerChoice(choice.layers, layout_layers(reports)),
        own_layers=tuple(read_now),
        own_agreement=choice.own,
        held_out_agreement=choice.held_out,
        versions=installed_versions(),
    )


def blocks_of(layers: Iterable[AttentionLayer]) -> dict[str, list[AttentionLayer]]:
    """The attention layers of each block, which is the module that they are parts of.

    >>> layers = [AttentionLayer.cross(name, 8, (16, 16), 77) for name in ("blocks.0.attn1", "blocks.0.attn2")]
    >>> [(block, len(own)) for block, own in blocks_of(layers).items()]
    [('blocks.0', 2)]
    """
    blocks: dict[str, list[AttentionLayer]] = {}
    for layer in layers:
        blocks.setdefault(layer.site.name.rpartition(".")[0], []).append(layer)
    return blocks


def _look(adapter: Adapter, case: ProbeCase, counter: RunCounter) -> _Seen:
    settings, tokens = case.settings, adapter.tokenize(case.settings.prompt)
    request = MapsRequest(case.words, resolution="all", per_site=True, reads="own")
    solver = solver_of(adapter, settings)
    capture = Capture(adapter, request, settings, {SOURCE: tokens}, len(solver.timesteps), "")
    kept = run_source(adapter, settings, None, counter.next(), [capture.watch], solver)
    maps = capture.maps(SOURCE)
    assert maps is not None  # the prompt has the words
    changes = _changes(adapter, case, kept, counter.next())
    grid = changes.shape[1:]
    names = [stack.sites[0] for stack in maps.info.stacks]
    readings = []
    for word, changed in enumerate(changes):
        of_layers = {
            name: _at(torch.from_numpy(array[word, 0, 0]), grid)
            for name, array in zip(names, maps.arrays, strict=True)
        }
        readings.append(WordReading(settings.prompt, changed, of_layers))
    return _Seen(case, kept, readings)


def _changes(adapter: Adapter, case: ProbeCase, kept: Replay, on_step: OnStep) -> Cells:
    """Where dropping each word changes the picture (words, h, w): at the latents of each step, how much the clean
    picture that the network sees there moves. Each step counts the same (DiffEdit, Couairon et al. 2022,
    arXiv:2210.11427, has one step).
    """
    solver = solver_of(adapter, case.settings, kept)
    timesteps = kept.timesteps(solver)
    texts = Text.cat([kept.text, *(adapter.encode(prompt) for prompt in case.without)])
    total: Tensor | float = 0.0
    for step, timestep in enumerate(timesteps):
        rows = kept.latents[step].expand(1 + len(case.without), -1, -1, -1)
        predicted, _ = adapter.predict(
            solver.model_input(rows, timestep),
            timestep,
            texts,
            None,
            case.settings.guidance_scale,
            place=Place(len(solver.timesteps) - len(timesteps) + step, len(solver.timesteps)),
        )
        clean = solver.split(predicted, timestep, rows).clean.float()
        moved = (clean[1:] - clean[:1]).abs().mean(dim=1)
        total = total + moved / moved.sum(dim=(1, 2), keepdim=True).clamp_min(1e-12)
        on_step(step + 1, len(timesteps))
    assert isinstance(total, Tensor)
    return np.asarray(total.cpu().numpy(), np.float64)


def _report(
    adapter: Adapter,
    block: str,
    layers: Sequence[AttentionLayer],
    seen: Sequence[_Seen],
    readings: Sequence[WordReading],
    counter: RunCounter,
) -> BlockReport:
    changes = []
    for one in seen:
        with adapter.bypassed(block):
            without = run_source(adapter, one.case.settings, None, counter.next())
        whole, left = (adapter.decode(kept.latents[-1]) for kept in (one.kept, without))
        changes.append(1 - ssim(whole, left))
    reading = tuple(layer.site.name for layer in layers if layer.text)
    agreed = Measured(tuple(one.agreement(reading) for one in readings)) if reading else None
    looking = tuple(layer.site.name for layer in layers if layer.image)
    return BlockReport(block, reading, looking, Measured(tuple(changes)), agreed)


def _by_grid(layers: Iterable[AttentionLayer]) -> list[list[str]]:
    groups: dict[tuple[int, int], list[str]] = {}
    for layer in layers:
        if layer.text:
            groups.setdefault(layer.grid, []).append(layer.site.name)
    return list(groups.values())


def _at(map_hw: Tensor, grid: Sequence[int]) -> Cells:
    """A map at the resolution of the latents."""
    larger = F.interpolate(map_hw[None, None].float(), size=list(grid), mode="bilinear", align_corners=False)
    return np.asarray(larger[0, 0].numpy(), np.float64)
