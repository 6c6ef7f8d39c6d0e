"""What edits cost in each family of models, as ratios to the family's own diffusers pipeline.

    python benchmarks/family_costs.py [--families NAME,...] [--repeats N] [--steps N] [--tiny] [--out FOLDER]

Models are real classes of diffusers with random weights, wide enough that arithmetic takes the time. Nothing is
decoded. Every run of a family is timed in turn, in one process, by the processor's time, and compared with the
pipeline's call for as many pictures. A bound counts the work of attention's kernel, in pairs of a query and a key:
what an edit has beyond the pipeline's, times the kernel's share of the pipeline's time. Nothing else is added to the
network, so it is what is left if all else were free. Prints Markdown; --out writes families.md and families.json
after each family, and a family that is in that families.json is not measured again.
"""

import argparse
import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.tape import SourceTape
from wordbrush.edits.settings import EditSettings
from wordbrush.maps.capture import Capture
from wordbrush.maps.request import MapsRequest
from wordbrush.models.load import adopt_pipeline
from wordbrush.runs.run import run_edit, run_source, run_together
from wordbrush.sampling.settings import GenerationSettings
from wordbrush_bench.speed.measure import Machine
from wordbrush_bench.speed.timing import in_turns, paired_ratios, seconds_of
from wordbrush_bench.tiny.chat import FLUX_2_LENGTH, tiny_klein, tiny_qwen_image, tiny_z_image
from wordbrush_bench.tiny.hunyuan_dit import tiny_hunyuan
from wordbrush_bench.tiny.joint import tiny_flux, tiny_sd3
from wordbrush_bench.tiny.pixart import tiny_pixart
from wordbrush_bench.tiny.sana import tiny_sana
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import tiny_xl

PROMPT = "a dog eating an apple"
TARGETS = ("a cat eating an apple", "a dog eating an orange", "a cat eating an orange")
KEEP_BYTES, SEED, GOAL, NOTABLE = 1 << 31, 7, 1.05, 1.10
PAIR, LATER, LOOKED, THREE, TAKEN = (
    "source and 1 target / 2 pictures",
    "later edit / 1 picture",
    "later edit, local blend and a word's maps / 1 picture",
    "later edit, 3 targets / 3 pictures",
    "later edit, words take the source's maps / 1 picture",
)
"""Every run, and the pictures of the pipeline that it is compared with."""

U_NET = {"block_out_channels": (64, 128, 128), "norm_num_groups": 8, "attention_head_dim": 4, "sample_size": 32}


@dataclass(frozen=True)
class Model:
    """A family's pipeline: how it is built and how wide, the picture's size in pixels, and what a call is told."""

    build: Callable[..., Any]
    wide: Mapping[str, Any]
    size: int
    call: Mapping[str, Any] = field(default_factory=dict)
    reads_negative: bool = True
    joint: bool = False
    """Whether text and picture share an axis, so that an edit of words calls the kernel once more."""


def sd3(**changes: Any) -> Any:
    """T5 with few tokens, so that the text is a small part of the axis, as it is beside a large picture."""
    pipeline = tiny_sd3(**{"pos_embed_max_size": 24, **changes})
    pipeline.tokenizer_3.model_max_length = T5_TOKENS
    return pipeline


