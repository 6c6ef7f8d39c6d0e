"""One run alone in a process of its own, for the memory that the whole process takes.

`python -m wordbrush_bench.speed.process` is given its settings as JSON; `measured_processes` starts
it.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial

from wordbrush.peak import PeakMemory, can_measure_process
from wordbrush_bench.speed.comparisons import comparisons
from wordbrush_bench.speed.journal import SpeedJournal
from wordbrush_bench.speed.measure import SpeedSettings, load_bench

PROCESS_CASE = "swap"
"""The case that is measured in processes, where it is among those asked for."""


@dataclass(frozen=True)
class ProcessPeak:
    """Bytes that a process holds when its model is loaded, and at its fullest in one run."""

    loaded: int
    peak: int


def measured_processes(
    settings: SpeedSettings, case: str, variants: Iterable[str], journal: SpeedJournal
) -> dict[str, ProcessPeak]:
    """Run each variant of a case in a fresh process; nothing where a system or a device has no such figure."""
    if settings.device != "cpu" or not can_measure_process():
        return {}
    return {
        variant: journal.once(
            ProcessPeak, f"process {case} {variant}", partial(_in_process_of_its_own, settings, case, variant)
        )
        for variant in variants
    }


def _in_process_of_its_own(settings: SpeedSettings, case: str, variant: str) -> ProcessPeak:
    asked = json.dumps({"settings": asdict(settings), "case": case, "variant": variant})
    command = [sys.executable, "-m", "wordbrush_bench.speed.process", asked]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded, peak = json.loads(done.stdout.splitlines()[-1])
    return ProcessPeak(loaded, peak)


def _main() -> None:
    asked = json.loads(sys.argv[1])
    bench = load_bench(SpeedSettings(**asked["settings"]))
    run = comparisons(bench, [asked["case"]])[asked["case"]].runs[asked["variant"]]
    with PeakMemory("cpu") as peak:
        run()
    print(json.dumps([peak.before, peak.highest]))


if __name__ == "__main__":
    _main()
