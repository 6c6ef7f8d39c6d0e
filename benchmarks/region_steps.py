"""What a step of a region costs beside a whole one, and with `--steps` what a fast edit of that region costs.

    python benchmarks/region_steps.py [--shape sd14] [--dtype D] [--size 512] [--share 0.143] [--turns 2] [--steps N]

Prints Markdown. A step is one call of a U-Net of random weights with two rows, the negative prompt's and the prompt's,
in the process's time; the region is a square in the middle, of that share of the picture. Ratios are taken turn by
turn. An edit is a later one of a kept source (a word swapped, published windows), once, without decoding, beside the
plain picture of its prompt.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import torch

from wordbrush.attention.batch import BatchLayout
from wordbrush.attention.region import Region
from wordbrush.attention.surroundings import Surroundings
from wordbrush.edits.shortcuts import FastName
from wordbrush.models.own_settings import Defaults
from wordbrush.models.stable_diffusion import StableDiffusion
from wordbrush.sampling.adapter import RegionCall
from wordbrush.sampling.deep_features import DeepFeatures
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.text import Text
from wordbrush_bench.peers.shared import SharedModel
from wordbrush_bench.shapes import SHAPES
from wordbrush_bench.speed.bench import SOURCE, Bench
from wordbrush_bench.speed.comparisons import SWAPPED
from wordbrush_bench.speed.timing import paired_ratios
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline

PLAIN = "a whole call"
BOTH, ONE = (BatchLayout.of([1], guided=guided) for guided in (True, False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="sd14")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--size", type=int, default=512, help="pixels of a side")
    parser.add_argument("--share", type=float, default=1 / 7, help="of the picture that may change")
    parser.add_argument("--turns", type=int, default=2, help="of the single steps; 0 leaves them out")
    parser.add_argument("--steps", type=int, help="of a plain picture and fast edits, to be timed too")
    parser.add_argument("--tiny", action="store_true", help="a network of a few channels, to try the script")
    options = parser.parse_args()
    model = tiny() if options.tiny else SharedModel.random(options.shape, "cpu", options.dtype)
    settings = GenerationSettings(SOURCE, "", 7, options.steps or 4, 7.5, options.size, options.size)
    bench = Bench(model, settings, None)
    calls = Calls(bench, options.share)
    seconds: dict[str, list[float]] = {name: [] for name in calls.runs}
    for _ in range(options.turns and 1 + options.turns):  # always in this order, and once to warm up
        for name, run in calls.runs.items():
            seconds[name].append(seconds_of(run))
    print(f"{options.shape}, {options.size} x {options.size}, {options.dtype}, {torch.get_num_threads()} thread, ")
    print(f"{options.turns} turns; the region is {calls.region.share:.2f} of the picture\n")
    if options.turns:
        print("| a step | s | / a whole one |")
        print("|---|---|---|")
        for name, (_, *taken) in seconds.items():
            print(f"| {name} | {median(taken):.2f} | {paired_ratios(taken, seconds[PLAIN][1:])} |")
    if options.steps:
        print_edits(bench, options.share)


def seconds_of(run: Callable[[], object]) -> float:
    """The process's time of a run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def tiny() -> SharedModel:
    """A pipeline of a few channels."""
    pipeline = tiny_pipeline()
    return SharedModel(pipeline, StableDiffusion.of(pipeline), Defaults(), 32)


class Calls:
    """The calls that are timed, in their order: each reads what those before it kept."""

    def __init__(self, bench: Bench, share: float) -> None:
        """Encode, and find the region."""
        self._adapter = adapter = bench.model.adapter
        settings = bench.settings
        self._texts = [adapter.encode_negative(""), adapter.encode(SWAPPED)]
        self._noise = adapter.noise(1, settings.height, settings.width)
        self._timestep = adapter.solver(4, settings.height, settings.width).timesteps[1]
        mask, form = bench.middle(share).mask, adapter.region_form
        assert mask is not None
        assert form is not None  # a U-Net of Stable Diffusion has one
        self.region: Region = form.region(mask.to_tensor(), 1)
        self._around, self._deep = Surroundings(), DeepFeatures()
        self.runs: dict[str, Callable[[], None]] = {
            PLAIN: partial(self._call, BOTH, None),
            "a whole call that is kept": self._keep,
            "of the region, the first behind a whole one": partial(self._inside, BOTH),
            "of the region, a further one": partial(self._inside, BOTH),
            "of the region, which keeps deep features": partial(self._inside, BOTH, reuses=False),
            "of the region, which re-uses them": partial(self._inside, BOTH, reuses=True),
            "of the region, the prompt's row alone": partial(self._inside, ONE),
        }

    def _keep(self) -> None:
        self._around.begin(BOTH, None)
        self._call(BOTH, RegionCall(self._around))

    def _inside(self, layout: BatchLayout, *, reuses: bool | None = None) -> None:
        self._around.begin(layout, self.region)
        if reuses is not None:
            self._deep.begin(layout, reuses=reuses)
        self._call(layout, RegionCall(self._around, None if reuses is None else self._deep))

    def _call(self, layout: BatchLayout, reuse: RegionCall | None) -> None:
        rows = len(layout.rows)
        text = Text.cat(self._texts[-rows:])
        self._adapter.predict(self._noise.expand(rows, -1, -1, -1), self._timestep, text, None, 1.0, reuse)


def print_edits(bench: Bench, share: float) -> None:
    """Time a plain picture, and a fast edit by each name."""
    mask, _ = bench.middle(share), bench.kept
    plain = seconds_of(partial(bench.plain, [SWAPPED]))
    print(f"\n| an edit of {bench.settings.num_inference_steps} steps | s | / the plain picture's {plain:.1f} s |")
    print("|---|---|---|")
    names: tuple[FastName, ...] = ("balanced", "fast")
    for name in names:
        taken = seconds_of(partial(bench.later, SWAPPED, mask, name))
        print(f"| {name} | {taken:.1f} | {taken / plain:.3f} |")


if __name__ == "__main__":
    main()
