"""`wordbrush bench speed`: what an edit costs beside plain pictures, and how that grows."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.flags import Device, Dtype, Model, Out, Quiet
from wordbrush.cli.output import say, say_written
from wordbrush.cli.progress import Progress
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable, write_atomically

if TYPE_CHECKING:
    from wordbrush_bench.speed.bench import Bench
    from wordbrush_bench.speed.journal import SpeedJournal
    from wordbrush_bench.speed.measure import SpeedSettings
    from wordbrush_bench.speed.report import SpeedReport
    from wordbrush_bench.speed.scaling import Curve

_SCALE_TARGETS = (1, 2, 4, 8)


def speed(
    model: Model = None,
    shape: Annotated[str | None, typer.Option(help="sd14 or sdxl: that architecture with random weights.")] = None,
    case: Annotated[list[str] | None, typer.Option(help="One comparison; give it once for each. All if none.")] = None,
    no_cases: Annotated[bool, typer.Option("--no-cases", help="Only the scaling.")] = False,
    scaling: Annotated[bool, typer.Option("--scaling", help="Also curves along size, targets and steps.")] = False,
    steps: Annotated[int | None, typer.Option(help="Denoising steps; 20, or 3 of a shape.")] = None,
    size: Annotated[int | None, typer.Option(help="Pixels of a side; the model's own, or 256 of a shape.")] = None,
    repeats: Annotated[int | None, typer.Option(help="Turns; 7, or 3 of a shape.")] = None,
    device: Device = None,
    dtype: Dtype = None,
    diffusers: Annotated[
        Path | None,
        typer.Option(help="A checkout of diffusers, to time its community pipeline too. Its code is executed."),
    ] = None,
    out: Out = Path("wordbrush-speed"),
    quiet: Quiet = False,
) -> None:
    """Compare edits with plain pictures of the same number: speed.md, speed.json and, with --scaling, plots.

    All runs of a comparison take turns in one process; "materialised" is the published algorithm, its maps formed. A
    run that was stopped goes on from its last comparison when the same command is given again.
    """
    if model is not None and shape is not None:
        raise SettingsError("both --model and --shape are given; give one")
    if no_cases and not scaling:
        raise SettingsError("--no-cases without --scaling leaves nothing to measure; give --scaling")
    for name, number in (("--steps", steps), ("--size", size), ("--repeats", repeats)):
        if number is not None and number < 1:
            raise SettingsError(f"{name} is {number}; give 1 or more")
    check_writable(out)
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # before torch: its profiler, used for memory, tells of each start
    from wordbrush_bench.plots import need_matplotlib
    from wordbrush_bench.speed.measure import speed_settings

    if scaling:
        need_matplotlib()
    checkout = None if diffusers is None else str(diffusers)
    settings = speed_settings(model, shape, steps, size, repeats, device, dtype, checkout)
    try:
        report = _measured(settings, tuple(case or ()), no_cases, scaling, out, quiet)
    except KeyboardInterrupt:
        typer.echo("stopped; give the same command again to go on", err=True)
        raise
    _write(report, out, quiet)


def _measured(
    settings: "SpeedSettings", cases: tuple[str, ...], no_cases: bool, scaling: bool, out: Path, quiet: bool
) -> "SpeedReport":
    from wordbrush.json_form import to_plain
    from wordbrush.models.folder import resolve_folder
    from wordbrush.models.processor import use_threads_for
    from wordbrush_bench.speed.comparisons import comparisons
    from wordbrush_bench.speed.journal import JOURNAL, SpeedJournal
    from wordbrush_bench.speed.measure import Machine, load_bench, measure
    from wordbrush_bench.speed.process import PROCESS_CASE, measured_processes
    from wordbrush_bench.speed.report import SpeedReport

    bench = load_bench(settings)
    if settings.shape is None:
        use_threads_for(resolve_folder(settings.model))
    names = tuple(comparisons(bench, cases))  # a name that there is not is told before anything runs
    machine = Machine.here(settings.device)
    measured, process = {}, {}
    curves: tuple[Curve, ...] = ()
    process_case = PROCESS_CASE if PROCESS_CASE in names else names[0]
    with SpeedJournal(out / JOURNAL, {"settings": to_plain(settings), "machine": to_plain(machine)}) as journal:
        if not no_cases:
            with Progress("comparing", quiet) as progress:
                measured = measure(bench, names, settings.repeats, journal, progress)
        if scaling:
            curves = _curves(bench, settings, journal, quiet)
        if measured:
            process = measured_processes(settings, process_case, measured[process_case].seconds, journal)
    return SpeedReport(
        command=shlex.join(["wordbrush", *sys.argv[1:]]),
        settings=settings,
        size=bench.settings.height,
        machine=machine,
        cases=measured,
        process_case=measured[process_case].title.split(" / ")[0] if measured else "",
        process=process,
        curves=curves,
    )


def _curves(bench: "Bench", settings: "SpeedSettings", journal: "SpeedJournal", quiet: bool) -> "tuple[Curve, ...]":
    from wordbrush_bench.speed.scaling import scaling

    side, steps = bench.settings.height, settings.steps
    smallest = 8 * bench.model.adapter.vae_factor
    sizes = sorted({max(smallest, side // 2), side, side * 3 // 2, side * 2})
    numbers = sorted({max(1, steps // 4), max(1, steps // 2), steps, steps * 2})
    with Progress("scaling", quiet) as progress:
        return scaling(bench, sizes, _SCALE_TARGETS, numbers, settings.repeats, journal, progress)


def _write(report: "SpeedReport", out: Path, quiet: bool) -> None:
    from wordbrush_bench.speed.plots import curve_png
    from wordbrush_bench.speed.report import markdown

    paths = [out / "speed.md", out / "speed.json"]
    plots = {}
    for curve in report.curves:
        plots[curve.name] = f"{curve.name}.png"
        paths.append(out / plots[curve.name])
        write_atomically(paths[-1], curve_png(curve, _title(report)))
    text = markdown(report, plots)
    write_atomically(paths[0], text.encode())
    write_atomically(paths[1], report.to_json().encode())
    for line in text.splitlines():
        say(line, quiet)
    say_written(paths, quiet)


def _title(report: "SpeedReport") -> str:
    settings = report.settings
    model = settings.shape or settings.model or "bundled"
    return f"{model}, {report.size} px, {settings.steps} steps, {settings.dtype} on {settings.device}"
