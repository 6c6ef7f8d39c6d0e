"""What a user asks of a generation, in the one checked form that records hold."""

import math
from dataclasses import dataclass
from typing import Self, TypedDict, Unpack

from wordbrush.edits.lora_window import LorasOption, LoraWindow, check_loras, parse_loras
from wordbrush.edits.window import EVERY_STEP, Window
from wordbrush.errors import SettingsError
from wordbrush.settled import settle

MAX_STEPS = 10_000
"""More than any noise schedule has. Models check their own limit, but only after work that grows with the steps."""


class GenerationOptions(TypedDict, total=False):
    """The options of a generation. The API, the command line and records share their names.

    An option that is left out, or None, has the model's default.

    - `seed`: the seed of the noise, from 0 to 2**63 - 1. Default: 0.
    - `num_inference_steps`: the number of denoising steps, from 1 to the number that the model's schedule has.
      Default: the model's.
    - `guidance_scale`: how strongly the prompt guides the picture (classifier-free guidance; report, section 2.1), 0
      or more; 1 is no guidance. Default: the model's.
    - `guidance_interval`: the part of the schedule that is guided, from 0 to 1: `(start, end)`, or its end alone.
      Outside of it the network runs without the negative prompt, which halves the cost of a step (Kynkäänniemi et al.
      2024, arXiv:2404.07724); edits too are guided only there. Default: (0, 1), everywhere.
    - `negative_prompt`: what the picture should not show. Default: empty.
    - `sampler`: the sampler by name, or "own" for the one in the model's folder. Default: None, the family's, which is
      "ddim" for Stable Diffusion: the published method and most inversions are defined on it.
    - `size`: (height, width) of the picture in pixels. Default: the model's.
    - `source_adapters`: the LoRAs that act in the picture, of those that are loaded: scales by name, or `LoraWindow`s,
      which also say in which part of the steps. Exactly the named ones act; empty for none. Default: None, all that
      are loaded, at their own scales.

    `GenerationSettings` and `check_generation` check the values and raise `SettingsError`.

    >>> options: GenerationOptions = {"seed": 7, "num_inference_steps": 20, "size": (512, 768)}
    >>> check_generation(options)
    """

    seed: int
    num_inference_steps: int | None
    guidance_scale: float | None
    guidance_interval: float | tuple[float, float] | None
    negative_prompt: str
    sampler: str | None
    size: tuple[int, int] | None
    source_adapters: LorasOption | None


@dataclass(frozen=True)
class GenerationDefaults:
    """A model's defaults for options that are left out. The values here are those of Stable Diffusion v1-4."""

    num_inference_steps: int = 50
    guidance_scale: float = 7.5


@dataclass(frozen=True)
class GenerationSettings:
    """A generation with every default filled in: build it with `Editor.generation_settings`.

    - `prompt`: what the picture shows.
    - `negative_prompt`, `seed`, `num_inference_steps`, `guidance_scale`, `sampler`: as in `GenerationOptions`.
    - `guidance_interval`: the bounds (start, end) of the guided part of the schedule.
    - `height`, `width`: the picture's size in pixels, 1 or more.
    - `source_adapters`: the LoRAs that act, and when; None for all at their own scales.

    Raises `SettingsError` for a value outside of its range.

    >>> GenerationSettings.of("a cat", GenerationDefaults(), (512, 512), seed=7).num_inference_steps
    50
    """

    prompt: str
    negative_prompt: str
    seed: int
    num_inference_steps: int
    guidance_scale: float
    height: int
    width: int
    sampler: str | None = None
    guidance_interval: tuple[float, float] = (EVERY_STEP.start, EVERY_STEP.end)
    source_adapters: tuple[LoraWindow, ...] | None = None

    def __post_init__(self) -> None:
        """Check what does not depend on the model."""
        settle(self)
        if self.num_inference_steps < 1:
            raise SettingsError(f"num_inference_steps is {self.num_inference_steps}; give 1 or more")
        if self.num_inference_steps > MAX_STEPS:
            raise SettingsError(
                f"num_inference_steps is {self.num_inference_steps}; give at most {MAX_STEPS}, such as 50"
            )
        if not (math.isfinite(self.guidance_scale) and self.guidance_scale >= 0):
            raise SettingsError(f"guidance_scale is {self.guidance_scale}; give a number of 0 or more, such as 7.5")
        Window.parse(self.guidance_interval, "guidance_interval")
        if not self.guided.steps(self.num_inference_steps):
            raise SettingsError(
                f"guidance_interval {self.guidance_interval} guides none of {self.num_inference_steps} steps; widen "
                "it, or give guidance_scale=1"
            )
        if not 0 <= self.seed < 2**63:
            raise SettingsError(f"seed is {self.seed}; give a whole number from 0 to 2**63 - 1")
        if self.height < 1 or self.width < 1:
            raise SettingsError(f"size is {self.height}x{self.width}; give a positive height and width in pixels")
        check_loras(self.source_adapters or (), "source_adapters")

    @property
    def guided(self) -> Window:
        """`guidance_interval` as a window."""
        return Window(*self.guidance_interval)

    @classmethod
    def of(
        cls,
        prompt: str,
        defaults: GenerationDefaults,
        native_size: tuple[int, int],
        **options: Unpack[GenerationOptions],
    ) -> Self:
        """Settings from options; a model's `defaults` and `native_size` (height, width) fill in what is left out.

        Raises `SettingsError` and names the bad value.
        """
        known = GenerationOptions.__annotations__
        for name in options:
            if name not in known:
                raise SettingsError(f"a generation has no option '{name}'; it has {', '.join(known)}")
        steps, scale = options.get("num_inference_steps"), options.get("guidance_scale")
        size, interval = options.get("size"), options.get("guidance_interval")
        guided = EVERY_STEP if interval is None else Window.parse(interval, "guidance_interval")
        if size is not None and not (isinstance(size, tuple | list) and len(size) == 2):
            raise SettingsError(f"size is {size!r:.40}; give (height, width) in pixels")
        height, width = size or native_size
        return cls(
            prompt=prompt,
            negative_prompt=options.get("negative_prompt") or "",
            seed=options.get("seed") or 0,
            num_inference_steps=defaults.num_inference_steps if steps is None else steps,
            guidance_scale=defaults.guidance_scale if scale is None else scale,
            height=height,
            width=width,
            sampler=options.get("sampler"),
            guidance_interval=(guided.start, guided.end),
            source_adapters=parse_loras(options.get("source_adapters"), "source_adapters"),
        )


def check_generation(options: GenerationOptions) -> None:
    """Check what does not depend on a model, before one is loaded. Raises `SettingsError` and names the bad value.

    >>> check_generation({"num_inference_steps": 20, "seed": 7})
    """
    GenerationSettings.of("", GenerationDefaults(), (1, 1), **options)
