"""The model families that can be edited with. To add one: its adapter's file, and its entry here.

Knows no diffusers: an adapter's module is imported when a pipeline of its family is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.edits.settings import NULL_TEXT_MAX_PIXELS
from wordbrush.errors import ModelError, SettingsError
from wordbrush.models.guides import NO_GUIDES, Guides
from wordbrush.models.own_settings import Defaults
from wordbrush.models.word_encoder import WordEncoder
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.guidance import Unguided

_DIFFUSERS, _TRANSFORMERS = "diffusion_pytorch_model", "model"
"""What the two libraries call the file of a component's weights."""


@dataclass(frozen=True)
class Part:
    """A component of a pipeline: the class that loads it ("module:Class"), and the name of its weights' file.

    `unused` is what the names of tensors begin with that the file may have beside the component's own. A folder may
    lack an `optional` part; the pipeline then has None in its place.
    """

    kind: str
    weights: str | None = None
    unused: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Family:
    """What loading and editing must know of the pipelines of one class.

    `models` names its models for people. `adapter` is a class ("module:Class") with `of(pipeline)`. `parts` are the
    components that it needs, each a folder of a model; a scheduler is loaded by the class that the folder names.
    `without` is what the pipeline's class is given for the components that an edit does not use. `check`
    ("module:function") is given a pipeline and its name, and raises `ModelError` for parts that are not the family's
    or do not fit each other. `unguided` are the defaults of its models without guidance. `told` are settings of the
    pipeline's class that a folder's `model_index.json` may give. `word_encoders` are those that concepts (Textual
    Inversion) are learnt for. Of a `guided` family `of` also takes pictures that guide it (`Guides`).
    """

    models: str
    adapter: str
    parts: Mapping[str, Part]
    without: Mapping[str, object]
    check: str
    defaults: Defaults = field(default_factory=Defaults)
    unguided: Defaults | None = None
    told: tuple[str, ...] = ()
    word_encoders: tuple[WordEncoder, ...] = ()
    guided: bool = False

    def defaults_of(self, adapter: Adapter) -> Defaults:
        """What one of its models is used with."""
        unguided = isinstance(adapter.guidance, Unguided)
        return self.unguided if unguided and self.unguided is not None else self.defaults

    def parts_in(self, folder: Path) -> Mapping[str, Part]:
        """The parts that a folder has, or ought to have."""
        return {name: part for name, part in self.parts.items() if not part.optional or (folder / name).is_dir()}

    def adapt(
        self, pipeline: Any, where: str, choice: LayerChoice = OWN_CHOICE, guides: Guides = NO_GUIDES
    ) -> Adapter:
        """The adapter of a loaded pipeline, which stays as it is; `where` is what an error calls it, `choice` what
        was chosen of its layers, and `guides` the pictures that guide it.

        Raises `ModelError` for parts that are not the family's, or do not fit each other, and for a layer that is not
        there; `SettingsError` for pictures that nothing of it reads.
        """
        for name, part in self.parts.items():
            if not part.optional and getattr(pipeline, name, None) is None:
                raise ModelError(f"{where} has no {name} (is it a refiner, or loaded without?); give a whole pipeline")
        resolve_name(self.check)(pipeline, where)
        if guides is not NO_GUIDES and not self.guided:
            raise SettingsError(
                f"{where} is a {type(pipeline).__name__}, which pictures do not guide; wordbrush edits beside the "
                "ControlNets of Stable Diffusion, XL, 3 and FLUX.1, and the IP-Adapters of the first two"
            )
        kind = resolve_name(self.adapter)
        adapter: Adapter = kind.of(pipeline, choice, guides) if self.guided else kind.of(pipeline, choice)
        choice.check(adapter.attention_layers(adapter.size_multiple, adapter.size_multiple), where)
        return adapter


_CLIP = WordEncoder("tokenizer", "text_encoder", "clip_l")

_JOINT = Defaults(
    edit="own",
    cross_replace_steps=1.0,
    self_replace_steps=0.2,
    self_replace_max_pixels=1 << 16,
    inversion="flow-edit",
)
"""Text and picture on one axis: for the first part of the steps the source's image queries and keys in all blocks, the
text untouched (Shin et al. 2025, arXiv:2508.07519), and new words looked at more at all steps (decision 0033)."""

