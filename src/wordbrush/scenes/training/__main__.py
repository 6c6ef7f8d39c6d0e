"""Train and export the bundled model, step by step; every step can be stopped and taken up again."""

from pathlib import Path
from typing import Annotated

import torch
import typer
from diffusers import AutoencoderKL

from wordbrush.scenes.training.denoiser import train_denoiser
from wordbrush.scenes.training.export import export as export_folder
from wordbrush.scenes.training.vae import train_vae

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

Out = Annotated[Path, typer.Option(help="Where states and logs are kept.")]
Minutes = Annotated[float, typer.Option(help="Minutes of training in all, earlier parts included.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 leaves the choice to torch.")]
WEIGHTS = Path(__file__).parents[1] / "weights"


@app.command()
def vae(out: Out = Path("runs"), minutes: Minutes = 12, device: Device = "cpu", threads: Threads = 0) -> None:
    """Train the autoencoder."""
    _use(threads)
    train_vae(out / "vae", minutes, device).save_pretrained(out / "vae" / "final")


@app.command()
def denoiser(out: Out = Path("runs"), minutes: Minutes = 90, device: Device = "cpu", threads: Threads = 0) -> None:
    """Train the U-Net and the text encoder."""
    _use(threads)
    train_denoiser(out / "denoiser", AutoencoderKL.from_pretrained(out / "vae" / "final"), minutes, device)


@app.command()
def export(out: Out = Path("runs"), folder: Path = WEIGHTS) -> None:
    """Write the diffusers folder."""
    autoencoder = AutoencoderKL.from_pretrained(out / "vae" / "final")
    export_folder(out / "denoiser" / "state.pt", autoencoder, folder, DEFAULTS)


DEFAULTS = {
    "num_inference_steps": 30,
    "guidance_scale": 4.0,
    "cross_replace_steps": 0.8,
    "self_replace_steps": 0.4,
}
"""What the bundled model is used with; see the model card for how these were chosen."""


def _use(threads: int) -> None:
    if threads:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    app()
