"""A schedule of a few levels that a method names itself, anywhere in what the model was trained on."""

from collections.abc import Sequence

import torch
from torch import Tensor

from wordbrush.errors import SettingsError
from wordbrush.sampling.rates import Rates, Split, mixed, split
from wordbrush.sampling.solver import FLOW, Solver

CLEAN = Rates(1.0, 0.0)


class Leaps(Solver):
    """Levels at `parts` of the trained schedule, from noisy to clean, and behind the last the picture itself. Its
    steps go from one to the next by what a prediction finds, as DDIM's and a flow's Euler steps do.
    """

    draws = False
    starts_anywhere = True

    def __init__(self, base: Solver, parts: Sequence[float]) -> None:
        """Take the model's own schedule. Raises `SettingsError` for a sampler with no levels beside its own steps."""
        if base.name not in ("ddim", FLOW):
            raise SettingsError(
                f"method 'chord' goes to levels of its own, which this model's sampler '{base.name}' has not; use "
                "'edit-friendly'"
            )
        self.name, self._base = base.name, base
        first = base.timesteps[0]
        trained = float(first) / base.part(first)
        exact = torch.tensor(parts, dtype=torch.float64) * trained
        whole = exact if base.timesteps.is_floating_point() else exact.round()
        self.timesteps = whole.to(base.timesteps)
        if len(set(self.timesteps.tolist())) < len(parts) or not bool(self.timesteps.min() > 0):
            raise SettingsError(
                f"the levels {', '.join(f'{part:g}' for part in parts)} fall together in a schedule of {trained:g} "
                "timesteps; give levels further apart"
            )
        self._rates = [
            Rates(1 - part, part) if base.name == FLOW else base.rates(timestep)
            for part, timestep in zip(parts, self.timesteps, strict=True)
        ]

    def start(self, noise: Tensor) -> Tensor:
        """The model's own."""
        return self._base.start(noise)

    def model_input(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """The latents themselves."""
        return latents

    def step(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Tensor:
        """To the next level, by the picture and the noise that are found."""
        return mixed(self.split(prediction, timestep, latents), self.rates_after(timestep))

    def noised(self, latents: Tensor, start: Tensor, timestep: Tensor) -> Tensor:
        """The forward process."""
        return mixed(Split(latents, start), self.rates(timestep))

    def rates(self, timestep: Tensor) -> Rates:
        """The level of a timestep."""
        return self._rates[self._index(timestep)]

    def rates_after(self, timestep: Tensor) -> Rates:
        """The next level."""
        return [*self._rates[1:], CLEAN][self._index(timestep)]

    def split(self, prediction: Tensor, timestep: Tensor, latents: Tensor) -> Split:
        """The parts of latents."""
        if self.name == FLOW:
            return split("flow_prediction", prediction, latents, self.rates(timestep))
        return self._base.split(prediction, timestep, latents)

    def part(self, timestep: Tensor) -> float:
        """The model's own."""
        return self._base.part(timestep)

    def _index(self, timestep: Tensor) -> int:
        return int((self.timesteps == timestep).nonzero()[-1])
