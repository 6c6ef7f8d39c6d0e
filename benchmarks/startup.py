"""Where the time of one `wordbrush edit` with the bundled model goes, everything included.

    python benchmarks/startup.py [--repeats N]

Each repeat is a fresh process. Prints Markdown: medians in seconds.
"""

import argparse
import subprocess
import sys
from statistics import median

SCRIPT = """
import time
marks = [("start", time.perf_counter())]
def mark(name): marks.append((name, time.perf_counter()))
import wordbrush.cli.app
mark("command line")
import torch
mark("import torch")
import wordbrush.models.stable_diffusion
from wordbrush.editor import Editor
mark("import diffusers and transformers")
editor = Editor.from_pretrained()
mark("load the model")
from wordbrush.edits.settings import EditSettings
from wordbrush.runs.run import run_together
d = editor.model.defaults
generation = editor._generation("a dog eating an apple", 7, None, None, "", None)
settings = editor.edit_settings("a cat eating an apple")
kept, run = run_together(editor._adapter, generation, settings)
mark(f"{d.num_inference_steps} steps of source and edit")
for latents in (kept.latents[-1], run.latents):
    editor._adapter.decode(latents)
mark("decode both")
for (_, before), (name, after) in zip(marks, marks[1:]):
    print(f"{after - before:.4f} {name}")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    taken: dict[str, list[float]] = {}
    for _ in range(options.repeats):
        done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            seconds, name = line.split(" ", 1)
            taken.setdefault(name, []).append(float(seconds))
    print("| part | seconds |\n|---|---|")
    for name, seconds in taken.items():
        print(f"| {name} | {median(seconds):.2f} |")
    print(f"| all | {median(map(sum, zip(*taken.values(), strict=True))):.2f} |")


if __name__ == "__main__":
    main()
