"""What a search costs, counted where it arises: rows of model calls, in plain pictures."""

from typing import Any, cast

from torch import Tensor

from wordbrush.runs.run import solver_of
from wordbrush.sampling.adapter import Adapter, Control, Prediction, Reuse
from wordbrush.sampling.place import Place
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.text import Text


class RowCount:
    """An adapter that counts the rows of its model calls; all else is the adapter's own."""

    def __init__(self, adapter: Adapter) -> None:
        """Count from 0."""
        self._adapter = adapter
        self.rows = 0

    def __getattr__(self, name: str) -> Any:
        """All else."""
        return getattr(self._adapter, name)

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
        """The adapter's prediction, counted."""
        self.rows += len(latents)
        return self._adapter.predict(latents, timestep, text, control, guidance_scale, reuse, place)

    def adapter(self) -> Adapter:
        """Itself, as what it stands for."""
        return cast(Adapter, self)


def plain_rows(adapter: Adapter, settings: GenerationSettings, kept: Replay) -> int:
    """The rows of a plain picture with a source's steps and guidance."""
    count = len(solver_of(adapter, settings).timesteps)
    guided = adapter.guidance.guided_steps(settings.guidance_scale, settings.guided, count)
    return kept.num_steps + sum(step >= count - kept.num_steps for step in guided)
