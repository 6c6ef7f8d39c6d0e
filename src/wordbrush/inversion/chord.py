"""`chord`: no inversion; one step along the difference of two pictures (ChordEdit, arXiv 2602.19083)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.errors import SettingsError
from wordbrush.inversion.leaps import Leaps
from wordbrush.inversion.method import Inversion
from wordbrush.inversion.task import InversionTask
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.rates import Split, mixed
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.steering import Predicted, Steering
from wordbrush.sampling.text import Shape


@dataclass(frozen=True, eq=False)
class ChordTransport(Steering):
    """What is added to the source's picture are differences of clean pictures that the network sees with the target's
    prompt and with the source's, in the same noised source; a last step may then clean the sum up.

    `parts` are the steps of the schedule, `weights` those of the differences. `path` (steps + 1, C, h, w) holds the
    source's latents before each step and after the last, and `clean` (differences, C, h, w) the pictures that the
    network sees in them with the source's prompt. A target's latents are its picture so far, under the source's noise.
    """

    parts: tuple[float, ...]
    weights: tuple[float, ...]
    path: Tensor
    clean: Tensor

    def solver(self, solver: Solver) -> Solver:
        """A few levels far apart."""
        return Leaps(solver, self.parts)

    def shown(self, step: int, latents: Tensor) -> Tensor:
        """The source's latents, until it is cleaned up."""
        return self.path[step : step + 1].expand_as(latents) if step < len(self.weights) else latents

    def advance(self, solver: Solver, step: int, timestep: Tensor, predicted: Predicted, latents: Tensor) -> Tensor:
        """Add a difference, or take the clean picture itself."""
        clean = solver.split(predicted.guided(), timestep, self.shown(step, latents)).clean
        if step >= len(self.weights):
            return clean
        now, after = solver.rates(timestep).signal, solver.rates_after(timestep).signal
        added = (latents - self.path[step]) / now + self.weights[step] * (clean - self.clean[step])
        return self.path[step + 1] + after * added

    def tensors(self) -> dict[str, Tensor]:
        """The source's path, and what the network sees in it."""
        return {"path": self.path, "clean": self.clean}


@dataclass(frozen=True)
class Chord(Inversion):
    """An edit in two model calls, or three with the clean-up, made for models that draw in a few steps. The picture
    moves along the difference between what the network sees with the target's prompt and with the source's, in the
    same noised picture at two levels of noise. Nothing is inverted, and `num_inference_steps` does not count.

    With equal prompts and no clean-up the picture comes back exactly. One noise is drawn, from the seed. Both prompts
    are guided alike. Edits of words and their windows act in these steps as in any others.

    - `t_start`: the noisier level, as a part of the trained schedule, from above 0 to below 1. Default: 0.9.
    - `delta`: how far below it the other level is, from 0 (one level alone) to below `t_start`. Default: 0.15.
    - `t_end`: the level of the clean-up, below both; 0 leaves it out. Default: 0.3.
    - `scale`: what the difference is multiplied by, from -10 to 10; 0 edits nothing. Default: 1.

    Raises `SettingsError` for a value outside of its range.

    >>> Chord(t_end=0.0)
    Chord(t_start=0.9, delta=0.15, t_end=0.0, scale=1.0)
    """

    t_start: float = 0.9
    delta: float = 0.15
    t_end: float = 0.3
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers. Raises `SettingsError`."""
        if not 0 < self.t_start < 1:
            raise SettingsError(f"t_start is {self.t_start:g}; give a number from above 0 to below 1")
        if not 0 <= self.delta < self.t_start:
            raise SettingsError(f"delta is {self.delta:g}; give a number from 0 to below t_start ({self.t_start:g})")
        if not 0 <= self.t_end < self.t_start - self.delta:
            raise SettingsError(
                f"t_end is {self.t_end:g}; give a number from 0 to below t_start - delta, "
                f"{self.t_start - self.delta:g}"
            )
        if not -10 <= self.scale <= 10:
            raise SettingsError(f"scale is {self.scale:g}; give a number from -10 to 10")

    def check(
        self, guidance: Guidance, guidance_scale: float, negative_prompt: str, interval: Window = EVERY_STEP
    ) -> None:
        """Its steps are not a schedule that could be guided in part."""
        if interval != EVERY_STEP:
            raise SettingsError(
                "method 'chord' has two or three steps, all guided alike; leave out guidance_interval, or use another "
                "method"
            )

    def check_guides_in_parts(self) -> None:
        """Its levels are not a schedule."""
        raise SettingsError(
            "method 'chord' has two or three levels and no schedule, of which a ControlNet could act in a part; "
            "leave out control_guidance_start and control_guidance_end, or use another method"
        )

    def invert(self, task: InversionTask) -> Replay:
        """One model call for each level, of two rows if a negative text guides it."""
        solver = Leaps(task.solver, self._parts())
        noise, tick = task.draw_noise(1), task.ticker(len(solver.timesteps))
        path = [mixed(Split(task.latents, noise), solver.rates(timestep)) for timestep in solver.timesteps]
        weights, clean = self._weights(), []
        for step, timestep in enumerate(solver.timesteps):
            if step < len(weights):
                prediction = task.along(solver).predict_on_path(step, path[step], timestep, task.guidance_scale)
                clean.append(solver.split(prediction, timestep, path[step]).clean)
            tick()
        path.append(task.latents)
        steering = ChordTransport(self._parts(), weights, torch.cat(path), torch.cat(clean))
        return Replay(task.text, tuple(path), task.tape, steering)

    def shapes(self, num_steps: int, latents: Shape, text: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """The source's path, and what the network sees in it."""
        return {"path": (num_steps + 1, *latents[1:]), "clean": (len(self._weights()), *latents[1:])}

    def steering(self, tensors: Mapping[str, Tensor]) -> ChordTransport:
        """Build the transport again."""
        return ChordTransport(self._parts(), self._weights(), tensors["path"], tensors["clean"])

    def _parts(self) -> tuple[float, ...]:
        transport = (self.t_start, self.t_start - self.delta) if self.delta else (self.t_start,)
        return (*transport, self.t_end) if self.t_end else transport

    def _weights(self) -> tuple[float, ...]:
        """Each level has the other's part: delta and t_start of their sum."""
        whole = self.t_start + self.delta
        shares = (self.delta / whole, self.t_start / whole) if self.delta else (1.0,)
        return tuple(self.scale * share for share in shares)
