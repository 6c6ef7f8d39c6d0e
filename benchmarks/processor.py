"""What a processor is fast in: dtypes, and threads on a quiet machine and beside a busy loop.

    python benchmarks/processor.py [--shape sd14] [--sizes 128 256] [--steps 15] [--repeats 3]

Prints Markdown. Matrix products are of 1024 x 1024. Edits are a source and one target in one batch, without decoding,
by the clock, each kind in fresh processes, since OpenMP reads how threads wait when torch is loaded. The busy loop is
one other process. `wordbrush.models.processor` decides by these tables.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

WAITING = ("active", "passive")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--shape", choices=("sd14",), help="that architecture with random weights; else the bundled one"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    parser.add_argument("--one", action="store_true", help="print the seconds of each edit of the first size")
    options = parser.parse_args()
    if options.one:
        print(*edits(options.shape, options.sizes[0], options.steps, options.repeats, options.threads[0]))
        return
    print_dtypes(options.repeats)
    print(
        f"\n| {options.shape or 'bundled'}, {options.steps} steps | threads | waiting | quiet, s | beside a loop, s |"
    )
    print("|---|---|---|---|---|")
    for size in options.sizes:
        for threads in dict.fromkeys(options.threads):
            for waiting in WAITING if threads > 1 else WAITING[1:]:
                arguments = ["--sizes", str(size), "--threads", str(threads), "--steps", str(options.steps)]
                arguments += [
                    "--repeats",
                    str(options.repeats),
                    *(["--shape", options.shape] if options.shape else []),
                ]
                quiet = seconds(arguments, waiting)
                with busy_loop():
                    busy = seconds(arguments, waiting)
                print(f"| {size} px | {threads} | {waiting} | {quiet:.2f} | {busy:.2f} |", flush=True)


def print_dtypes(repeats: int) -> None:
    import torch

    from wordbrush.models.load import DTYPES
    from wordbrush.models.processor import LARGE, fastest_dtype, is_slow

    side = 1024
    print(
        f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads; a large model is computed in "
    )
    print(f"{fastest_dtype('cpu', LARGE)}.\n\n| dtype | GFLOP/s | said to be slow |\n|---|---|---|")
    for name in DTYPES:
        a, b = (torch.randn(side, side).to(getattr(torch, name)) for _ in range(2))
        taken = []
        for _ in range(1 + repeats):
            start = time.perf_counter()
            a @ b
            taken.append(time.perf_counter() - start)
        print(f"| {name} | {2 * side**3 / median(taken[1:]) / 1e9:.1f} | {'yes' if is_slow(name) else 'no'} |")


def edits(shape: str | None, size: int, steps: int, repeats: int, threads: int) -> list[float]:
    """Seconds of each edit after one that warms up."""
    import torch

    from wordbrush_bench.speed.comparisons import SWAPPED
    from wordbrush_bench.speed.measure import load_bench, speed_settings

    torch.set_num_threads(threads)
    bench = load_bench(speed_settings(None, shape, steps, size, repeats, "cpu", None, None))
    taken = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        bench.together([SWAPPED])
        taken.append(time.perf_counter() - start)
    return taken[1:]


def seconds(arguments: list[str], waiting: str) -> float:
    """The median of one kind of edit, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, __file__, "--one", *arguments]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**environment, "OMP_WAIT_POLICY": waiting}
    )
    return median(map(float, done.stdout.split()))


@contextlib.contextmanager
def busy_loop() -> Iterator[None]:
    """Another program that computes all the time."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as loop:
        try:
            yield
        finally:
            loop.kill()


if __name__ == "__main__":
    main()
