"""What a long run of `wordbrush pairs` holds in memory, with real parts of the bundled model.

    python benchmarks/pairs_memory.py [--rows 1000] [--steps 1] [--out FOLDER] [--tiny]

Prints Markdown: what the process holds after each tenth of the rows, and by how much that grew after the first. Rows
differ in their seeds, and have one try. With `--out` a stopped run goes on. With `--tiny` the model is a tiny one with
random weights: all else is what it is in any run, and a row costs a fraction.
"""

import argparse
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from pairs_rate import captions_of
from server_load import resident_bytes

from wordbrush.pairs.choice import choose_model
from wordbrush.pairs.factory import Task, make_set
from wordbrush.pairs.filters import Filters
from wordbrush.pairs.local import in_this_process
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import Making
from wordbrush.pairs.totals import Totals
from wordbrush.pairs.tries import Sampling
from wordbrush_bench.tiny.stable_diffusion import tiny_sd_folder

_ALL = Filters(min_done=0.0, min_kept=-1.0)
"""So few steps make pictures that no filter would keep, and what is saved is what is measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--out", type=Path, help="where the set is kept")
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        model = str(tiny_sd_folder(Path(folder) / "model")) if asked.tiny else None
        measure(asked.out or Path(folder), asked.rows, asked.steps, model)


def measure(out: Path, rows: int, steps: int, model: str | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    captions, known = out / "captions.jsonl", captions_of(16)
    lines = [json.dumps({**known[i % len(known)], "seed": i}) + "\n" for i in range(rows)]
    captions.write_text("".join(lines))
    options = {"num_inference_steps": steps, "cross_replace_steps": 1.0, "self_replace_steps": 1.0}
    making = Making(choose_model(model, "cpu", None, 1), options, Sampling(1, 1, None), _ALL)
    held: dict[int, int] = {}
    started = time.monotonic()
    print("| rows | MiB |\n|---|---|")

    def look(totals: Totals) -> None:
        if totals.done % max(1, rows // 10) == 0 and totals.done not in held and totals.done:
            held[totals.done] = resident_bytes(os.getpid())
            print(f"| {totals.done} | {held[totals.done] / 2**20:.0f} |", flush=True)

    totals = make_set(Task(captions, out / "set", making), in_this_process(PairMaker.load(making)), look)
    first, *_, last = held.values()
    seconds, cpu, load = time.monotonic() - started, time.process_time(), os.getloadavg()[0]
    print(
        f"\n{totals.pairs} pairs of {totals.rows} rows ({totals.made} made now), {totals.errors} errors, "
        f"{steps} steps, {seconds:.0f} s ({cpu:.0f} s of CPU) at a load of {load:.1f}; "
        f"after the first tenth memory grew by {(last - first) / 2**20:.0f} MiB"
    )


if __name__ == "__main__":
    main()
