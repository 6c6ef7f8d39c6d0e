"""`wordbrush learn`: a word from pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.cli.command import flag
from wordbrush.cli.flags import Device, Dtype, Model, Out, Quiet
from wordbrush.cli.output import say, say_written
from wordbrush.cli.progress import Progress
from wordbrush.cli.values import path
from wordbrush.files import check_writable
from wordbrush.learning.settings import LearnSettings

if TYPE_CHECKING:
    from wordbrush.learning.learn import Preview

FIRST = ("word", "init", "lora", "steps", "out")


def learn(
    images: Annotated[tuple[Path, ...], typer.Argument(help="Pictures of the thing: three or more, of any size.")],
    word: Annotated[str, flag("--word", help="How prompts write it, such as '<toy>'.")],
    init: Annotated[str, flag("--init", help="A word that says what it is, such as toy.")],
    lora: Annotated[bool, flag("--lora", help="Learn a LoRA beside it (DreamBooth).")] = False,
    num_vectors: Annotated[
        int, flag("--num-vectors", help="Vectors of the word, each a token.")
    ] = LearnSettings.num_vectors,
    steps: Annotated[int, flag("--steps", help="The most steps.")] = LearnSettings.steps,
    batch_size: Annotated[int, flag("--batch-size", help="Pictures a step.")] = LearnSettings.batch_size,
    learning_rate: Annotated[
        float, flag("--learning-rate", help="Of the vectors; 1 is as far a step as vectors are long.")
    ] = LearnSettings.learning_rate,
    lora_learning_rate: Annotated[
        float, flag("--lora-learning-rate", help="Of the LoRA.")
    ] = LearnSettings.lora_learning_rate,
    rank: Annotated[int, flag("--rank", help="Of the LoRA.")] = LearnSettings.rank,
    seed: Annotated[int, flag("--seed", help="What all noise is drawn from.")] = LearnSettings.seed,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    out: Out = Path("wordbrush-word"),
    quiet: Quiet = False,
) -> None:
    """Learn a word from IMAGES: a safetensors file for --concept, with --lora another; a preview.

    A text file beside a picture (toy.txt beside toy.png) is its caption. The same command goes on where it stopped.
    """
    from wordbrush.learning.learn import learn as learn_word
    from wordbrush.models.load import choose_device, load_pipeline

    settings = LearnSettings(
        word, init, num_vectors, lora, steps, batch_size, learning_rate, lora_learning_rate, rank, seed
    )
    check_writable(out)
    chosen, _ = choose_device(device, "float32", 0)
    # Half precision is too coarse to learn in; on a GPU bfloat16 is not, and takes half the memory.
    dtype = dtype or ("float32" if chosen == "cpu" else "bfloat16")
    named = str(path("--model", model)) if model is not None and model.startswith("~") else model
    loaded, info = load_pipeline(named, chosen, dtype)
    with Progress("learning", quiet) as progress:
        learnt = learn_word(
            loaded, info, images, settings, out, on_step=progress, on_preview=lambda shown: _show(shown, out)
        )
    why = "the loss no longer fell" if learnt.stopped_early else "the last step"
    say(f"{learnt.steps} steps, until {why}; loss {learnt.losses[-1]:.4f}" if learnt.losses else why, quiet)
    say_written([*learnt.files, out / "preview.png"], quiet)
    options = " ".join(f"{option} {file}" for option, file in zip(("--concept", "--lora"), learnt.files, strict=False))
    say(f'now: wordbrush edit "a {init}" "a {settings.word.lower()}" {options}', quiet)


def _show(preview: "Preview", out: Path) -> None:
    from wordbrush.pictures.save import save_plain_png
    from wordbrush.views.sheets import comparison

    captions = [f"step {preview.step}", *[""] * (len(preview.pictures) - 1)]
    save_plain_png(comparison([list(zip(captions, preview.pictures, strict=True))]), out / "preview.png")
