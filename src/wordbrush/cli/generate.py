"""`wordbrush generate`: a plain picture."""

from typing import Annotated

import typer

from wordbrush.cli.flags import GenerationFlags, RunFlags
from wordbrush.cli.load import load_for_one_run
from wordbrush.cli.output import say_written, warn_of_unknown_words
from wordbrush.cli.progress import Progress
from wordbrush.files import check_writable


def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw.")],
    generation: GenerationFlags = GenerationFlags(),
    run: RunFlags = RunFlags(),
) -> None:
    """Make a picture of PROMPT: source.png and record.json."""
    options = generation.options()
    check_writable(run.out)
    editor = load_for_one_run(run, options)
    warn_of_unknown_words(editor, [prompt, generation.negative_prompt])
    with Progress("generating", run.quiet) as progress:
        source = editor.generate(prompt, on_step=progress, **options)
    say_written(source.save(run.out), run.quiet)