T5_TOKENS = 24
MODELS: Mapping[str, Model] = {
    "SD 1": Model(tiny_pipeline, U_NET, 48),
    "SD 2 (v)": Model(
        partial(tiny_pipeline, prediction_type="v_prediction"), {**U_NET, "use_linear_projection": True}, 48
    ),
    "SD XL": Model(
        tiny_xl,
        {"block_out_channels": (64, 128), "norm_num_groups": 8, "transformer_layers_per_block": (1, 3),
         "attention_head_dim": (2, 4)},
        48,
    ),
    "PixArt": Model(
        partial(tiny_pixart, scheduler=DDIMScheduler(beta_schedule="linear", clip_sample=False)),
        {"num_layers": 4, "num_attention_heads": 4, "attention_head_dim": 64, "cross_attention_dim": 256},
        64,
        {"use_resolution_binning": False, "clean_caption": False},
    ),
    "HunyuanDiT": Model(
        tiny_hunyuan,
        {"num_layers": 4, "num_attention_heads": 4, "attention_head_dim": 64, "hidden_size": 256},
        256,
        {"use_resolution_binning": False},
    ),
    "Sana": Model(
        tiny_sana,
        {"num_layers": 4, "num_attention_heads": 8, "attention_head_dim": 32, "num_cross_attention_heads": 4,
         "cross_attention_head_dim": 64, "cross_attention_dim": 256},
        32,
        {"use_resolution_binning": False, "clean_caption": False},
    ),
    "SD 3": Model(
        sd3,
        {"num_layers": 3, "num_attention_heads": 4, "attention_head_dim": 64, "caption_projection_dim": 256,
         "dual_attention_layers": ()},
        64,
        {"max_sequence_length": T5_TOKENS},
        joint=True,
    ),
    "FLUX.1 dev": Model(
        tiny_flux,
        {"num_layers": 1, "num_single_layers": 2, "attention_head_dim": 64, "num_attention_heads": 3,
         "axes_dims_rope": (8, 28, 28)},
        96,
        reads_negative=False,
        joint=True,
    ),
    "FLUX.2 klein (base)": Model(
        tiny_klein,
        {"num_layers": 1, "num_single_layers": 3, "attention_head_dim": 64, "num_attention_heads": 4,
         "axes_dims_rope": (16, 16, 16, 16)},
        64,
        {"max_sequence_length": FLUX_2_LENGTH},
        reads_negative=False,
        joint=True,
    ),
    "Qwen-Image": Model(
        tiny_qwen_image,
        {"num_layers": 3, "attention_head_dim": 64, "num_attention_heads": 4, "axes_dims_rope": (16, 24, 24)},
        64,
        joint=True,
    ),
    "Z-Image": Model(
        tiny_z_image,
        {"dim": 256, "n_layers": 3, "n_heads": 4, "n_kv_heads": 4, "axes_dims": [16, 24, 24]},
        64,
        joint=True,
    ),
}  # fmt: skip
"""One for each of the registry's families, but for those that differ from another in their text encoder alone."""


@dataclass(frozen=True)
class Cost:
    """One run beside the pipeline: the middle of their ratios turn by turn, the ratio of the two quickest turns, and
    the bound."""

    median: float
    quickest: float
    bound: float


@dataclass(frozen=True)
class FamilyCost:
    """What was measured of a family. `plain` is the seconds of the pipeline's picture, `kernel` the share of them in
    attention's kernel, `axis` the positions of text and picture that a layer looks at."""

    name: str
    plain: float
    kernel: float
    axis: Sequence[int]
    runs: Mapping[str, Cost]
    seconds: Mapping[str, Sequence[float]]


KERNELS = (scaled_dot_product_attention, torch.ops.aten._scaled_dot_product_flash_attention_for_cpu)
"""The names by which attention's kernel is called; by the second it tells its sums."""


