"""One inversion from picture to report: encode, find the path, decode, compare."""

import time
from dataclasses import dataclass

from PIL.Image import Image

from wordbrush.attention.tape import SourceTape
from wordbrush.errors import OutputError, SettingsError, overflow_remedy
from wordbrush.inversion.method import Inversion
from wordbrush.inversion.methods import FLOW_METHODS, METHODS
from wordbrush.inversion.report import InversionReport, reconstruction_warnings
from wordbrush.inversion.settings import InversionSettings
from wordbrush.inversion.task import CountedCalls, InversionTask
from wordbrush.metrics.likeness import Likeness
from wordbrush.peak import highest_bytes
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.replay import Replay
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.solver import FLOW, Solver


@dataclass(frozen=True, eq=False)
class Inverted:
    """A photograph's inversion: what its edits start from, the picture that came back, and the report."""

    replay: Replay
    image: Image
    report: InversionReport


def invert(
    adapter: Adapter,
    image: Image,
    settings: GenerationSettings,
    inversion: InversionSettings,
    tape: SourceTape | None = None,
    on_step: OnStep | None = None,
) -> Inverted:
    """Invert an RGB picture of the settings' size; their prompt says what it shows, and `tape` records its attention.

    Raises `SettingsError` for an unsupported size, method or value, `PromptError` for a prompt over the token limit,
    and `OutputError` if the model's output is not a picture.
    """
    method = inversion.build()
    if method.needs_prompt and not settings.prompt.strip():
        raise SettingsError(
            f"method '{inversion.method}' needs the source prompt, which is empty; say what the picture shows, "
            "or use method='direct'"
        )
    for prompt in (settings.prompt, settings.negative_prompt):
        adapter.tokenize(prompt)  # raises before anything runs if the prompt does not fit
    solver = adapter.solver(settings.num_inference_steps, settings.height, settings.width)
    if settings.sampler not in (None, solver.name):
        raise SettingsError(
            f"sampler is '{settings.sampler}'; photographs are inverted with the family's default sampler"
        )
    _check_kind(inversion.method, solver)
    method.check(adapter.guidance, settings.guidance_scale, settings.negative_prompt, settings.guided)
    _check_sampler(inversion.method, method, solver)
    start = time.perf_counter()
    latents = adapter.encode_image(image)
    counted = CountedCalls(adapter)
    replay = method.invert(
        InversionTask(
            counted,
            solver,
            latents,
            adapter.encode(settings.prompt),
            adapter.encode_negative(settings.negative_prompt),
            settings.guidance_scale,
            settings.seed,
            tape,
            on_step,
            settings.guided,
        )
    )
    if not all(bool(step.isfinite().all()) for step in replay.latents):
        remedy = overflow_remedy(latents.dtype)
        raise OutputError(f"method '{inversion.method}' gave latents that are not finite numbers; {remedy}")
    seconds = time.perf_counter() - start
    source = adapter.decode(replay.latents[-1])
    alone = source if replay.latents[-1] is latents else adapter.decode(latents)
    back, limit = Likeness.of(image, source), Likeness.of(image, alone)
    report = InversionReport(
        method=inversion.method,
        num_steps=replay.num_steps,
        seconds=seconds,
        model_calls=counted.calls,
        model_rows=counted.rows,
        peak_memory_bytes=highest_bytes(adapter.device),
        reconstruction=back,
        autoencoder=limit,
        warnings=reconstruction_warnings(inversion.method, back, limit),
    )
    return Inverted(replay, source, report)


def _check_kind(name: str, solver: Solver) -> None:
    flow = solver.name == FLOW
    defined = FLOW_METHODS if flow else METHODS
    if name not in defined:
        model = "is sampled along a flow" if flow else "is a diffusion model"
        raise SettingsError(
            f"method '{name}' is not defined for this model, which {model}; use {' or '.join(map(repr, defined))}"
        )


def _check_sampler(name: str, method: Inversion, solver: Solver) -> None:
    if method.retraces and solver.draws:
        raise SettingsError(
            f"method '{name}' follows the sampler back step by step, and this model's sampler '{solver.name}' draws "
            "noise at each step; use 'edit-friendly' or 'virtual'"
        )
