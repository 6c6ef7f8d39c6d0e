"""How good the bundled model is: what a changed word moves, and what attention control holds.

    python -m benchmarks.bundled_quality [--scenes 1000] [--swaps 200] [--rows NAME;...] [--steps N] [--dtype NAME]

Prints tables of the model card; what it draws is measured by `picture_quality.py`. The judge, a classifier trained on
rendered scenes alone, says what pictures show.
Background is what neither the old thing in the source nor the new one in the other picture covers, by the judge's
cells, widened by one, and by words' maps. Maps of small and thin things leave out a part of them.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL

from training.judge import accuracy, draw
from wordbrush.editor import Editor
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.request import MapsRequest
from wordbrush.models.load import DTYPES
from wordbrush.runs.results import EditResult, Source
from wordbrush.sampling.cells import region
from wordbrush.scenes.captions import called, caption
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.changes import alike, sayable
from wordbrush.scenes.judge.judge import Judge, Verdict
from wordbrush.scenes.pixels import to_tensor
from wordbrush.scenes.sample_cast import sample_cast
from wordbrush.scenes.scene import recast
from wordbrush_bench.scenes.verdicts import in_pixels, widened

PUBLISHED = {"recipe": "published"}
SETTINGS: dict[str, dict[str, Any]] = {
    "recipe": {"recipe": "auto"},
    "cross 0.4, self 0.2": {"cross_replace_steps": 0.4, "self_replace_steps": 0.2},
    "cross 0.8, self 0.2": {"cross_replace_steps": 0.8, "self_replace_steps": 0.2},
    "cross 0.8, self 0.4": {"cross_replace_steps": 0.8, "self_replace_steps": 0.4},
    "cross 0.4, self 0.2, local blend": {
        "cross_replace_steps": 0.4,
        "self_replace_steps": 0.2,
        "local_blend": "auto",
    },
    "cross 0.8, self 0.4, local blend": {
        "cross_replace_steps": 0.8,
        "self_replace_steps": 0.4,
        "local_blend": "auto",
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=1000, help="rendered scenes for the judge, in hundreds")
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--rows", default=";".join(SETTINGS), help="ways to swap, besides the plain picture")
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    parser.add_argument("--dtype", choices=DTYPES, help="what is fastest on this machine if not given")
    options = parser.parse_args()
    judge = Judge.load()
    editor = Editor.from_pretrained(dtype=options.dtype)
    steps = options.steps or editor.model.defaults.num_inference_steps
    print_judge(judge, options.scenes)
    print_autoencoder(editor, min(256, options.scenes))
    if options.swaps:
        settings = {row: SETTINGS[row] for row in options.rows.split(";") if row}
        print_swaps(editor, judge, options.swaps, steps, settings)


def print_judge(judge: Judge, count: int) -> None:
    rounded = 100 * -(-count // 100)
    print(f"| the judge, {rounded} scenes | nouns found | all nouns right | place | style |\n|---|---|---|---|---|")
    for name, art in (("the model's art", "model"), ("all art it learnt", "judge"), ("subject in new art", "new")):
        shares = accuracy(judge, count, art)
        print(f"| {name} | " + " | ".join(f"{100 * share:.1f} %" for share in shares.values()) + " |")


@torch.no_grad()
def print_autoencoder(editor: Editor, count: int) -> None:
    vae = AutoencoderKL.from_pretrained(editor.model.folder, subfolder="vae").float()
    print(f"\n| reconstruction of {count} rendered scenes | mean PSNR, dB | worst |\n|---|---|---|")
    pictures = draw(977, 0, count)[0]
    found = []
    for chunk in pictures.split(32):
        x = to_tensor(chunk, "cpu")
        y = vae.decode(vae.encode(x).latent_dist.mean).sample.clamp(-1, 1)
        found.append(-10 * ((x - y) / 2).square().mean((1, 2, 3)).log10())
    values = torch.cat(found)
    print(f"| autoencoder | {values.mean():.1f} | {values.min():.1f} |")


def print_swaps(editor: Editor, judge: Judge, count: int, steps: int, settings: Mapping[str, dict[str, Any]]) -> None:
    """Swap a noun: by the plain same-seed picture, and by edits with several settings."""
    names = ["plain, same seed", *settings]
    present: dict[str, list[bool]] = {name: [] for name in names}
    swapped: dict[str, list[bool]] = {name: [] for name in names}
    kept: dict[str, list[float]] = {name: [] for name in names}
    kept_by_maps: dict[str, list[float]] = {name: [] for name in names}
    for seed, (cast, old, new) in enumerate(swaps(count)):
        source = editor.generate(caption(cast), seed=seed, num_inference_steps=steps)
        changed = recast(cast, old, new)
        target, word = caption(changed), called(changed, new)
        old_HW = shown(judge(source.image), old, source)
        old_by_map_HW = covered(editor.maps(source, [called(cast, old)]), called(cast, old), source)
        for name, (made, maps) in zip(names, variants(editor, source, target, word, settings), strict=True):
            seen = judge(made.image)
            present[name].append(seen.shows(new))
            swapped[name].append(seen.shows(new) and not seen.shows(old))
            for found, touched_HW in (
                (kept, old_HW | shown(seen, new, made)),
                (kept_by_maps, old_by_map_HW | covered(maps, word, made)),
            ):
                if touched_HW.mean() < 0.9:
                    found[name].append(psnr(source, made, ~touched_HW))
    heads = ("new object there", "and the old one gone", "background PSNR by the judge, dB", "by maps, dB")
    print(f"\n| {count} one-word swaps | {' | '.join(heads)} |\n|---|---|---|---|---|")
    for name in names:
        shares = (100 * np.mean(found[name]) for found in (present, swapped))
        decibels = " | ".join(f"{np.mean(each[name]):.1f}" for each in (kept, kept_by_maps))
        print(f"| {name} | {' | '.join(f'{share:.1f} %' for share in shares)} | {decibels} |")


def variants(
    editor: Editor, source: Source, target: str, word: str, settings: Mapping[str, dict[str, Any]]
) -> Iterator[tuple[Source | EditResult, AttentionMaps]]:
    """The plain picture of the target and its edits, one of each setting, and the maps of the new word."""
    plain = editor.regenerate(source, target)
    yield plain, editor.maps(plain, [word])
    for options in settings.values():
        made = editor.edit(source, target, capture=MapsRequest([word]), **{**PUBLISHED, **options})
        assert isinstance(made, EditResult)
        assert made.maps is not None
        yield made, made.maps


def swaps(count: int) -> list[tuple[Cast, str, str]]:
    """Random casts without a style, a noun of each, and another of its kind to take its place."""
    rng = np.random.default_rng(11)
    found = []
    while len(found) < count:
        cast = replace(sample_cast(rng), style=None, wording=frozenset())
        old = cast.subject if cast.partner is None or rng.random() < 0.5 else cast.partner
        new = str(rng.choice(alike(cast, old)))
        changed = recast(cast, old, new)
        if sayable(changed):
            found.append((cast, old, new))
    return found


def shown(seen: Verdict, noun: str, made: Source | EditResult) -> np.ndarray:
    """The pixels (H, W) of the judge's cells of a noun, and of those beside them."""
    return in_pixels(widened(seen.where(noun)), made.image.size)


def covered(maps: AttentionMaps, word: str, made: Source | EditResult) -> np.ndarray:
    """The pixels (H, W) of a word: where its map, widened by a position, is over 0.2 of its highest."""
    height, width = made.image.height, made.image.width
    map_hw = maps.averaged().word(word)
    return region(torch.from_numpy(map_hw)[None], (height, width), threshold=0.2, pool=3)[0].numpy()


def psnr(a: Source | EditResult, b: Source | EditResult, where: np.ndarray) -> float:
    """PSNR in dB over some pixels."""
    error = ((np.asarray(a.image, float) - np.asarray(b.image, float)) / 255) ** 2
    return float(10 * np.log10(1 / max(error[where].mean(), 1e-5)))


if __name__ == "__main__":
    main()
