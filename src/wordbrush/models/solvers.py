"""The schedulers of diffusers behind the loop's interface, each with the steps that its own pipeline takes."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
)
from torch import Tensor

from wordbrush.errors import SettingsError
from wordbrush.models.ddim import DDIM
from wordbrush.sampling.rates import Rates, Split, split
from wordbrush.sampling.solver import FLOW, Solver


class Scheduled:
    """A `Solver` that steps with one of diffusers' schedulers, freshly set to the timesteps of a run.

    `levels` are those before each step and after the last. A scheduler that draws noise draws it for each row from
    the same seed, after the starting latents as its pipeline does, so that source and targets have the same.
    """

    def __init__(self, name: str, scheduler: Any, levels: Sequence[Rates], seed: int, *, draws: bool = False) -> None:
        """Take a scheduler whose timesteps are set."""
        self.name = name
        self.draws = draws
        self.starts_anywhere = not draws and name != "pndm"  # pndm counts its steps
        self.timesteps: Tensor = scheduler.timesteps
        self._scheduler = scheduler
        self._levels = levels
        self._seed = seed
        self._generators: list[torch.Generator] = []

    def start(self, noise: Tensor) -> Tensor:
        """As much noise as the schedule begins with."""
        return noise * getattr(self._scheduler, "init_noise_sigma", 1.0)

    def model_input(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """The latents as the network was trained to see them."""
        scale = getattr(self._scheduler, "scale_model_input", None)  # no flow scheduler has one
        scaled: Tensor = latents if scale is None else scale(latents, timestep)
        return scaled

    def step(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Tensor:
        """One step from `timestep` to the next; a solver of several steps remembers those before."""
        options = {"generator": self._row_generators(latents)} if self.draws else {}
        following: Tensor = self._scheduler.step(prediction, timestep, latents, return_dict=False, **options)[0]
        return following

    def noised(self, latents: Tensor, start: Tensor, timestep: Tensor) -> Tensor:
        """The forward process, from the noise of the starting latents."""
        noise = start / getattr(self._scheduler, "init_noise_sigma", 1.0)
        level = self.rates(timestep)
        return level.signal * latents + level.noise * noise

    def rates(self, timestep: Tensor) -> Rates:
        """The level of the latents before the step of a timestep."""
        return self._levels[self._index(timestep)]

    def rates_after(self, timestep: Tensor) -> Rates:
        """The level of the latents after the step of a timestep."""
        return self._levels[self._index(timestep) + 1]

    def split(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Split:
        """The clean latents and the noise that a prediction says that latents are made of."""
        level = self.rates(timestep)
        kind = self._scheduler.config.get("prediction_type", "flow_prediction")
        if kind == "flow_prediction":
            return split(kind, prediction, latents, level)
        # A network is trained on latents of unit variance, in whatever space its solver works.
        size = (level.signal**2 + level.noise**2) ** 0.5
        return split(kind, prediction, latents / size, Rates(level.signal / size, level.noise / size))

    def part(self, timestep: Tensor) -> float:
        """How far back a timestep is in the schedule that was trained."""
        return float(timestep) / float(self._scheduler.config["num_train_timesteps"])

    def _index(self, timestep: Tensor) -> int:
        return int((self.timesteps == timestep).nonzero()[-1])

    def _row_generators(self, latents: Tensor) -> list[torch.Generator]:
        if not self._generators:
            self._generators = [torch.Generator("cpu").manual_seed(self._seed) for _ in latents]
            for generator in self._generators:
                torch.randn((1, *latents.shape[1:]), generator=generator, dtype=latents.dtype)
        return self._generators


def _by_alphas(scheduler: Any) -> list[Rates]:
    alphas = [float(scheduler.alphas_cumprod[int(timestep)]) for timestep in scheduler.timesteps]
    return [Rates(alpha**0.5, (1 - alpha) ** 0.5) for alpha in [*alphas, float(scheduler.final_alpha_cumprod)]]


def _by_sigmas(scheduler: Any) -> list[Rates]:
    sigmas = [float(sigma) for sigma in scheduler.sigmas]
    return [Rates(1 / (1 + sigma**2) ** 0.5, sigma / (1 + sigma**2) ** 0.5) for sigma in sigmas]


def _of_noise_alone(scheduler: Any) -> list[Rates]:
    """Latents to which noise was added, and nothing taken away."""
    return [Rates(1.0, float(sigma)) for sigma in scheduler.sigmas]


def _of_flow(scheduler: Any) -> list[Rates]:
    return [Rates(1 - float(sigma), float(sigma)) for sigma in scheduler.sigmas]


@dataclass(frozen=True)
class _Kind:
    scheduler: type[Any]
    levels: Callable[[Any], list[Rates]]
    draws: bool = False
    own: Mapping[str, object] | None = None


_KINDS: Mapping[str, _Kind] = {
    "pndm": _Kind(PNDMScheduler, _by_alphas, own={"skip_prk_steps": True}),
    "euler": _Kind(EulerDiscreteScheduler, _of_noise_alone),
    "euler-a": _Kind(EulerAncestralDiscreteScheduler, _of_noise_alone, draws=True),
    "dpm++": _Kind(DPMSolverMultistepScheduler, _by_sigmas),
    "lcm": _Kind(LCMScheduler, _by_alphas, draws=True),
}

SAMPLERS = ("ddim", *_KINDS, "own")
"""The samplers of diffusion models by name; "own" is the one that the model's folder or pipeline has."""


