"""Where the time of one `wordbrush edit` with the bundled model goes, everything included.

    python benchmarks/startup.py [--repeats 5] [--steps N]

Each repeat is a fresh process, and beside it one that imports `torch._dynamo` alone, which diffusers asks for. Prints
Markdown: medians of seconds by the clock, and all imports as a ratio to that one.
"""

import argparse
import os
import subprocess
import sys
from statistics import median

IMPORTS = "all imports"
EDIT = f"""
import time
marks = [("", time.perf_counter())]
def mark(name): marks.append((name, time.perf_counter()))
import wordbrush.cli.app
mark("command line")
import torch
mark("import torch")
from wordbrush.editor import Editor
import wordbrush.models.stable_diffusion
mark("import diffusers and transformers")
all_imports = marks[-1][1] - marks[0][1]
from wordbrush.cli.load import load_editor
editor = load_editor(None, "cpu", None, keep_bytes=0)
mark("load the model")
editor.generate_and_edit("a dog eating an apple", "a cat eating an apple", seed=7, num_inference_steps=STEPS)
mark("a source and its edit, decoded")
for (_, before), (name, after) in zip(marks, marks[1:]):
    print(f"{{after - before:.4f}} {{name}}")
print(f"{{all_imports:.4f}} {IMPORTS}")
"""
DYNAMO = """
import time
start = time.perf_counter()
import torch._dynamo
print(f"{time.perf_counter() - start:.4f} import torch._dynamo")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, help="denoising steps; the model's own if not given")
    options = parser.parse_args()
    taken: dict[str, list[float]] = {}
    for _ in range(options.repeats):
        for script in (DYNAMO, EDIT.replace("STEPS", str(options.steps))):
            for line in printed(script):
                seconds, name = line.split(" ", 1)
                taken.setdefault(name, []).append(float(seconds))
    dynamo, imports = taken.pop("import torch._dynamo"), taken.pop(IMPORTS)
    print("| part | seconds |\n|---|---|")
    for name, seconds in taken.items():
        print(f"| {name} | {median(seconds):.2f} |")
    print(f"| all | {median(map(sum, zip(*taken.values(), strict=True))):.2f} |")
    ratio = median(mine / least for mine, least in zip(imports, dynamo, strict=True))
    print(
        f"\nAll imports take {median(imports):.2f} s, {ratio:.2f} times the {median(dynamo):.2f} s of torch._dynamo."
    )


def printed(script: str) -> list[str]:
    environment = {"OMP_WAIT_POLICY": "passive", **os.environ}
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return done.stdout.splitlines()


if __name__ == "__main__":
    main()
