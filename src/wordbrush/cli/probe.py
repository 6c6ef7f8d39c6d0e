"""`wordbrush probe`: what each block of a model does."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from wordbrush.cli.command import flag
from wordbrush.cli.flags import PICTURE, PictureFlags, RunFlags
from wordbrush.cli.load import load_for_one_run
from wordbrush.cli.output import say, say_written, warn_of_unknown_words
from wordbrush.cli.progress import Progress
from wordbrush.cli.values import words as comma_words
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable

PROBE = "What it is probed with"
FIRST = ("model", "prompt", "words", "seeds", "out")


def probe(
    prompt: Annotated[
        tuple[str, ...], flag("--prompt", help="What a picture shows; may be given again. Else four.", group=PROBE)
    ] = (),
    words: Annotated[
        str | None, flag("--words", metavar="WORD,...", help="The words to drop; else every thing.", group=PROBE)
    ] = None,
    seeds: Annotated[
        str, flag("--seeds", metavar="N", help="How many, from 0 on; or which: 1,2,3 or 5:20.", group=PICTURE)
    ] = "2",
    picture: PictureFlags = PictureFlags(),
    run: RunFlags = RunFlags(out=Path("wordbrush-probe")),
) -> None:
    """Measure each block of a model: layers.json, which --layers reads, and a chart, probe.png.

    Each picture is made once more without each block, so a large model takes long: fewer --steps, --seeds or --prompt
    make it shorter.
    """
    from wordbrush.probe.cases import PROMPTS
    from wordbrush.probe.chart import draw_chart, need_matplotlib
    from wordbrush.sweep.ranges import parse_whole_range

    options = picture.options()
    numbers = parse_whole_range(seeds, "--seeds")
    chosen = range(numbers[0]) if len(numbers) == 1 else numbers
    if not chosen:
        raise SettingsError("--seeds is 0; give 1 or more")
    need_matplotlib()
    check_writable(run.out)
    prompts = prompt or PROMPTS
    editor = load_for_one_run(run)
    warn_of_unknown_words(editor, [*prompts, picture.negative_prompt])
    with Progress("probing", run.quiet) as progress:
        report = editor.probe(prompts, comma_words("--words", words), seeds=chosen, on_step=progress, **options)
    written = [run.out / "layers.json", run.out / "probe.png"]
    report.save(written[0])
    draw_chart(replace(report, model=Path(report.model).name), written[1])
    held_out = "" if report.held_out_agreement is None else f", {report.held_out_agreement:.3f} for other layers' best"
    say(f"words agree {report.own_agreement:.3f} as they are read now{held_out}", run.quiet)
    say_written(written, run.quiet)
