"""What `Editor.compile` gains on this machine, beside a model as it was loaded.

    python benchmarks/compiled.py [--model FOLDER | --shape sd14] [--dtype D] [--size 256] [--steps 8] [--repeats 5]
                                  [--backend inductor]

Prints Markdown. The three editors of a model take turns in one process; a step is one of a later edit (two rows in one
call, published windows), without planning and decoding, in the process's time. Ratios are taken turn by turn. "Longer
before" is what a source and its first edit take longer than those of the model as it was loaded: compiling.
"""

import argparse
import time

import torch

from wordbrush.editor import Editor
from wordbrush_bench.peers.shared import SharedModel
from wordbrush_bench.shapes import SHAPES
from wordbrush_bench.speed.bench import CROSS, SELF, SOURCE
from wordbrush_bench.speed.comparisons import SWAPPED
from wordbrush_bench.speed.timing import in_turns, paired_ratios

WINDOWS = {"edit": "replace", "cross_replace_steps": CROSS, "self_replace_steps": SELF}
LOADED, LAID_OUT = "as loaded", "compile()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder; the bundled model if none")
    parser.add_argument("--shape", choices=SHAPES, help="that architecture with random weights")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--size", type=int, help="pixels of a side; the model's own if none")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--backend", default="inductor", help="of torch.compile")
    options = parser.parse_args()
    compiled = f"compile(backend='{options.backend}')"
    editors = {name: loaded(options) for name in (LOADED, LAID_OUT, compiled)}
    editors[LAID_OUT].compile()
    editors[compiled].compile(backend=options.backend)
    size = None if options.size is None else (options.size, options.size)
    run = {"seed": 7, "num_inference_steps": options.steps, "guidance_scale": 7.5, "size": size}
    sources, edits, first = {}, {}, {}
    for name, editor in editors.items():
        start = time.process_time()
        sources[name] = editor.generate(SOURCE, **run)
        edits[name] = editor.edit(sources[name], SWAPPED, **WINDOWS).latents
        first[name] = time.process_time() - start
    runs = {name: lambda name=name: step_seconds(editors[name], sources[name]) for name in editors}
    seconds = in_turns(runs, options.repeats, lambda one: one())
    height, width = sources[LOADED].canvas.height, sources[LOADED].canvas.width
    print(
        f"{options.shape or options.model or 'bundled'}, {height} x {width}, {options.dtype}, {options.steps} steps, "
    )
    print(f"{torch.get_num_threads()} thread, {options.repeats} turns\n")
    print("| model | a step / as loaded | a step, ms | longer before, s | latents apart |")
    print("|---|---|---|---|---|")
    for name, taken in seconds.items():
        apart = (edits[name] - edits[LOADED]).abs().max().item()
        ratio = paired_ratios(taken, seconds[LOADED])
        middle = sorted(taken)[len(taken) // 2] * 1000
        print(f"| {name} | {ratio} | {middle:.1f} | {first[name] - first[LOADED]:.0f} | {apart:.0e} |")


def loaded(options: argparse.Namespace) -> Editor:
    if options.shape is not None:
        return Editor.from_pipeline(SharedModel.random(options.shape, "cpu", options.dtype).pipeline)
    return Editor.from_pretrained(options.model, "cpu", options.dtype)


def step_seconds(editor: Editor, source: object) -> float:
    """Of a step after the first one."""
    ends: list[float] = []
    editor.edit(source, SWAPPED, **WINDOWS, on_step=lambda *_: ends.append(time.process_time()))
    return (ends[-1] - ends[0]) / (len(ends) - 1)


if __name__ == "__main__":
    main()