class KernelWork(TorchFunctionMode):
    """Counts the pairs of a query and a key in attention's kernel, heads and rows included, and the time it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs, self.seconds = 0, 0.0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in KERNELS:
            return func(*args, **(kwargs or {}))
        start = time.process_time()
        made = func(*args, **(kwargs or {}))
        self.seconds += time.process_time() - start
        given = {**dict(zip(("query", "key"), args, strict=False)), **(kwargs or {})}
        query, key = given["query"], given["key"]
        self.pairs += query.shape[:-1].numel() * key.shape[-2]
        return made


class Bench:
    """A family's pipeline and ours on the same weights, with a kept source."""

    def __init__(self, model: Model, steps: int, tiny: bool) -> None:
        self.pipeline = model.build(**({} if tiny else model.wide))
        loaded, info = adopt_pipeline(self.pipeline)
        self.adapter, self.defaults, self.model = loaded.adapter, info.defaults, model
        self.settings = GenerationSettings.of(
            PROMPT, self.defaults, (model.size, model.size), seed=SEED, num_inference_steps=steps
        )
        self._kept = run_source(
            self.adapter, self.settings, SourceTape(KEEP_BYTES, self.defaults.self_replace_max_pixels)
        )

    def plain(self, count: int) -> Any:
        """The pipeline's latents of that many pictures."""
        prompts = [*TARGETS[:count]]
        negative = {"negative_prompt": [""] * count} if self.model.reads_negative else {}
        scale = "true_cfg_scale" if type(self.pipeline).__name__ == "QwenImagePipeline" else "guidance_scale"
        return self.pipeline(
            prompt=prompts,
            height=self.model.size,
            width=self.model.size,
            num_inference_steps=self.settings.num_inference_steps,
            generator=torch.Generator().manual_seed(SEED),
            output_type="latent",
            **{scale: self.settings.guidance_scale},
            **negative,
            **self.model.call,
        )

    def pair(self) -> Any:
        return run_together(self.adapter, self.settings, self._edit(1))

    def later(self, count: int, **options: Any) -> Any:
        return run_edit(self.adapter, self.settings, self._edit(count, **options), self._kept)

    def looked(self) -> Any:
        prompts = {SOURCE + 1: self.adapter.tokenize(TARGETS[0])}
        steps = self.settings.num_inference_steps
        capture = Capture(self.adapter, MapsRequest(["cat"]), self.settings, prompts, steps, "benchmark")
        edit = self._edit(1, local_blend="auto")
        return run_edit(self.adapter, self.settings, edit, self._kept, watches=[capture.watch])

    def axis(self) -> tuple[int, int]:
        layer = max(
            self.adapter.attention_layers(self.model.size, self.model.size),
            key=lambda layer: (len(layer.text), layer.height * layer.width),
        )
        text = self._kept.text.states.shape[1] if self.model.joint else len(layer.text)
        return text, layer.height * layer.width

    def _edit(self, count: int, **options: Any) -> EditSettings:
        return EditSettings.of(TARGETS[:count], self.defaults, **options)


def measured(name: str, model: Model, steps: int, repeats: int, tiny: bool) -> FamilyCost:
    """Every run of a family, in turns; each runs once before, counted."""
    bench = Bench(model, steps, tiny)
    runs: dict[str, Callable[[], object]] = {str(count): partial(bench.plain, count) for count in (1, 2, 3)}
    ours = {PAIR: "2", LATER: "1", LOOKED: "1", THREE: "3"}
    runs |= {PAIR: bench.pair, LATER: partial(bench.later, 1), LOOKED: bench.looked, THREE: partial(bench.later, 3)}
    if model.joint:
        ours[TAKEN] = "1"
        runs[TAKEN] = partial(bench.later, 1, edit="auto", new_word_factor=1.0)
    with torch.no_grad():
        for run in runs.values():
            run()
        work = {title: worked(run) for title, run in runs.items()}
        seconds = in_turns(runs, repeats, seconds_of(torch.device("cpu")))
    plain = median(seconds["1"])
    kernel = work["1"].seconds / plain
    costs = {
        title: Cost(
            paired_ratios(seconds[title], seconds[count]).median,
            min(seconds[title]) / min(seconds[count]),
            1 + kernel * (work[title].pairs / work[count].pairs - 1),
        )
        for title, count in ours.items()
    }
    return FamilyCost(name, plain, kernel, bench.axis(), costs, seconds)


def worked(run: Callable[[], object]) -> KernelWork:
    """What a run asks of attention's kernel."""
    with KernelWork() as work:
        run()
    return work


