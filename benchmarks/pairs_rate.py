"""How fast pairs are made, how much of that the model takes, and where a plan for many GPUs ends.

    python benchmarks/pairs_rate.py [--rows 8] [--steps 15] [--tries 4] [--batches 5 10] [--workers 1 2] [--out FOLDER]

Prints Markdown. Captions are the bundled world's, by kinds of change in turn. A batch of 1 + tries pictures has one
row; a larger one has several. Seconds are by the clock, CPU seconds those of the process and its workers, which other
programs beside it hardly change. Of one worker, *busy* is the part of the clock's time in which it made pairs, and
*model* that in which the networks themselves ran. The writer is measured alone, with parts of the size that four pairs
of 512 pixels have; the plan is arithmetic from there, from `--row-seconds`, what a row takes on the GPU of the plan,
and from `--pairs-a-row`, else what was measured.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordbrush.pairs.lots import Lot
    from wordbrush.pairs.making import Making

PART_BYTES = 4 * 2 * 450_000
"""Four pairs of 512 x 512 pixels as PNG, roughly: photographs take 400 to 500 kB each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--tries", type=int, default=4)
    parser.add_argument("--batches", type=int, nargs="+", default=[5, 10], help="pictures of a batch")
    parser.add_argument("--workers", type=int, nargs="+", default=[1])
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--saves", type=int, default=50)
    parser.add_argument("--row-seconds", type=float, default=10.0)
    parser.add_argument("--pairs-a-row", type=float)
    parser.add_argument("--out", type=Path, help="where the sets are kept")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        captions = out / "captions.jsonl"
        captions.write_text("".join(json.dumps(row) + "\n" for row in captions_of(options.rows)))
        load = f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores"
        print(f"{options.rows} rows, {options.tries} tries each, {options.steps} steps, {options.dtype}, {load}\n")
        print("| batch | workers | seconds | CPU s | pictures | pictures a CPU s | pairs | s a row | busy | model |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for batch in options.batches:
            for workers in options.workers:
                making = making_of(options.steps, options.tries, batch, options.dtype)
                measured = measure(out / f"batch-{batch}-workers-{workers}", captions, making, workers)
        saves = saves_a_second(Path(folder) / "saves", options.saves)
        plan(saves, options.row_seconds, options.pairs_a_row or measured)


def making_of(steps: int, tries: int, batch: int, dtype: str) -> "Making":
    from wordbrush.pairs.choice import choose_model
    from wordbrush.pairs.making import Making
    from wordbrush.pairs.tries import Sampling

    model = choose_model(None, "cpu", dtype, 1)
    return Making(model, {"num_inference_steps": steps}, Sampling(tries=tries), batch=batch)


def measure(out: Path, captions: Path, making: "Making", workers: int) -> float:
    """Print the rates of one set; how many pairs a row has."""
    from wordbrush.pairs.factory import Task, make_set
    from wordbrush.pairs.local import in_processes, in_this_process

    clocked = Clocked(making) if workers == 1 else None
    if clocked:
        clocked.warm(captions)
    started, cpu = time.perf_counter(), cpu_seconds()
    totals = make_set(
        Task(captions, out, making),
        in_this_process(clocked) if clocked else in_processes(making, workers),  # type: ignore[arg-type]
    )
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    shares = f"{clocked.spent / seconds:.0%} | {clocked.in_networks / seconds:.0%}" if clocked else "- | -"
    pictures = totals.tries + totals.rows - totals.errors
    print(
        f"| {making.batch} | {workers} | {seconds:.0f} | {cpu:.0f} | {pictures} | {pictures / cpu:.2f} | "
        f"{totals.pairs} | {seconds / totals.rows:.1f} | {shares} |",
        flush=True,
    )
    return totals.pairs / totals.rows


class Clocked:
    """A maker that knows how long it made pairs, and how long its networks ran."""

    def __init__(self, making: "Making") -> None:
        from wordbrush import Editor
        from wordbrush.pairs.maker import PairMaker

        self.spent = self.in_networks = 0.0
        self._making = making
        editor = Editor.from_pretrained(making.model.name, making.model.device, making.model.dtype, keep_bytes=0)
        pipeline = editor._pipeline.pipeline  # type: ignore[union-attr]
        for network in (pipeline.text_encoder, pipeline.unet, pipeline.vae.decoder):
            network.forward = self._timed(network.forward)
        self._make = PairMaker(editor, making)

    def __call__(self, lot: "Lot") -> list[bytes]:
        started = time.perf_counter()
        parts = self._make(lot)
        self.spent += time.perf_counter() - started
        return parts

    def warm(self, captions: Path) -> None:
        """Make the first row once, which the first calls of all networks take longer for."""
        from wordbrush.pairs.factory import checked_rows

        self(tuple(islice(checked_rows(captions, self._making.depends_on()), 1)))  # type: ignore[arg-type]
        self.spent = self.in_networks = 0.0

    def _timed(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            answer = forward(*arguments, **named)
            self.in_networks += time.perf_counter() - started
            return answer

        return call


def cpu_seconds() -> float:
    """Of this process and all that it started and that ended."""
    return sum(os.times()[:4])


def captions_of(rows: int) -> list[dict[str, str]]:
    from wordbrush_bench.scenes.cases import scene_cases

    cases = [case for case in scene_cases(-(-rows // 4), None) if case.source_prompt != case.target_prompt]
    pairs = dict.fromkeys((case.source_prompt, case.target_prompt) for case in cases)
    return [{"source": source, "target": target} for source, target in list(pairs)[:rows]]


def saves_a_second(folder: Path, saves: int) -> float:
    """How many rows the one writer keeps in a second, each with its fsyncs, on this disk."""
    from wordbrush.pairs.store import Store

    content = os.urandom(PART_BYTES)
    with Store(folder, "webdataset", {}) as store:
        started = time.perf_counter()
        for row in range(1, saves + 1):
            store.keep_part(row, content)
        return saves / (time.perf_counter() - started)


def plan(saves: float, row_seconds: float, pairs_a_row: float) -> None:
    print(f"\nThe writer keeps {saves:.0f} rows of {PART_BYTES / 1e6:.1f} MB a second here.\n")
    print(
        f"| GPUs, at {row_seconds:g} s a row | rows an hour | rows a second | MB/s | writers |\n|---|---|---|---|---|"
    )
    for gpus in (1, 8, 100, 1000):
        rate = gpus / row_seconds
        writers = max(1, -(-rate // saves))
        print(f"| {gpus} | {3600 * rate:.0f} | {rate:.1f} | {rate * PART_BYTES / 1e6:.1f} | {writers:.0f} |")
    print(f"\n| pairs, {pairs_a_row:.1f} a row | rows | GPU hours | on 8 GPUs | on 1000 GPUs | TB |")
    print("|---|---|---|---|---|---|")
    for pairs in (100_000, 10_000_000):
        rows = pairs / max(pairs_a_row, 1e-9)
        hours, size = rows * row_seconds / 3600, pairs * PART_BYTES / 4 / 1e12
        print(f"| {pairs} | {rows:.0f} | {hours:.0f} | {hours / 192:.1f} days | {hours / 1000:.1f} h | {size:.2f} |")


if __name__ == "__main__":
    main()