_PIXART = Family(
    models="PixArt-alpha",
    adapter="wordbrush.models.pixart:PixArt",
    parts={
        "transformer": Part("diffusers:PixArtTransformer2DModel", _DIFFUSERS),
        "vae": Part("diffusers:AutoencoderKL", _DIFFUSERS),
        "text_encoder": Part("transformers:T5EncoderModel", _TRANSFORMERS),
        "tokenizer": Part("transformers:T5TokenizerFast"),
        "scheduler": Part("diffusers:DPMSolverMultistepScheduler"),
    },
    without={},
    check="wordbrush.models.fit:check_pixart",
    # All layers have one resolution, so that no size keeps the finer ones free: a shorter window does (decision 0034).
    defaults=Defaults(guidance_scale=4.5, self_replace_steps=0.2, self_replace_max_pixels=1 << 16),
)

_FLUX_2 = {
    "transformer": Part("diffusers:Flux2Transformer2DModel", _DIFFUSERS),
    "vae": Part("diffusers:AutoencoderKLFlux2", _DIFFUSERS),
    "scheduler": Part("diffusers:FlowMatchEulerDiscreteScheduler"),
}

_STABLE_DIFFUSION = Family(
    models="Stable Diffusion 1.x, 2.x (epsilon and v), SD-Turbo, LCM",
    adapter="wordbrush.models.stable_diffusion:StableDiffusion",
    parts={
        "unet": Part("diffusers:UNet2DConditionModel", _DIFFUSERS),
        "vae": Part("diffusers:AutoencoderKL", _DIFFUSERS),
        "text_encoder": Part(
            "transformers:CLIPTextModel",
            _TRANSFORMERS,
            ("vision_model.", "visual_projection.", "text_projection.", "logit_scale"),
        ),
        "tokenizer": Part("transformers:CLIPTokenizer"),
        "scheduler": Part("diffusers:DDIMScheduler"),
    },
    without={"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    check="wordbrush.models.fit:check_stable_diffusion",
    word_encoders=(_CLIP,),
    guided=True,
)
_STABLE_DIFFUSION_XL = Family(
    models="Stable Diffusion XL base, Turbo, Lightning, LCM",
    adapter="wordbrush.models.stable_diffusion_xl:StableDiffusionXL",
    parts={
        "unet": Part("diffusers:UNet2DConditionModel", _DIFFUSERS),
        "vae": Part("diffusers:AutoencoderKL", _DIFFUSERS),
        "text_encoder": Part("transformers:CLIPTextModel", _TRANSFORMERS),
        "text_encoder_2": Part("transformers:CLIPTextModelWithProjection", _TRANSFORMERS),
        "tokenizer": Part("transformers:CLIPTokenizer"),
        "tokenizer_2": Part("transformers:CLIPTokenizer"),
        "scheduler": Part("diffusers:EulerDiscreteScheduler"),
    },
    without={},
    check="wordbrush.models.fit:check_stable_diffusion_xl",
    # Its smallest self-attention has 32 x 32 positions.
    defaults=Defaults(guidance_scale=5.0, self_replace_max_pixels=NULL_TEXT_MAX_PIXELS),
    word_encoders=(_CLIP, WordEncoder("tokenizer_2", "text_encoder_2", "clip_g")),
    guided=True,
)


_STABLE_DIFFUSION_3 = Family(
    models="Stable Diffusion 3 medium, 3.5 medium and large",
    adapter="wordbrush.models.stable_diffusion_3:StableDiffusion3",
    parts={
        "transformer": Part("diffusers:SD3Transformer2DModel", _DIFFUSERS),
        "vae": Part("diffusers:AutoencoderKL", _DIFFUSERS),
        "text_encoder": Part("transformers:CLIPTextModelWithProjection", _TRANSFORMERS),
        "text_encoder_2": Part("transformers:CLIPTextModelWithProjection", _TRANSFORMERS),
        "text_encoder_3": Part("transformers:T5EncoderModel", _TRANSFORMERS, optional=True),
        "tokenizer": Part("transformers:CLIPTokenizer"),
        "tokenizer_2": Part("transformers:CLIPTokenizer"),
        "tokenizer_3": Part("transformers:T5TokenizerFast", optional=True),
        "scheduler": Part("diffusers:FlowMatchEulerDiscreteScheduler"),
    },
    without={},
    check="wordbrush.models.fit:check_stable_diffusion_3",
    defaults=replace(_JOINT, num_inference_steps=28, guidance_scale=7.0, new_word_factor=2.0),
)
_FLUX = Family(
    models="FLUX.1 dev and schnell",
    adapter="wordbrush.models.flux:Flux",
    parts={
        "transformer": Part("diffusers:FluxTransformer2DModel", _DIFFUSERS),
        "vae": Part("diffusers:AutoencoderKL", _DIFFUSERS),
        "text_encoder": Part("transformers:CLIPTextModel", _TRANSFORMERS),
        "text_encoder_2": Part("transformers:T5EncoderModel", _TRANSFORMERS),
        "tokenizer": Part("transformers:CLIPTokenizer"),
        "tokenizer_2": Part("transformers:T5TokenizerFast"),
        "scheduler": Part("diffusers:FlowMatchEulerDiscreteScheduler"),
    },
    without={},
    check="wordbrush.models.fit:check_flux",
    defaults=replace(_JOINT, num_inference_steps=28, guidance_scale=3.5, new_word_factor=5.0),
    # One step of four is the shortest window there is.
    unguided=replace(_JOINT, num_inference_steps=4, guidance_scale=0.0, self_replace_steps=0.25, new_word_factor=5.0),
)


def _with_a_control_net(models: str, family: Family, kind: str = "diffusers:ControlNetModel") -> Family:
    return replace(
        family,
        models=f"{models} with a ControlNet",
        parts={**family.parts, "controlnet": Part(kind, _DIFFUSERS)},
        guided=True,
    )


FAMILIES: Mapping[str, Family] = {
    "StableDiffusionPipeline": _STABLE_DIFFUSION,
    "StableDiffusionXLPipeline": _STABLE_DIFFUSION_XL,
    "StableDiffusionControlNetPipeline": _with_a_control_net("Stable Diffusion 1.x, 2.x", _STABLE_DIFFUSION),
    "StableDiffusionXLControlNetPipeline": _with_a_control_net("Stable Diffusion XL", _STABLE_DIFFUSION_XL),
    "PixArtAlphaPipeline": _PIXART,
    "PixArtSigmaPipeline": replace(_PIXART, models="PixArt-sigma"),
    "HunyuanDiTPipeline": Family(
        models="HunyuanDiT 1.x",
        adapter="wordbrush.models.hunyuan_dit:HunyuanDiT",
        parts={
            "transformer": Part("diffusers:HunyuanDiT2DModel", _DIFFUSERS),
            "vae": Part("diffusers:AutoencoderKL", _DIFFUSERS),
            "text_encoder": Part("transformers:BertModel", _TRANSFORMERS),
            "text_encoder_2": Part("transformers:T5EncoderModel", _TRANSFORMERS),
            "tokenizer": Part("transformers:BertTokenizer"),
            "tokenizer_2": Part("transformers:T5TokenizerFast"),
            "scheduler": Part("diffusers:DDPMScheduler"),
        },
        without={"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
        check="wordbrush.models.fit:check_hunyuan_dit",
        # One resolution, as PixArt.
        defaults=Defaults(guidance_scale=5.0, self_replace_steps=0.2, self_replace_max_pixels=1 << 16),
    ),
    "SanaPipeline": Family(
        models="Sana",
        adapter="wordbrush.models.sana:Sana",
        parts={
            "transformer": Part("diffusers:SanaTransformer2DModel", _DIFFUSERS),
            "vae": Part("diffusers:AutoencoderDC", _DIFFUSERS),
            "text_encoder": Part("transformers:Gemma2Model", _TRANSFORMERS),
            "tokenizer": Part("transformers:GemmaTokenizer"),
            "scheduler": Part("diffusers:DPMSolverMultistepScheduler"),
        },
        without={},
        check="wordbrush.models.fit:check_sana",
        # No map of self-attention is formed that could hold the layout (decision 0047).
        defaults=Defaults(num_inference_steps=20, guidance_scale=4.5, self_replace_steps=0.0, inversion="flow-edit"),
    ),
    "StableDiffusion3Pipeline": _STABLE_DIFFUSION_3,
    "StableDiffusion3ControlNetPipeline": _with_a_control_net(
        "Stable Diffusion 3 and 3.5", _STABLE_DIFFUSION_3, "diffusers:SD3ControlNetModel"
    ),
    "FluxPipeline": _FLUX,
    "FluxControlNetPipeline": _with_a_control_net("FLUX.1", _FLUX, "diffusers:FluxControlNetModel"),
    "QwenImagePipeline": Family(
        models="Qwen-Image",
        adapter="wordbrush.models.qwen_image:QwenImage",
        parts={
            "transformer": Part("diffusers:QwenImageTransformer2DModel", _DIFFUSERS),
            "vae": Part("diffusers:AutoencoderKLQwenImage", _DIFFUSERS),
            "text_encoder": Part("transformers:Qwen2_5_VLForConditionalGeneration", _TRANSFORMERS),
            "tokenizer": Part("transformers:Qwen2Tokenizer"),
            "scheduler": Part("diffusers:FlowMatchEulerDiscreteScheduler"),
        },
        without={},
        check="wordbrush.models.fit:check_qwen_image",
        # The pipeline's steps and scale; nothing was published of words in this model (decision 0036).
        defaults=replace(_JOINT, num_inference_steps=50, guidance_scale=4.0, new_word_factor=2.0),
    ),
    "ZImagePipeline": Family(
        models="Z-Image and Z-Image-Turbo",
        adapter="wordbrush.models.z_image:ZImage",
        parts={
            "transformer": Part("diffusers:ZImageTransformer2DModel", _DIFFUSERS),
            "vae": Part("diffusers:AutoencoderKL", _DIFFUSERS),
            "text_encoder": Part("transformers:Qwen3Model", _TRANSFORMERS, ("lm_head.",)),
            "tokenizer": Part("transformers:Qwen2Tokenizer"),
            "scheduler": Part("diffusers:FlowMatchEulerDiscreteScheduler"),
        },
        without={},
        check="wordbrush.models.fit:check_z_image",
        # The pipeline's steps and scale; Turbo is another model by its weights alone, and takes 8 steps and scale 0.
        defaults=replace(_JOINT, num_inference_steps=50, guidance_scale=5.0, new_word_factor=2.0),
    ),
    "Flux2Pipeline": Family(
        models="FLUX.2 dev",
        adapter="wordbrush.models.flux_2:Flux2",
        parts={
            **_FLUX_2,
            "text_encoder": Part("transformers:Mistral3ForConditionalGeneration", _TRANSFORMERS),
            # Of the processor what reads text: no picture is read, and the whole needs another package.
            "tokenizer": Part("transformers:AutoTokenizer"),
        },
        without={},
        check="wordbrush.models.fit:check_flux_2",
        defaults=replace(_JOINT, num_inference_steps=50, guidance_scale=4.0, new_word_factor=2.0),
    ),
    "Flux2KleinPipeline": Family(
        models="FLUX.2 klein, base and distilled",
        adapter="wordbrush.models.flux_2:Flux2",
        parts={
            **_FLUX_2,
            "text_encoder": Part("transformers:Qwen3ForCausalLM", _TRANSFORMERS),
            "tokenizer": Part("transformers:Qwen2Tokenizer"),
        },
        without={},
        check="wordbrush.models.fit:check_flux_2",
        defaults=replace(_JOINT, num_inference_steps=50, guidance_scale=4.0, new_word_factor=2.0),
        unguided=replace(
            _JOINT, num_inference_steps=4, guidance_scale=0.0, self_replace_steps=0.25, new_word_factor=2.0
        ),
        told=("is_distilled",),
    ),
}
"""Every family by the class of its pipeline, as `model_index.json` names it."""


def family_of(pipeline_class: str, where: str) -> Family:
    """The family of a pipeline's class; `where` is what an error calls the pipeline. Raises `ModelError`."""
    if pipeline_class not in FAMILIES:
        raise ModelError(f"{where} is a {pipeline_class}; wordbrush edits with {', '.join(FAMILIES)}")
    return FAMILIES[pipeline_class]
