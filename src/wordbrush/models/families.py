"""The model families that can be edited with. To add one: its adapter's file, and its entry here.

Knows no diffusers: an adapter's module is imported when a pipeline of its family is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any

from wordbrush.errors import ModelError
from wordbrush.models.own_settings import Defaults
from wordbrush.sampling.adapter import Adapter

_DIFFUSERS, _TRANSFORMERS = "diffusion_pytorch_model", "model"
"""What the two libraries call the file of a component's weights."""


@dataclass(frozen=True)
class Part:
    """A component of a pipeline: the class that loads it ("module:Class"), and the name of its weights' file."""

    kind: str
    weights: str | None = None


@dataclass(frozen=True)
class Family:
    """What loading and editing must know of the pipelines of one class.

    `adapter` is a class ("module:Class") with `of(pipeline)`. `parts` are the components that it needs, each a folder
    of a model; a scheduler is loaded by the class that the folder names. `without` is what the pipeline's class is
    given for the components that an edit does not use.
    """

    adapter: str
    parts: Mapping[str, Part]
    without: Mapping[str, object]
    defaults: Defaults = field(default_factory=Defaults)

    def adapt(self, pipeline: Any) -> Adapter:
        """The adapter of a loaded pipeline, which stays as it is."""
        adapter: Adapter = resolve_name(self.adapter).of(pipeline)
        return adapter


FAMILIES: Mapping[str, Family] = {
    "StableDiffusionPipeline": Family(
        adapter="wordbrush.models.stable_diffusion:StableDiffusion",
        parts={
            "unet": Part("diffusers:UNet2DConditionModel", _DIFFUSERS),
            "vae": Part("diffusers:AutoencoderKL", _DIFFUSERS),
            "text_encoder": Part("transformers:CLIPTextModel", _TRANSFORMERS),
            "tokenizer": Part("transformers:CLIPTokenizer"),
            "scheduler": Part("diffusers:DDIMScheduler"),
        },
        without={"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    ),
}
"""Every family by the class of its pipeline, as `model_index.json` names it."""


def family_of(pipeline_class: str, where: str) -> Family:
    """The family of a pipeline's class; `where` is what an error calls the pipeline. Raises `ModelError`."""
    if pipeline_class not in FAMILIES:
        raise ModelError(f"{where} is a {pipeline_class}; wordbrush edits with {', '.join(FAMILIES)}")
    return FAMILIES[pipeline_class]
