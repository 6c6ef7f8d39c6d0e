"""What an edit costs, beside plain pictures of the same number and beside the same edit with every map formed.

    python benchmarks/edit_cost.py [--model FOLDER | --shape sd14] [--only CASE ...] [--steps N] [--size N]
        [--repeats N] [--json FILE]

All runs of a comparison take turns in one process, and ratios are taken turn by turn, so that a machine that slows
down slows both sides. Prints Markdown. "plain" is the same loop without an edit, "StableDiffusionPipeline" diffusers'
own at the same batch, "materialised" the published algorithm with its maps as tensors.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # before torch: its profiler, used for memory, reports each start

import torch
from peak_memory import allocation_peak, can_measure_process, process_peak
from workloads import Case, Model, Run, cases

from wordbrush.models.folder import resolve_folder
from wordbrush.versions import installed_versions

MEMORY_GOAL = 1.02
PROCESS_CASE = "swap"
"""The case whose runs are also measured in a process of their own; with --only, the first of those."""


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        folder = _folder(options, Path(scratch))
        if options.process_of is not None:
            print(json.dumps(process_peak(_cases(options, folder)[_process_case(options)].runs[options.process_of])))
            return
        report = _measure(options, folder)
    print(_markdown(report))
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", help="a Stable Diffusion folder or hub id; without it the bundled model")
    which.add_argument("--shape", choices=["sd14"], help="Stable Diffusion v1-4's architecture with random weights")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="swap, add, maps-word, ...; without it all")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--size", type=int, help="pixels of one side")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--process-of", help=argparse.SUPPRESS)  # one run alone in a process, for its memory
    options = parser.parse_args()
    # The large shape is timed by the step, the small model by the picture.
    large = options.shape == "sd14"
    options.steps = options.steps or (3 if large else 20)
    options.repeats = options.repeats or (3 if large else 7)
    options.size = options.size or (256 if large else None)
    options.dtype = options.dtype or ("float16" if options.device != "cpu" else "bfloat16" if large else "float32")
    return options


def _folder(options: argparse.Namespace, scratch: Path) -> Path:
    if options.shape is None:
        return resolve_folder(options.model)
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from sd14 import sd14_folder

    return sd14_folder(scratch / "sd14", getattr(torch, options.dtype))


def _cases(options: argparse.Namespace, folder: Path) -> dict[str, Case]:
    model = Model.load(folder, options.device, getattr(torch, options.dtype))
    options.size = options.size or model.pipeline.unet.config["sample_size"] * model.adapter.vae_factor
    every = cases(model, options.steps, options.size)
    unknown = set(options.only or ()) - set(every)
    if unknown:
        raise SystemExit(f"there is no case '{min(unknown)}'; there are: {', '.join(every)}")
    return {name: every[name] for name in options.only or every}


def _process_case(options: argparse.Namespace) -> str:
    return options.only[0] if options.only else PROCESS_CASE


def _measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    all_cases = _cases(options, folder)
    device = torch.device(options.device)
    report: dict[str, Any] = {
        "settings": {name: getattr(options, name) for name in ("steps", "size", "repeats", "device", "dtype")},
        "model": options.shape or options.model or "bundled",
        "machine": {
            "processor": torch.cuda.get_device_name() if device.type == "cuda" else platform.processor(),
            "threads": torch.get_num_threads(),
        },
        "versions": installed_versions(),
        "cases": {},
    }
    for name, case in all_cases.items():
        outputs = {variant: run() for variant, run in case.runs.items()}  # also warms up
        seconds = _interleaved(case.runs, options.repeats, device)
        report["cases"][name] = {
            "title": case.title,
            "goal": case.goal,
            "seconds": seconds,
            "ratio_to_plain": {variant: _ratio(taken, seconds["plain"]) for variant, taken in seconds.items()},
            "allocated_bytes": {variant: allocation_peak(run, device) for variant, run in case.runs.items()},
            "apart_from_materialised": _apart(outputs),
        }
    if device.type == "cpu" and can_measure_process():
        report["process_case"] = all_cases[_process_case(options)].title.split(" / ")[0]
        report["process_bytes"] = {
            variant: _in_process_of_its_own(options, folder, variant)
            for variant in all_cases[_process_case(options)].runs
        }
    return report


def _interleaved(runs: dict[str, Run], repeats: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each run: A B C, then B C A, so that none always follows the same one."""
    names = list(runs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(repeats):
        first = repeat % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            runs[name]()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def _ratio(taken: list[float], plain: list[float]) -> dict[str, float]:
    ratios = [mine / other for mine, other in zip(taken, plain, strict=True)]
    return {"median": median(ratios), "min": min(ratios), "max": max(ratios)}


def _apart(outputs: dict[str, torch.Tensor]) -> dict[str, float]:
    """How far finished latents are from the materialised twin's: of the edited pictures, and of the source beside
    them, which no edit touches: there it is the rounding of the two kernels alone.
    """
    if "materialised" not in outputs:
        return {}
    ours, twin = outputs["wordbrush"], outputs["materialised"]
    apart = (ours - twin[-len(ours) :]).abs().amax(dim=(1, 2, 3)).tolist()
    return (
        {"source": apart[0], "edited": max(apart[1:], default=0.0)}
        if len(ours) == len(twin)
        else {"edited": max(apart)}
    )


def _in_process_of_its_own(options: argparse.Namespace, folder: Path, variant: str) -> dict[str, int]:
    arguments = ["--model", str(folder), "--process-of", variant, "--device", options.device, "--dtype", options.dtype]
    arguments += ["--steps", str(options.steps), "--size", str(options.size), "--only", _process_case(options)]
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    before, peak = json.loads(done.stdout.splitlines()[-1])
    return {"before": before, "peak": peak}


def _markdown(report: dict[str, Any]) -> str:
    settings, threads = report["settings"], report["machine"]["threads"]
    lines = [
        f"Model: {report['model']}, {settings['size']} px, {settings['steps']} steps, {settings['dtype']} on "
        f"{settings['device']} ({threads} threads), {settings['repeats']} turns; ratios are medians (min-max).",
        "",
        "| what / plain | plain, s | wordbrush | goal | materialised | StableDiffusionPipeline |",
        "|---|---|---|---|---|---|",
    ]
    for case in report["cases"].values():
        ratios = {
            name: f"{r['median']:.3f} ({r['min']:.3f}-{r['max']:.3f})" for name, r in case["ratio_to_plain"].items()
        }
        goal = f"<= {case['goal']:.2f}" if case["goal"] else "-"
        lines.append(
            f"| {case['title']} | {median(case['seconds']['plain']):.3f} | {ratios['wordbrush']} | {goal} | "
            f"{ratios.get('materialised', '-')} | {ratios['StableDiffusionPipeline']} |"
        )
    lines += [
        "",
        "| peak memory above the loaded model | plain, MiB | wordbrush | materialised |",
        "|---|---|---|---|",
    ]
    for case in report["cases"].values():
        peak = case["allocated_bytes"]
        other = f"{peak['materialised'] / peak['plain']:.3f}" if "materialised" in peak else "-"
        lines.append(
            f"| {case['title']} | {peak['plain'] / 2**20:.1f} | {peak['wordbrush'] / peak['plain']:.3f} | {other} |"
        )
    for variant, held in report.get("process_bytes", {}).items():
        ratio = held["peak"] / report["process_bytes"]["plain"]["peak"]
        lines.append(
            f"| whole process, {report['process_case']}: {variant} | {held['peak'] / 2**20:.0f} (loaded: "
            f"{held['before'] / 2**20:.0f}) | {ratio:.3f} of plain | goal <= {MEMORY_GOAL} |"
        )
    apart = [case["apart_from_materialised"] for case in report["cases"].values()]
    edited, unedited = (max(case.get(rows, 0.0) for case in apart) for rows in ("edited", "source"))
    lines += ["", f"Latents of ours and of the materialised twin differ by at most {edited:.1e} where edited, and by"]
    lines += [f"{unedited:.1e} in the source beside them, which no edit touches."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
