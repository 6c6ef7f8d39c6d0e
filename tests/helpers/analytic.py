"""An exact denoiser: of a mixture of Gaussians in latent space, whose posterior mean is known in closed form."""

import torch
from torch import Tensor

from wordbrush.inversion.task import InversionTask
from wordbrush.models.ddim import DDIM
from wordbrush.sampling.conditioning import Conditioning
from wordbrush.sampling.guidance import ClassifierFree
from wordbrush.sampling.loop import Run, denoise
from wordbrush.sampling.place import Place
from wordbrush.sampling.text import Text

SHAPE = (4, 4, 4)
COMPONENTS = 3


SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
"""Stable Diffusion's own."""


def solver(num_inference_steps: int) -> DDIM:
    return DDIM(SCHEDULE, num_inference_steps, torch.device("cpu"))


class ExactDenoiser:
    """Predicts the noise of latents whose clean ones are Gaussian around one of a few means.

    A text's states (1, 1, components) are the logarithms of the components' weights: a prompt makes some likelier.
    """

    guidance = ClassifierFree()
    region_form = None

    def __init__(self, deviation: float = 2.0) -> None:
        generator = torch.Generator().manual_seed(0)
        self.means_KD = torch.randn(COMPONENTS, torch.Size(SHAPE).numel(), generator=generator, dtype=torch.float64)
        self.variance = deviation**2
        self.rates = solver(1).rates

    def predict(
        self,
        latents: Tensor,
        timestep: Tensor,
        text: Text,
        control: None,
        guidance_scale: float = 1.0,
        reuse: None = None,
        place: Place | None = None,
    ) -> tuple[Tensor, int]:
        with torch.no_grad():
            return self.predict_with_gradient(latents, timestep, text), 0

    def predict_with_gradient(
        self, latents: Tensor, timestep: Tensor, text: Text, place: Place | None = None
    ) -> Tensor:
        signal, noise = self.rates(timestep)
        x_BD = latents.flatten(1)
        off_BKD = x_BD[:, None] - signal * self.means_KD
        total = signal**2 * self.variance + noise**2
        weights_BK = (text.states[:, 0] - off_BKD.square().sum(-1) / (2 * total)).softmax(-1)
        clean_BKD = self.means_KD + signal * self.variance / total * off_BKD
        clean_BD = (weights_BK[..., None] * clean_BKD).sum(1)
        return ((x_BD - signal * clean_BD) / noise).reshape(latents.shape)


def task(num_inference_steps: int, *, guidance_scale: float = 4.0, seed: int = 0, on_step=None) -> InversionTask:
    """A picture of the first component, said to be of it; the negative text says nothing."""
    model = ExactDenoiser()
    generator = torch.Generator().manual_seed(9)
    off = torch.randn(model.means_KD[0].shape, generator=generator, dtype=torch.float64)
    picture = (model.means_KD[0] + 0.5 * off).reshape(1, *SHAPE)
    text = Text(torch.tensor([[[2.0, 0.0, -1.0]]], dtype=torch.float64))
    negative = Text(torch.zeros(1, 1, COMPONENTS, dtype=torch.float64))
    return InversionTask(
        model, solver(num_inference_steps), picture, text, negative, guidance_scale, seed, None, on_step
    )


def sampled(made: InversionTask, replay, states: Tensor | None = None, guidance_scale: float | None = None) -> Tensor:
    """What the loop makes of a replay for another prompt, steered as its targets are."""
    words = Conditioning((made.text, made.text if states is None else Text(states)), made.negative)
    scale = made.guidance_scale if guidance_scale is None else guidance_scale
    run = Run(words, (1,), scale, kept=replay)
    return list(denoise(made.model, replay.steering.solver(made.solver), replay.latents[0], run))[-1].latents


def error(made: InversionTask, latents: Tensor) -> float:
    """The root mean square distance from the picture."""
    return float((latents - made.latents).square().mean().sqrt())
