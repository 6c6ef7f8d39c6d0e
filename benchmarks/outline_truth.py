"""How well do outlines fit things? Measured on rendered scenes, whose masks are exact.

    python benchmarks/outline_truth.py [--scenes N] [--steps N]

A rendered scene is inverted, and its words are looked at along the way that it takes, up to the step at which a
local blend begins and up to the last. Rows: cells of a noun's map, carried along self-attention, above a threshold
(of its highest value) and grown by a cell, as regions were made before there were outlines; the map interpolated to
pixels; the map carried to the picture's outlines, alone and less where another thing's is higher; and pixels that are
parted, of which a likelihood is asked. IoU: of what is found with the noun's pixels. Covered: the share of the noun's
pixels that is found. Share: of the picture.
"""

import argparse
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from wordbrush import Editor
from wordbrush.attention.batch import SOURCE
from wordbrush.attention.sites import AttentionLayer
from wordbrush.attention.watch import Reading
from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.blend_words import BlendTokens
from wordbrush.pictures.outlines import outlined
from wordbrush.pictures.parted import parted
from wordbrush.runs.results import Source
from wordbrush.runs.run import look_again
from wordbrush.sampling.cells import region
from wordbrush.sampling.word_maps import WordMaps
from wordbrush.scenes.captions import called
from wordbrush.scenes.render import render
from wordbrush.scenes.scene import sample_scene
from wordbrush_bench.gathered import Gathered

SEED = 2031
LEAST_SHARE = 0.02
"""Nouns that take less of the picture are left out."""
THRESHOLDS = (0.1, 0.15, 0.2, 0.3)
LIKELIHOODS = (0.4, 0.5, 0.6)
Mask = NDArray[np.bool_]


class Look:
    """A `Watch` of two nouns of the source, up to a step."""

    reads: Reading = "own"

    def __init__(self, maps: WordMaps, last: int) -> None:
        self._maps, self._last, self._step = maps, last, 0
        self.self_max_pixels = maps.self_max_pixels

    def asks(self, step: int, branch: int) -> bool:
        return step <= self._last

    def columns(self, branch: int, layer: AttentionLayer) -> Tensor | None:
        return self._maps.columns(branch, layer)

    def take(self, step: int, branch: int, layer: AttentionLayer, maps_HQW: Tensor) -> None:
        if step != self._step:
            self._maps.end_step()
            self._step = step
        self._maps.take(branch, layer, maps_HQW)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    options = parser.parse_args()
    editor, rng = Editor.from_pretrained(), np.random.default_rng(SEED)
    found = Gathered(["IoU", "covered", "share"])
    for _ in range(options.scenes):
        scene = sample_scene(rng)
        picture, masks = render(scene)
        truth = masks[scene.cast.subject]
        if truth.mean() < LEAST_SHARE:
            continue
        source = editor.invert(Image.fromarray(picture), scene.caption, num_inference_steps=options.steps)
        words = [called(scene.cast, noun).split()[-1] for noun in scene.cast.nouns]
        begins = LocalBlend().start_step(source.kept.num_steps)
        for said, last in (("where a blend begins", begins), ("the last", source.kept.num_steps - 1)):
            for name, mask in ways(source, maps_of(editor, source, words, last)):
                both = (mask & truth).sum()
                measured = {"IoU": both / (mask | truth).sum(), "covered": both / truth.sum(), "share": mask.mean()}
                found.add((said, name), measured)
    print(found.table("up to step", "what"))
    print(f"\nmodel {editor.model.name} {editor.model.fingerprint[:12]}")


def maps_of(editor: Editor, source: Source, words: list[str], last: int) -> Tensor:
    """The maps (2, h, w) of the first of the nouns and of all others, carried along self-attention."""
    prompt = editor._adapter.tokenize(source.prompt)
    other = tuple(position for word in words[1:] for position in prompt.find(word))
    tokens = BlendTokens((prompt.find(words[0]),), (), other, (), (words[0],), tuple(words[1:]))
    layers = editor._adapter.attention_layers(source.settings.height, source.settings.width)
    maps = WordMaps({SOURCE + 1: tokens}, prompt.length, layers, spread=True)
    look_again(editor._adapter, source.settings, source.kept, Look(maps, last))
    return torch.cat(maps.of_source())


def ways(source: Source, maps_Phw: Tensor) -> Iterator[tuple[str, Mask]]:
    """Each way to find a noun's pixels, and the mask (H, W) that it finds."""
    size = (source.canvas.height, source.canvas.width)
    cells = (source.latents.shape[-2], source.latents.shape[-1])
    smooth_HW = F.interpolate(maps_Phw[:1, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    carried_P1HW, parted_P1HW = (way(maps_Phw, source.canvas, cells)[:, None] for way in (outlined, parted))
    own_HW, other_HW = F.interpolate(carried_P1HW, size=size, mode="bilinear")[:, 0]
    likely_HW = F.interpolate(parted_P1HW, size=size, mode="bilinear")[0, 0]
    for threshold in THRESHOLDS:
        grown = region(maps_Phw[:1], cells, threshold, pool=3, smooth=True)[0]
        yield f"cells above {threshold}, grown", np.kron(grown.numpy(), np.ones((size[0] // cells[0],) * 2)) > 0
        yield f"interpolated, above {threshold}", (smooth_HW > threshold * smooth_HW.max()).numpy()
        yield f"outlined, above {threshold}", (own_HW > threshold).numpy()
        yield f"outlined, above {threshold} and other things", ((own_HW > threshold) & (own_HW >= other_HW)).numpy()
    for likelihood in LIKELIHOODS:
        yield f"parted, {likelihood}", (likely_HW > likelihood).numpy()


if __name__ == "__main__":
    main()
