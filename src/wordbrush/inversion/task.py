"""What every inversion method is given, and the source's predictions that it can ask for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from wordbrush.attention.batch import SOURCE, BatchLayout
from wordbrush.attention.control import StepControl
from wordbrush.attention.region import RegionForm
from wordbrush.attention.tape import SourceTape
from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.sampling.adapter import Control, Prediction, Predictor, Reuse
from wordbrush.sampling.calls import ControlOf, predict_rows
from wordbrush.sampling.conditioning import Conditioning
from wordbrush.sampling.guidance import Guidance
from wordbrush.sampling.loop import OnStep, Run, denoise
from wordbrush.sampling.place import Place
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.solver import Solver
from wordbrush.sampling.text import Text


class CountedCalls:
    """A network that counts its calls and the rows of their batches."""

    def __init__(self, model: Predictor) -> None:
        """Start counting at zero."""
        self._model = model
        self.calls = 0
        self.rows = 0

    @property
    def guidance(self) -> Guidance:
        """The network's own."""
        return self._model.guidance

    @property
    def region_form(self) -> RegionForm | None:
        """The network's own."""
        return self._model.region_form

    def predict(
        self,
        latents: Tensor,
        timestep: Tensor,
        text: Text,
        control: Control | None,
        guidance_scale: float = 1.0,
        reuse: Reuse | None = None,
        place: Place | None = None,
    ) -> Prediction:
        """The network's own."""
        self._count(latents)
        return self._model.predict(latents, timestep, text, control, guidance_scale, reuse, place)

    def predict_with_gradient(
        self, latents: Tensor, timestep: Tensor, text: Text, place: Place | None = None
    ) -> Tensor:
        """The network's own."""
        self._count(latents)
        return self._model.predict_with_gradient(latents, timestep, text, place)

    def _count(self, latents: Tensor) -> None:
        self.calls += 1
        self.rows += len(latents)


@dataclass(frozen=True, eq=False)
class InversionTask:
    """A picture's latents (1, C, h, w), the text that says what it shows, and the negative text of its edits.

    `guidance_scale` is the edits' scale, and `guidance_interval` the part of the schedule in which edits and source
    are guided; `tape` records the source's attention, and None records nothing.
    """

    model: Predictor
    solver: Solver
    latents: Tensor
    text: Text
    negative: Text
    guidance_scale: float
    seed: int
    tape: SourceTape | None = None
    on_step: OnStep | None = None
    guidance_interval: Window = EVERY_STEP

    @property
    def timesteps(self) -> Tensor:
        """The schedule's timesteps, noisiest first."""
        return self.solver.timesteps

    def ticker(self, total: int) -> Callable[[], None]:
        """A function that reports one more of `total` steps to `on_step` with each call."""
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1
            if self.on_step is not None:
                self.on_step(done, total)

        return tick

    def along(self, solver: Solver) -> "InversionTask":
        """The same on another schedule."""
        return replace(self, solver=solver)

    def place(self, timestep: Tensor) -> Place:
        """Where in the schedule a timestep is."""
        return Place.of(timestep, self.timesteps)

    def predict(self, latents: Tensor, timestep: Tensor, guidance_scale: float = 1.0) -> Tensor:
        """The source's prediction (1, C, h, w) for latents (1, C, h, w), from its text alone or guided."""
        return self._predict(latents, timestep, guidance_scale, None)

    def _guides(self, timestep: Tensor, guidance_scale: float) -> bool:
        """Whether a timestep's prediction has a row with the negative text."""
        steps = self.model.guidance.guided_steps(guidance_scale, self.guidance_interval, len(self.timesteps))
        return bool(steps) and int((self.timesteps == timestep).nonzero()[-1]) in steps

    def predict_on_path(self, step: int, latents: Tensor, timestep: Tensor, guidance_scale: float) -> Tensor:
        """Like `predict`, but recorded on the tape: `latents` are the source's at this step of its replay."""
        recording = self.tape if self.tape is not None and self.tape.start_step() else None
        if recording is None:
            return self._predict(latents, timestep, guidance_scale, None)
        recorded = partial(StepControl, step, edit=None, record_to=recording)
        return self._predict(latents, timestep, guidance_scale, recorded)

    def _predict(
        self, latents: Tensor, timestep: Tensor, guidance_scale: float, control_of: ControlOf | None
    ) -> Tensor:
        guidance = self.model.guidance
        guided = self._guides(timestep, guidance_scale)
        layout = BatchLayout.of([SOURCE], guided=guided)
        texts = [self.text if row.conditional else self.negative for row in layout.rows]
        rows = torch.cat([latents] * len(texts))
        place = self.place(timestep)
        made = predict_rows(self.model, layout, rows, timestep, texts, guidance_scale, control_of, place=place)[0]
        if not guided:
            return made
        negative, positive = made.chunk(2)
        return guidance.combine(negative, positive, guidance_scale)

    def sample(self, noise: Tensor, guidance_scale: float, tick: Callable[[], None]) -> Replay:
        """What plain sampling makes of noise (1, C, h, w) with the source's text, recorded on the tape."""
        text = Conditioning((self.text,), self.negative)
        run = Run(text, (SOURCE,), guidance_scale, record_to=self.tape, guidance_interval=self.guidance_interval)
        latents = [noise]
        for step in denoise(self.model, self.solver, noise, run):
            latents.append(step.latents)
            tick()
        return Replay(self.text, tuple(latents), self.tape)

    def draw_noise(self, count: int) -> Tensor:
        """Gaussian noise (count, C, h, w) from the seed, drawn on the CPU so that it is the same on every device."""
        generator = torch.Generator("cpu").manual_seed(self.seed)
        shape = (count, *self.latents.shape[1:])
        return torch.randn(shape, generator=generator, dtype=self.latents.dtype).to(self.latents.device)
