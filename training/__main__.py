"""Train and export the bundled model, step by step; every step can be stopped and taken up again."""

import json
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, get_args

import torch
import typer
from diffusers import AutoencoderKL, StableDiffusion3Pipeline, StableDiffusionPipeline
from safetensors.torch import load_file, save
from torch import Tensor

from training import parallel
from training.checkpoint import load_state
from training.critic import Critic, train_critic
from training.denoiser import train_denoiser
from training.editor import train_editor
from training.export import assemble
from training.export import export as export_folder
from training.flow import train_transformer
from training.instructions import rows as instruction_rows
from training.judge import accuracy, train_judge
from training.networks import LATENT_CHANNELS
from training.run import TrainingRun
from training.sample_grid import draw_grid
from training.schedule import Schedule
from training.shards import SHARD_SIZE, write_shards
from training.sharpen import sharpen_decoder
from training.tokenizer import MAX_LENGTH
from training.transformer import assemble_transformer
from training.vae import train_vae
from wordbrush.errors import SettingsError
from wordbrush.files import write_atomically
from wordbrush.scenes.atlas import Art
from wordbrush.scenes.judge.judge import WEIGHTS as JUDGE_WEIGHTS
from wordbrush.scenes.judge.judge import Judge

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

Out = Annotated[Path, typer.Option(help="Where states and logs are kept.")]
Steps = Annotated[int, typer.Option(help="Steps of training in all, earlier parts included.")]
Fall = Annotated[int, typer.Option(help="Last steps, in which the learning rate falls; 0 where more follow.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves the choice to torch.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the state in the folder.")]
Compile = Annotated[bool, typer.Option(help="Compile the networks; a third faster on a CPU, after a minute.")]
Earlier = Annotated[Path | None, typer.Option(help="Folder of an earlier model whose weights to begin with.")]
WEIGHTS = Path(str(files("wordbrush.scenes") / "weights"))
GRID_EVERY_SECONDS = 1200
FIRST_RATE = 1.5e-3
LATER_RATE = 5e-4
"""Where an earlier autoencoder is trained further; the first one's rate undoes what it knows."""
LATENTS_SEED = 101

DEFAULTS = {
    "num_inference_steps": 15,
    "guidance_scale": 4.0,
    "cross_replace_steps": 0.8,
    "self_replace_steps": 0.4,
    "recipe": "auto",
}
"""What the bundled model is used with; see the model card for how these were chosen."""
DENOISER_PARTS = ("unet", "text_encoder")
TRANSFORMER_PARTS = ("transformer", "text_encoder", "text_encoder_2", "text_encoder_3")
TRANSFORMER_DEFAULTS = {"num_inference_steps": 20, "guidance_scale": 4.0}


@app.command()
def vae(
    out: Out = Path("runs"),
    steps: Steps = 7000,
    fall: Fall = 1000,
    device: Device = "cpu",
    threads: Threads = 0,
    resume: Resume = False,
    compile: Compile = False,
    earlier: Earlier = None,
) -> None:
    """Train the autoencoder."""
    _prepare(out / "vae", threads, resume)
    start = None if earlier is None else AutoencoderKL.from_pretrained(earlier, subfolder="vae").float().eval()
    schedule = Schedule(FIRST_RATE if earlier is None else LATER_RATE, steps, fall)
    trained = train_vae(out / "vae", schedule, device, start=start, compiled=compile)
    if parallel.rank() == 0:
        trained.save_pretrained(out / "vae" / "final")


