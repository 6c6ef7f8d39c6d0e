"""A source at one step of its run, as a picture."""

from PIL.Image import Image

from wordbrush.errors import SettingsError
from wordbrush.runs.results import Source
from wordbrush.runs.run import solver_of
from wordbrush.sampling.adapter import Adapter


def noised_picture(adapter: Adapter, source: Source, step: int) -> Image:
    """The finished picture with a step's noise. Raises `SettingsError` for a step that the source has not."""
    solver = solver_of(adapter, source.settings, source.kept)
    timesteps = source.kept.timesteps(solver)
    _check(step, len(timesteps) - 1)
    return adapter.decode(solver.noised(source.latents, source.kept.latents[0], timesteps[step]))


def latents_picture(adapter: Adapter, source: Source, step: int) -> Image:
    """The latents before a step, or after the last. Raises `SettingsError` for a step that the source has not."""
    _check(step, source.kept.num_steps)
    return adapter.decode(source.kept.latents[step])


def _check(step: int, last: int) -> None:
    if not 0 <= step <= last:
        raise SettingsError(f"step is {step}; give a whole number from 0 to {last}")