def page(found: Sequence[FamilyCost], command: str, steps: int, repeats: int) -> str:
    """The tables."""
    machine = Machine.here("cpu")
    titles = [PAIR, LATER, LOOKED, THREE, TAKEN]
    lines = [
        "# What edits cost in each family",
        "",
        f"`{command}`",
        "",
        f"Real classes of diffusers with random weights, {steps} steps, float32, {machine.processor}, "
        f"{machine.threads} thread(s), {repeats} turns; seconds are {machine.clock}. A cell has the median of the "
        "ratios to the family's own pipeline, taken turn by turn, and behind it the ratio of the two quickest turns. "
        "Options are the family's defaults; nothing is decoded.",
        "",
        f"| family | pipeline, s a picture | {' | '.join(titles)} |",
        "|---" * (2 + len(titles)) + "|",
    ]
    for family in found:
        cells = [ratio(family.runs.get(title)) for title in titles]
        lines.append(f"| {family.name} | {family.plain:.2f} | {' | '.join(cells)} |")
    lines += [
        "",
        "Versions: " + ", ".join(f"{name} {number}" for name, number in machine.versions.items()) + ".",
        "",
        "## Where attention's kernel is called again",
        "",
        "The bound is 1 and the kernel's share of a plain picture times the pairs of query and key that the edit has "
        f"beyond the plain picture's. At bound 1.00 the goal is {GOAL}; above it, that much over the bound.",
        "",
        f"| family | text, picture | kernel's share | {' | '.join(titles)} |",
        "|---" * (3 + len(titles)) + "|",
    ]
    for family in found:
        cells = [f"{family.runs[title].bound:.3f}" if title in family.runs else "-" for title in titles]
        text, picture = family.axis
        lines.append(f"| {family.name} | {text}, {picture} | {family.kernel:.2f} | {' | '.join(cells)} |")
    costs = [(family.name, title, cost) for family in found for title, cost in family.runs.items()]
    met = sum(cost.median <= cost.bound + GOAL - 1 for *_, cost in costs)
    lines += ["", f"{met} of {len(costs)} are within {GOAL - 1:.2f} of their bound."]
    over = [f"{name}: {title} ({cost.median:.3f})" for name, title, cost in costs if cost.median > NOTABLE]
    if over:
        lines += ["", f"Above {NOTABLE:.2f}: {'; '.join(over)}."]
    return "\n".join(lines) + "\n"


def kept(path: Path) -> dict[str, FamilyCost]:
    """The families of an earlier run."""
    if not path.exists():
        return {}
    read = json.loads(path.read_text())
    return {
        one["name"]: FamilyCost(**{**one, "runs": {title: Cost(**cost) for title, cost in one["runs"].items()}})
        for one in read
    }


def ratio(cost: Cost | None) -> str:
    """As in the table."""
    return "-" if cost is None else f"{cost.median:.3f}, {cost.quickest:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", default=",".join(MODELS), help=f"of {', '.join(MODELS)}")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--tiny", action="store_true", help="narrow networks, whose ratios mean nothing")
    parser.add_argument("--out", type=Path, help="the folder for families.md and families.json")
    options = parser.parse_args()
    names = options.families.split(",")
    if unknown := [name for name in names if name not in MODELS]:
        parser.error(f"there is no family '{unknown[0]}'; there are {', '.join(MODELS)}")
    command = shlex.join(["python", "benchmarks/family_costs.py", *sys.argv[1:]])
    before = {} if options.out is None else kept(options.out / "families.json")
    found: list[FamilyCost] = []
    for name in names:
        found.append(before.get(name) or measured(name, MODELS[name], options.steps, options.repeats, options.tiny))
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / "families.md").write_text(page(found, command, options.steps, options.repeats))
            (options.out / "families.json").write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")
    print(page(found, command, options.steps, options.repeats), end="")


if __name__ == "__main__":
    main()