@app.command()
def latents(
    out: Out = Path("runs"),
    scenes: Annotated[int, typer.Option(help="How many scenes in all, those that are there included.")] = 300_000,
    device: Device = "cpu",
    threads: Threads = 0,
) -> None:
    """Draw and encode scenes for the critic and the denoiser; they may train while this runs."""
    if threads:
        torch.set_num_threads(threads)
    vae = _autoencoder(out).to(memory_format=torch.channels_last)
    shards = write_shards(
        out / "latents", vae, seed=LATENTS_SEED, count=-(-scenes // SHARD_SIZE), length=MAX_LENGTH, device=device
    )
    for index in shards:
        print(f"{(index + 1) * SHARD_SIZE} scenes", flush=True)


@app.command()
def critic(
    out: Out = Path("runs"),
    steps: Steps = 3000,
    fall: Fall = 600,
    device: Device = "cpu",
    threads: Threads = 0,
    resume: Resume = False,
) -> None:
    """Train the network that asks the denoiser for things it can name, on the encoded scenes."""
    _prepare(out / "critic", threads, resume)
    trained = train_critic(out / "critic", out / "latents", Schedule(2e-3, steps, fall), device)
    if parallel.rank() == 0:
        write_atomically(out / "critic" / "final.safetensors", save(trained.cpu().state_dict()))


@app.command()
def denoiser(
    out: Out = Path("runs"),
    steps: Steps = 20000,
    fall: Fall = 2000,
    device: Device = "cpu",
    threads: Threads = 0,
    resume: Resume = False,
    earlier: Earlier = None,
    learning_rate: Annotated[float, typer.Option(help="The rate between warm-up and fall.")] = 5e-4,
    batch_size: Annotated[int, typer.Option(help="Pictures a step and process.")] = 32,
    compile: Compile = False,
) -> None:
    """Train the U-Net and the text encoder, with a sheet of pictures every twenty minutes."""
    _prepare(out / "denoiser", threads, resume)
    train_denoiser(
        out / "denoiser",
        out / "latents",
        Schedule(learning_rate, steps, fall),
        device,
        critic=_critic(out),
        start=earlier,
        batch_size=batch_size,
        compiled=compile,
        on_save=_sheets(out, DENOISER_PARTS, assemble),
    )


@app.command()
def transformer(
    out: Out = Path("runs"),
    steps: Steps = 40000,
    fall: Fall = 4000,
    device: Device = "cpu",
    threads: Threads = 0,
    resume: Resume = False,
    earlier: Earlier = None,
    learning_rate: Annotated[float, typer.Option(help="The rate between warm-up and fall.")] = 1e-3,
    batch_size: Annotated[int, typer.Option(help="Pictures a step and process.")] = 32,
    compile: Compile = False,
) -> None:
    """Train a transformer with joint attention, and its three text encoders, on the same encoded scenes.

    `--earlier` names a trained model of Stable Diffusion's class on the same latents, which teaches it.
    """
    _prepare(out / "transformer", threads, resume)
    train_transformer(
        out / "transformer",
        out / "latents",
        Schedule(learning_rate, steps, fall),
        device,
        critic=_critic(out),
        start=earlier,
        batch_size=batch_size,
        compiled=compile,
        on_save=_sheets(out, TRANSFORMER_PARTS, assemble_transformer),
    )


@app.command()
def instructions(
    path: Annotated[Path, typer.Argument(help="Rows of captions to write, .jsonl.")],
    rows: Annotated[int, typer.Option(help="How many; no two are alike.")] = 6000,
) -> None:
    """Write captions with five instructions on this world, for `wordbrush pairs`."""
    write_atomically(path, "".join(json.dumps(row) + "\n" for row in instruction_rows(rows)).encode())


@app.command()
def editor(
    pairs: Annotated[Path, typer.Argument(help="A set that `wordbrush pairs` made, as webdataset.")],
    out: Out = Path("runs"),
    steps: Steps = 4000,
    fall: Fall = 400,
    device: Device = "cpu",
    threads: Threads = 0,
    resume: Resume = False,
    earlier: Annotated[Path, typer.Option(help="Folder of the text-to-image model to begin with.")] = WEIGHTS,
    learning_rate: Annotated[float, typer.Option(help="The rate between warm-up and fall.")] = 5e-4,
    batch_size: Annotated[int, typer.Option(help="Pictures a step.")] = 16,
) -> None:
    """Train an editor that follows instructions, as InstructPix2Pix was trained, on a set of pairs."""
    _prepare(out / "editor", threads, resume)
    start = StableDiffusionPipeline.from_pretrained(earlier)
    for network in (start.unet, start.vae, start.text_encoder):
        network.float()
    schedule = Schedule(learning_rate, steps, fall)
    trained = train_editor(out / "editor", pairs, start, schedule, device, batch_size=batch_size)
    trained.save_pretrained(out / "editor" / "final")


@app.command()
def sharpen(
    out: Out = Path("runs"),
    steps: Steps = 1500,
    fall: Fall = 500,
    device: Device = "cpu",
    threads: Threads = 0,
    resume: Resume = False,
    earlier: Earlier = None,
    compile: Compile = False,
) -> None:
    """Train the autoencoder's decoder further; its latents, and a denoiser trained on them, stay as they are.

    `--earlier` names a model of Stable Diffusion's class on the same latents: the decoder learns to draw its guesses.
    """
    _prepare(out / "decoder", threads, resume)
    sharpened = sharpen_decoder(
        out / "decoder",
        _autoencoder(out),
        Schedule(LATER_RATE, steps, fall),
        device,
        denoiser=None if earlier is None else StableDiffusionPipeline.from_pretrained(earlier),
        compiled=compile,
    )
    if parallel.rank() == 0:
        sharpened.save_pretrained(out / "vae" / "final")


@app.command()
def judge(
    out: Out = Path("runs"),
    steps: Steps = 3000,
    fall: Fall = 600,
    device: Device = "cpu",
    threads: Threads = 0,
    resume: Resume = False,
) -> None:
    """Train the classifier that says what pictures show, write it beside its code, and print how often it is right."""
    _prepare(out / "judge", threads, resume)
    weights = train_judge(out / "judge", Schedule(2e-3, steps, fall), device).half().state_dict()
    if parallel.rank() > 0:
        return
    write_atomically(JUDGE_WEIGHTS, save(weights))
    trained = Judge.load()
    for art in get_args(Art):
        shares = accuracy(trained, 1000, art)
        print(f"art, {art}:", {k: round(v, 3) for k, v in shares.items()})


@app.command()
def export(out: Out = Path("runs"), folder: Path = WEIGHTS) -> None:
    """Write the diffusers folder from the last saved state."""
    averages = load_state(out / "denoiser" / "state.pt")["averages"]
    export_folder(assemble(_autoencoder(out), averages), folder, DEFAULTS)


@app.command()
def export_transformer(folder: Path, out: Out = Path("runs")) -> None:
    """Write the transformer's diffusers folder from the last saved state."""
    averages = load_state(out / "transformer" / "state.pt")["averages"]
    export_folder(assemble_transformer(_autoencoder(out), averages), folder, TRANSFORMER_DEFAULTS)


@app.command()
def grid(
    path: Path,
    folder: Path = WEIGHTS,
    guidance_scale: float = 4.0,
    num_inference_steps: int = 30,
    threads: Threads = 0,
) -> None:
    """Draw the sheet of pictures with an exported model."""
    _prepare(folder, threads, resume=True)
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    draw_grid(pipeline, path, guidance_scale=guidance_scale, num_inference_steps=num_inference_steps)


def _sheets(
    out: Path,
    parts: Sequence[str],
    assembled: Callable[
        [AutoencoderKL, dict[str, dict[str, Tensor]]], StableDiffusionPipeline | StableDiffusion3Pipeline
    ],
) -> Callable[[TrainingRun], None]:
    """Draws a sheet of pictures into a run's folder, whenever enough time has gone by."""
    last = time.monotonic()

    def draw(run: TrainingRun) -> None:
        nonlocal last
        if time.monotonic() - last >= GRID_EVERY_SECONDS:
            averages = {name: run.averaged(name) for name in parts}
            draw_grid(assembled(_autoencoder(out), averages), run.folder / f"grid-{run.step:06d}.png")
            last = time.monotonic()

    return draw


def _autoencoder(out: Path) -> AutoencoderKL:
    """The one that was trained. Raises `SettingsError` where there is none."""
    folder = out / "vae" / "final"
    if not (folder / "config.json").exists():
        raise SettingsError(
            f"'{folder}' holds no autoencoder; train one with the command `vae`, or copy the folder `vae` of an "
            "earlier model to that place"
        )
    return AutoencoderKL.from_pretrained(folder)


def _critic(out: Path) -> Critic | None:
    """The critic, where one was trained."""
    path = out / "critic" / "final.safetensors"
    if not path.exists():
        return None
    critic = Critic(LATENT_CHANNELS)
    critic.load_state_dict(load_file(path))
    critic.eval().requires_grad_(False)
    return critic


def _prepare(folder: Path, threads: int, resume: bool) -> None:
    """Refuse to go on by accident from a state that is there, join the other processes, and set the threads."""
    if not resume and (folder / "state.pt").exists():
        raise SettingsError(f"'{folder}' holds the state of an earlier run; say --resume or name another folder")
    parallel.join()
    if threads:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    app()
