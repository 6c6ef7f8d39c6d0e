"""How fast pairs are made, how much of that the model takes, and where a plan for many GPUs ends.

    python benchmarks/pairs_rate.py [--rows 8] [--steps 15] [--tries 4] [--workers 1 2] [--out FOLDER]

Prints Markdown. Captions are the bundled world's, by kinds of change in turn. A row's seconds are its maker's, by the
clock; busy is their share of the whole. The writer is measured alone, with parts of the size that four pairs of 512
pixels have; the plan is arithmetic from there, from `--row-seconds`, what a row takes on the GPU of the plan, and from
`--pairs-a-row`, else what was measured.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

PART_BYTES = 4 * 2 * 450_000
"""Four pairs of 512 x 512 pixels as PNG, roughly: photographs take 400 to 500 kB each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--tries", type=int, default=4)
    parser.add_argument("--workers", type=int, nargs="+", default=[1])
    parser.add_argument("--saves", type=int, default=50)
    parser.add_argument("--row-seconds", type=float, default=10.0)
    parser.add_argument("--pairs-a-row", type=float)
    parser.add_argument("--out", type=Path, help="where the sets are kept")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        measured = measure(out, options.rows, options.steps, options.tries, options.workers)
        saves = saves_a_second(Path(folder) / "saves", options.saves)
        plan(saves, options.row_seconds, options.pairs_a_row or measured)


def measure(out: Path, rows: int, steps: int, tries: int, workers: Iterable[int]) -> float:
    """Print the rates; how many pairs a row has."""
    from wordbrush.pairs.choice import choose_model
    from wordbrush.pairs.factory import Job, Task, make_set
    from wordbrush.pairs.local import in_processes, in_this_process
    from wordbrush.pairs.maker import PairMaker
    from wordbrush.pairs.making import Making
    from wordbrush.pairs.tries import Sampling

    out.mkdir(parents=True, exist_ok=True)
    captions = out / "captions.jsonl"
    captions.write_text("".join(json.dumps(row) + "\n" for row in captions_of(rows)))
    making = Making(choose_model(None, "cpu", None, 1), {"num_inference_steps": steps}, Sampling(tries=tries))
    load = os.getloadavg()[0]
    print(f"{rows} rows, {tries} tries each, {steps} steps, load {load:.1f} of {os.cpu_count()} cores\n")
    print("| workers | seconds | pairs | pairs a minute | s a row | busy |\n|---|---|---|---|---|---|")
    for count in workers:
        spent: list[float] = []
        maker = PairMaker.load(making)

        def timed(jobs: Iterable[Job]) -> Iterator[bytes]:
            return in_this_process(clocked)(jobs)

        def clocked(*job: object) -> bytes:
            started = time.perf_counter()
            part = maker(*job)  # type: ignore[arg-type]  # noqa: B023
            spent.append(time.perf_counter() - started)  # noqa: B023
            return part

        started = time.perf_counter()
        engine = timed if count == 1 else in_processes(making, count)
        totals = make_set(Task(captions, out / f"workers-{count}", making, shard_rows=4), engine)
        seconds = time.perf_counter() - started
        busy = f"{sum(spent) / seconds:.0%}" if spent else "-"
        print(
            f"| {count} | {seconds:.0f} | {totals.pairs} | {60 * totals.pairs / seconds:.1f} | "
            f"{seconds / totals.rows:.1f} | {busy} |",
            flush=True,
        )
    return totals.pairs / totals.rows


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