def diffusion_solver(
    config: Mapping[str, Any], num_inference_steps: int, device: torch.device, sampler: str, seed: int
) -> Solver:
    """A fresh solver of `num_inference_steps` steps on the noise schedule of any scheduler's `config`.

    Raises `SettingsError` for a sampler that is not there, and for a number of steps that it does not take.
    """
    if sampler == "own":
        sampler = own_sampler(config)
    if sampler == "ddim":
        return DDIM(config, num_inference_steps, device)
    if sampler not in _KINDS:
        raise SettingsError(f"there is no sampler '{sampler}'; give one of {', '.join(SAMPLERS)}")
    kind = _KINDS[sampler]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of numpy, about diffusers' own code
        scheduler = kind.scheduler.from_config({**config, **(kind.own or {})})
    _set_timesteps(scheduler, num_inference_steps, device=device)
    return Scheduled(sampler, scheduler, kind.levels(scheduler), seed, draws=kind.draws)


def spaced_diffusion_solver(
    scheduler: Any, num_inference_steps: int, device: torch.device, sampler: str | None, seed: int
) -> Solver:
    """A fresh solver of a transformer's pipeline, by default DDIM.

    Published schedulers space their timesteps otherwise than DDIM's steps, which are of one length: DDIM then has its
    own spacing.
    """
    config = {**scheduler.config, "_class_name": type(scheduler).__name__}
    if sampler in (None, "ddim") and not isinstance(scheduler, DDIMScheduler):
        config = {**config, "timestep_spacing": "leading", "steps_offset": 1, "_use_default_values": []}
    return diffusion_solver(config, num_inference_steps, device, sampler or "ddim", seed)


def own_sampler(config: Mapping[str, Any]) -> str:
    """The name of a model's own sampler. Raises `SettingsError` for one that is not known."""
    name = str(config.get("_class_name", "DDIMScheduler"))
    if name == "DDIMScheduler":
        return "ddim"
    for sampler, kind in _KINDS.items():
        if kind.scheduler.__name__ == name:
            return sampler
    raise SettingsError(f"the model's own sampler is {name}, which is not known; give one of {', '.join(SAMPLERS)}")


def flow_solver(
    config: Mapping[str, Any],
    num_inference_steps: int,
    device: torch.device,
    image_tokens: int,
    sigmas: Sequence[float] | None = None,
    shift: float | None = None,
) -> Solver:
    """Euler steps of a flow-matching model; where its schedule is shifted by the picture's size, by `image_tokens`.

    `sigmas` are those that the family's pipeline gives its scheduler before the shift; None for the scheduler's own.
    `shift` is the logarithm of a shift that the family finds itself.
    """
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(dict(config))
    options: dict[str, object] = {} if sigmas is None else {"sigmas": list(sigmas)}
    if scheduler.config["use_dynamic_shifting"]:
        options["mu"] = _shift(scheduler.config, image_tokens) if shift is None else shift
    _set_timesteps(scheduler, num_inference_steps, device=device, **options)
    return Scheduled(FLOW, scheduler, _of_flow(scheduler), seed=0)


def flow_multistep_solver(config: Mapping[str, Any], num_inference_steps: int, device: torch.device) -> Solver:
    """DPM-Solver++ on a flow, as a scheduler's `config` says (Xie et al. 2024, arXiv 2410.10629)."""
    scheduler = DPMSolverMultistepScheduler.from_config(dict(config))
    _set_timesteps(scheduler, num_inference_steps, device=device)
    return Scheduled("dpm++", scheduler, _of_flow(scheduler), seed=0)


def _shift(config: Mapping[str, Any], image_tokens: int) -> float:
    """The logarithm of the time shift (Esser et al. 2024, arXiv 2403.03206, 5.3.2), linear in the number of tokens."""
    few, many = config["base_image_seq_len"], config["max_image_seq_len"]
    slope = (config["max_shift"] - config["base_shift"]) / (many - few)
    return float(image_tokens * slope + (config["base_shift"] - slope * few))


def _set_timesteps(scheduler: Any, num_inference_steps: int, **options: object) -> None:
    most = int(scheduler.config["num_train_timesteps"])
    if not 1 <= num_inference_steps <= most:
        raise SettingsError(f"num_inference_steps is {num_inference_steps}; this model takes 1 to {most}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of numpy, about diffusers' own code
            scheduler.set_timesteps(num_inference_steps, **options)
    except (ValueError, IndexError) as error:
        why = str(error).strip().splitlines()[0][:160]
        raise SettingsError(f"num_inference_steps is {num_inference_steps}; the sampler refuses it ({why})") from None
