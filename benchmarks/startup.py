"""Where the time of one `wordbrush edit` with the bundled model goes, everything included.

    python benchmarks/startup.py [--repeats 5] [--steps N]

Each repeat is a fresh process, and beside it one that imports `torch._dynamo` alone, which diffusers asks for. Prints
Markdown: medians of seconds by the clock and of the processor, which a busy machine changes less, and all imports as a
ratio to that one import.
"""

import argparse
import os
import subprocess
import sys
from statistics import median

DYNAMO, IMPORTS = "import torch._dynamo", "all imports"
CLOCKS = """
from time import perf_counter, process_time
def now(): return perf_counter(), process_time()
def said(name, before, after): print(*(f"{b - a:.4f}" for a, b in zip(before, after)), name)
"""
EDIT = f"""{CLOCKS}
marks = [("", now())]
def mark(name): marks.append((name, now()))
from wordbrush.cli.collector import postpone_collecting
postpone_collecting()
import wordbrush.cli.app
mark("import the command line")
import torch
mark("import torch")
import torch._dynamo
mark("import torch._dynamo, as diffusers does")
import transformers
mark("import transformers, which reads the source of all its models")
from transformers import CLIPTextModel, CLIPTokenizer
mark("import its CLIP; transformers reads its models again")
from diffusers import AutoencoderKL, UNet2DConditionModel
mark("import diffusers' networks")
import wordbrush.cli.comparison, wordbrush.models.fit, wordbrush.models.stable_diffusion
mark("import wordbrush, and diffusers' samplers and pipeline")
imported = marks[-1][1]
from wordbrush.cli.load import load_editor
editor = load_editor(None, "cpu", None, keep_bytes=0)
mark("load the model")
editor.generate_and_edit("a dog eating an apple", "a cat eating an apple", seed=7, num_inference_steps=STEPS)
mark("a source and its edit, decoded")
for (_, before), (name, after) in zip(marks, marks[1:]):
    said(name, before, after)
said("{IMPORTS}", marks[0][1], imported)
"""
ALONE = f"""{CLOCKS}
start = now()
{DYNAMO}
said("{DYNAMO}", start, now())
"""
Seconds = tuple[float, float]
"""By the clock and of the processor."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    options = parser.parse_args()
    taken: dict[str, list[Seconds]] = {}
    for _ in range(options.repeats):
        for script in (ALONE, EDIT.replace("STEPS", str(options.steps))):
            for line in printed(script):
                clock, processor, name = line.split(" ", 2)
                taken.setdefault(name, []).append((float(clock), float(processor)))
    least, imports = taken.pop(DYNAMO), taken.pop(IMPORTS)
    print("| part | seconds | of the processor |\n|---|---|---|")
    for name, seconds in taken.items():
        print(f"| {name} | {row(seconds)} |")
    runs = zip(*taken.values(), strict=True)
    whole = [(sum(clock for clock, _ in run), sum(own for _, own in run)) for run in runs]
    print(f"| all | {row(whole)} |")
    print(f"| all imports | {row(imports)} |\n| torch._dynamo alone, in a process of its own | {row(least)} |")
    ratios = [(a / c, b / d) for (a, b), (c, d) in zip(imports, least, strict=True)]
    print(f"| all imports, times that | {row(ratios)} |")


def row(seconds: list[Seconds]) -> str:
    return " | ".join(f"{median(one):.2f}" for one in zip(*seconds, strict=True))


def printed(script: str) -> list[str]:
    environment = {"OMP_WAIT_POLICY": "passive", **os.environ}
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return done.stdout.splitlines()


if __name__ == "__main__":
    main()
