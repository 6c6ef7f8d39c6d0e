"""The editor: generate a picture, then edit it by editing its prompt. It says what there is, and hands on."""

import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from PIL.Image import Image

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.edits.lora_window import check_loaded
from wordbrush.edits.settings import EditOptions, EditSettings
from wordbrush.edits.strength import StrengthSearch
from wordbrush.errors import ModelError, PromptWarning, SettingsError, cited
from wordbrush.inversion.settings import InversionSettings, Setting
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.request import MapsRequest, Words
from wordbrush.models.adaptable import AdaptablePipeline
from wordbrush.models.adapter_file import fingerprint_with
from wordbrush.models.fingerprint import pipeline_fingerprint
from wordbrush.models.guides import NO_GUIDES, Guides, guides_of_record
from wordbrush.models.layer_file import read_layers
from wordbrush.models.load import ModelInfo, adopt_pipeline, load_pipeline
from wordbrush.models.processor import thread_count
from wordbrush.pictures.read import Picture, read_photo
from wordbrush.probe.cases import PROMPTS, probe_cases
from wordbrush.probe.measure import measure
from wordbrush.probe.report import ProbeReport
from wordbrush.runs.asked import edit_settings
from wordbrush.runs.cache import InversionCache
from wordbrush.runs.making import Making
from wordbrush.runs.pack import model_record
from wordbrush.runs.previews import Previews
from wordbrush.runs.record import RunRecord, check_photo, check_same_model
from wordbrush.runs.replayed import check_model, replayed
from wordbrush.runs.results import EditResult, EditResults, Source
from wordbrush.runs.step_pictures import latents_picture, noised_picture
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.settings import GenerationOptions, GenerationSettings
from wordbrush.sampling.text_memory import TextMemory
from wordbrush.scenes.vocabulary import SYNONYMS
from wordbrush.search.candidates import check_candidates, rank_candidates
from wordbrush.search.find import Found
from wordbrush.search.ranking import Ranking
from wordbrush.search.seeds import listed_seeds, rank_seeds
from wordbrush.search.strength import search_strength
from wordbrush.search.trials import side_by_side
from wordbrush.settled import whole
from wordbrush.tokens.unknown_words import unknown_words
from wordbrush.tokens.web_ui_syntax import web_ui_syntax

if TYPE_CHECKING:
    import torch


class RunOptions(GenerationOptions, EditOptions, total=False):
    """The options of a generation and of its edits together: those of `GenerationOptions` and of `EditOptions`.

    >>> options: RunOptions = {"seed": 7, "num_inference_steps": 20, "cross_replace_steps": 0.4}
    >>> split_options(options)
    ({'seed': 7, 'num_inference_steps': 20}, {'cross_replace_steps': 0.4})
    """


class Editor:
    """Generates and edits pictures with one model. A call leaves the model as it was.

    Load a model with `from_pretrained` or `from_pipeline`; `model` says what is loaded. Methods that take `on_step`
    call it after each denoising step with the number of steps done and the total. If it raises an exception, the run
    ends cleanly and the exception reaches the caller. The method is Prompt-to-Prompt (Hertz et al. 2022,
    arXiv:2208.01626).

    >>> editor = Editor.from_pretrained()
    >>> source = editor.generate("a dog eating an apple", seed=7, num_inference_steps=10)
    >>> result = editor.edit(source, "a cat eating an apple")
    >>> result.record.acted[0][0]
    "'dog' -> 'cat'"
    """

    def __init__(
        self,
        adapter: Adapter,
        model: ModelInfo,
        *,
        keep_bytes: int = 1 << 30,
        fingerprint: Callable[[], str] | None = None,
        pipeline: AdaptablePipeline | None = None,
    ) -> None:
        """Use an adapter that is already loaded; see `from_pretrained` and `from_pipeline`.

        `fingerprint` gives the model's fingerprint at any time, for a model whose weights others may change.
        `pipeline` is what LoRAs and concepts are loaded into; the adapter is made from it.
        """
        if keep_bytes < 0:
            raise SettingsError(f"keep_bytes is {keep_bytes}; give 0 or more")
        self._model = model
        self._fingerprint = fingerprint
        self._given_adapter = adapter
        self._pipeline = pipeline
        self._keep_bytes = whole(keep_bytes, "keep_bytes")

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | None = None,
        device: str | None = None,
        dtype: "str | torch.dtype | None" = None,
        *,
        variant: str | None = None,
        subfolder: str | None = None,
        torch_dtype: "str | torch.dtype | None" = None,
        keep_bytes: int = 1 << 30,
    ) -> "Editor":
        """Load a model.

        - `model`: a diffusers folder, a checkpoint in one safetensors file, or a hub id. Default: None, the bundled
          model.
        - `device`: "cpu", "cuda" or "mps". Default: None, the best one that this machine has.
        - `dtype`: "float32", "float16" or "bfloat16". Default: None, which is float16 on a GPU. On a CPU it is
          float32, or bfloat16 for a large model if the CPU has instructions for it. `model.dtype` says which was
          chosen.
        - `variant`: which set of weight files to load, such as "fp16". Default: None, the files without a variant.
        - `subfolder`: the folder inside `model` that holds the model. Default: None, `model` itself.
        - `torch_dtype`: another name for `dtype`, which earlier versions of diffusers use.
        - `keep_bytes`: the most memory, in bytes, for a generated source's attention, 0 or more. Steps that fit make
          later edits as cheap as a plain picture. 0 keeps none. Default: 1 GiB.

        Raises `ModelError` if the model cannot be loaded, and `SettingsError` for an unknown device or dtype.

        >>> Editor.from_pretrained().model.native_size
        (128, 128)
        """
        asked = torch_dtype if dtype is None else dtype
        named = None if asked is None else str(asked).removeprefix("torch.")
        loaded, info = load_pipeline(model, device, named, variant=variant, subfolder=subfolder)
        return cls(loaded.adapter, info, keep_bytes=keep_bytes, pipeline=loaded)

    @classmethod
    def from_pipeline(cls, pipeline: Any, *, keep_bytes: int = 1 << 30) -> "Editor":
        """Edit with a diffusers pipeline that is already loaded, with everything that its owner did to it: LoRA, added
        words, offloading, quantised parts. A call leaves the pipeline as it was, and the owner may go on using and
        changing it.

        - `pipeline`: a text-to-image pipeline of a known family, such as `StableDiffusionPipeline`. Its ControlNets
          and IP-Adapter read what `load_guides` gives them. Pictures are sampled with the family's default sampler;
          `sampler="own"` takes the pipeline's scheduler.
        - `keep_bytes`: as in `from_pretrained`. Default: 1 GiB.

        Raises `ModelError` for a pipeline of an unknown family.
        """
        loaded, info = adopt_pipeline(pipeline)
        fingerprint = partial(pipeline_fingerprint, pipeline)
        return cls(loaded.adapter, info, keep_bytes=keep_bytes, fingerprint=fingerprint, pipeline=loaded)

    @property
    def model(self) -> ModelInfo:
        """The model's name, fingerprint, device, dtype, defaults, sizes, adapters, layers and guides, as they are."""
        own = self._model.fingerprint if self._fingerprint is None else self._fingerprint()
        if self._pipeline is None:
            return replace(self._model, fingerprint=own)
        adapters, guides = self._pipeline.files, self._pipeline.guides.record
        return replace(
            self._model,
            fingerprint=fingerprint_with(own, adapters, guides),
            adapters=adapters,
            layers=self._pipeline.layers,
            guides=guides,
            compiled=self._pipeline.compiled,
        )

    @property
    def added_words(self) -> frozenset[str]:
        """The words that were added to the model (Textual Inversion), here or by the pipeline's owner."""
        return self._adapter.tokenize("").added

    def load_concept(self, path: str | Path, word: str | None = None) -> str:
        """Load a word with vectors of its own (Textual Inversion, Gal et al. 2022, arXiv:2208.01618), one or many.

        It is one word everywhere: of prompts, weights, windows, maps and blends. No run may be under way meanwhile;
        sources from before belong to the model without it.

        - `path`: a safetensors file as web UIs (`emb_params`; `clip_l` and `clip_g`) and diffusers write it.
        - `word`: how it is written in prompts, in any case. Default: None, as the file says, else the file's name in
          angle brackets: `<my-dog>` for `my-dog.safetensors`.

        Returns the word. Raises `ModelError` for a file that is not a concept of this family, `SettingsError` for a
        word that cannot be added.

        >>> import tempfile, torch
        >>> from safetensors.torch import save_file
        >>> path = f"{tempfile.mkdtemp()}/my-dog.safetensors"
        >>> save_file({"emb_params": torch.zeros(2, 128)}, path)
        >>> editor = Editor.from_pretrained()
        >>> editor.load_concept(path)
        '<my-dog>'
        >>> editor.preview(editor.generation_settings("a dog"), editor.edit_settings("a <my-dog>"))
        (("'dog' -> '<my-dog>'",),)
        >>> editor.unload_concept("<my-dog>")
        """
        return self._adaptable().load_concept(path, word)

    def unload_concept(self, word: str) -> None:
        """Take a concept's word out again: tokenizers and embeddings are as they were, bit for bit.

        - `word`: what `load_concept` returned, in any case.

        Raises `SettingsError` for a word that was not loaded here.
        """
        self._adaptable().unload_concept(word)

    def load_lora(self, path: str | Path, scale: float = 1.0, name: str | None = None) -> str:
        """Load a LoRA beside the model's weights (Hu et al. 2021, arXiv:2106.09685); several add up. Needs the extra
        `lora`. No run may be under way meanwhile; sources from before belong to the model without it.

        - `path`: a safetensors file with names of kohya's trainers, PEFT or diffusers; parts of the denoiser, the text
          encoders, or both.
        - `scale`: how strongly it acts; 0 is not at all. Default: 1, as it was trained.
        - `name`: what it is called, in letters and digits. Default: None, the file's name.

        Returns the name. Raises `ModelError` for a file that is not a LoRA of this family, `SettingsError` for a bad
        scale or name, `MissingPackageError` without PEFT.
        """
        return self._adaptable().load_lora(path, scale, name)

    def scale_lora(self, name: str, scale: float) -> None:
        """Change how strongly a LoRA acts, without loading it again.

        - `name`: what `load_lora` returned.
        - `scale`: any finite number; 1 is as it was trained, 0 is not at all.

        Raises `SettingsError` for an unknown name or a scale that is not a finite number.
        """
        self._adaptable().scale_lora(name, scale)

    def unload_lora(self, name: str) -> None:
        """Take a LoRA out again: the model is as it was, bit for bit.

        - `name`: what `load_lora` returned.

        Raises `SettingsError` for an unknown name.
        """
        self._adaptable().unload_lora(name)

    def load_ip_adapter(self, path: str | Path, image_encoder: str | Path | None = None) -> None:
        """Load an IP-Adapter beside the weights of a Stable Diffusion or Stable Diffusion XL model (Ye et al. 2023,
        arXiv:2308.06721): IP-Adapter, Plus, or Full Face. It reads the picture that `load_guides` gives it, and the
        model makes nothing without one. No run may be under way meanwhile; sources from before belong to the model
        without it.

        - `path`: a safetensors file as published (`image_proj.` and `ip_adapter.`), for a model of this family.
        - `image_encoder`: the folder of the CLIP image encoder that it was trained with, weights as safetensors.
          Default: None, the pipeline's own, else the folder `image_encoder` in the model's folder, else the one beside
          `path`. A picture is prepared for the encoder's size.

        Raises `ModelError` for a file that is no such IP-Adapter of this family, and where there is no image encoder,
        `SettingsError` where there is an IP-Adapter already.

        >>> Editor.from_pretrained().load_ip_adapter("none.safetensors")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        wordbrush.errors.ModelError: the IP-Adapter 'none.safetensors' cannot be read (No such file ...
        """
        self._adaptable().load_ip_adapter(path, image_encoder)

    def unload_ip_adapter(self) -> None:
        """Take the IP-Adapter out again, with its image encoder and its picture: the model is as it was, bit for bit.

        Raises `SettingsError` where none was loaded with `load_ip_adapter`.
        """
        self._adaptable().unload_ip_adapter()

    def load_layers(self, path: str | Path | None) -> LayerChoice:
        """Choose the attention layers that maps and blends read, and those of which `self_replace_steps` takes the
        layout. No run may be under way meanwhile.

        - `path`: a JSON file that `wordbrush probe` wrote, or one with `layers` alone; None for the family's own
          choice, where the model's folder makes none.

        Returns the choice. Raises `ModelError` for another file, or a layer that the model does not have.

        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "layers.json"
        >>> _ = path.write_text('{"layers": {"words": ["mid_block.attentions.0.transformer_blocks.0.attn2"]}}')
        >>> editor = Editor.from_pretrained()
        >>> editor.load_layers(path).words
        ('mid_block.attentions.0.transformer_blocks.0.attn2',)
        """
        choice = self._model.layers if path is None else read_layers(path)
        self._adaptable().choose_layers(choice)
        return choice

    def load_guides(
        self,
        *,
        control_image: Picture | Sequence[Picture] | None = None,
        controlnet_conditioning_scale: float | Sequence[float] = 1.0,
        control_guidance_start: float | Sequence[float] = 0.0,
        control_guidance_end: float | Sequence[float] = 1.0,
        ip_adapter_image: Picture | None = None,
        ip_adapter_scale: float | None = None,
    ) -> None:
        """Let pictures guide the model beside its prompts, in all that is made, inverted and edited from now on, in
        place of those before. Edits act on the words alone. No run may be under way meanwhile; sources from before
        belong to the model without these pictures.

        - `control_image`: what the ControlNet of a `StableDiffusionControlNetPipeline`, or of that of XL, 3 or FLUX.1,
          reads (Zhang et al. 2023, arXiv:2302.05543): anything that `invert` takes, or a list of as many as there are
          ControlNets. It is resized to each picture's size, as in the pipeline. Default: None.
        - `controlnet_conditioning_scale`: how strongly it acts, any finite number, one for all ControlNets or a list.
          Default: 1.
        - `control_guidance_start`, `control_guidance_end`: the part of the steps in which it acts, as fractions from 0
          to 1, one for all ControlNets or a list: in step i of n where start <= i / n and (i + 1) / n <= end, as in
          the pipeline. Default: 0 and 1, all of them.
        - `ip_adapter_image`: what an IP-Adapter reads (Ye et al. 2023, arXiv:2308.06721) that was loaded with
          `load_ip_adapter`, or by its owner into a pipeline of Stable Diffusion or Stable Diffusion XL. Default: None.
        - `ip_adapter_scale`: how strongly that acts, any finite number. Default: None, as its pipeline is set.

        Raises `PhotoError` for a picture that cannot be read, `SettingsError` for a bad number, or for a picture that
        nothing of the model reads.

        >>> from PIL import Image
        >>> Editor.from_pretrained().load_guides(control_image=Image.new("RGB", (9, 9)))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        wordbrush.errors.SettingsError: control_image is given, and the model has no ControlNet; load a ...
        """
        guides = Guides.of(
            control_image,
            controlnet_conditioning_scale,
            ip_adapter_image,
            ip_adapter_scale,
            control_guidance_start,
            control_guidance_end,
        )
        self._adaptable().guide(guides)

    def unload_guides(self) -> None:
        """Guide the model by its prompts alone again. A ControlNet needs a picture for all that is made.

        >>> Editor.from_pretrained().unload_guides()
        """
        self._adaptable().guide(NO_GUIDES)

    def load_recorded(
        self,
        record: RunRecord,
        files: Sequence[str | Path] = (),
        *,
        control_image: Picture | Sequence[Picture] | None = None,
        ip_adapter_image: Picture | None = None,
    ) -> None:
        """Load the LoRAs, concepts and the IP-Adapter that a record was made with, each with its recorded scale or
        word, and the pictures that guided it with their recorded scales, and choose its attention layers.

        - `record`: the record, from a result, or from a file with `read_record`.
        - `files`: where LoRAs, concepts, an IP-Adapter and the folder of its image encoder may be now. Default: none;
          then where the record says.
        - `control_image`, `ip_adapter_image`: as in `load_guides`, with the pixels that the record was made with.
          Default: None.

        Raises `RecordError` for one that is in neither place with the recorded content.
        """
        guides = guides_of_record(record.model.guides, control_image, ip_adapter_image)
        self._adaptable().load_recorded(record.model.adapters, files)
        self._adaptable().choose_layers(record.model.layers or OWN_CHOICE)
        self._adaptable().guide(guides)

    def compile(self, backend: str | None = None) -> None:
        """Make the denoiser faster, in place: lay out a U-Net's convolutions with channels last, and compile the parts
        that hold no attention layer with `torch.compile`.

        Those are residual blocks, feed-forwards and modulated norms. Attention stays as it is, so that every edit acts
        in every layer as before. A part is compiled when it first runs, once for each number of rows and each size:
        the first picture and the first edit take longer, and no step compiles again. A second call does nothing. Where
        gradients are taken, and in parts that have a LoRA, they run as they were written. No run may be under way
        meanwhile.

        Pictures differ from those of the plain model by rounding. A record says that its model was compiled.

        - `backend`: a backend of `torch.compile`, such as "inductor", which needs a C++ compiler on a CPU and Triton
          on a GPU. Default: None, which is "inductor" on a GPU. On a CPU nothing is compiled then, because it was
          not seen to pay there: docs/fast.md has the numbers.

        Raises `MissingPackageError` where the backend cannot compile on this machine, and `ModelError` for a network
        whose parts run by another's code, such as one that is offloaded.

        >>> editor = Editor.from_pretrained()
        >>> editor.compile()
        >>> editor.model.compiled
        True
        """
        self._adaptable().compile(backend)

    def generate(
        self,
        prompt: str | GenerationSettings,
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[GenerationOptions],
    ) -> Source:
        """Generate a picture, and keep what edits of it need.

        - `prompt`: what the picture shows, or complete settings (`generation_settings`), which take no further
          options.
        - `capture`: attention maps to collect in the same run, for the result's `maps`. They do not change the
          picture. Default: None.
        - `on_step`: called after each step; see `Editor`. Default: None.
        - `options`: `seed`, `num_inference_steps`, `guidance_scale`, `guidance_interval`, `negative_prompt`,
          `sampler`, `size`, `source_adapters`. `GenerationOptions` says what each means, with its range and default.

        Raises `PromptError` for a prompt over the token limit, `SettingsError` for a bad value, and `OutputError` if
        the model's output is not a picture.

        >>> editor = Editor.from_pretrained()
        >>> editor.generate("a dog eating an apple", seed=7, num_inference_steps=2)
        <Source 'a dog eating an apple', seed 7, 128 x 128>
        """
        settings = self._generation(prompt, options)
        return self._making.generated(settings, self._keep_bytes, capture, on_step)

    def invert(
        self,
        image: Picture,
        prompt: str,
        *,
        method: str | InversionSettings | None = None,
        seed: int = 0,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        guidance_interval: float | tuple[float, float] | None = None,
        negative_prompt: str = "",
        size: tuple[int, int] | None = None,
        cache: InversionCache | None = None,
        on_step: OnStep | None = None,
        **settings: Setting,
    ) -> Source:
        """Make a source from a photograph, which can then be edited like a generated one.

        - `image`: a PNG, JPEG or WebP file, its bytes, a Pillow picture, or a `Photo`, of any size. It is scaled to
          the model's canvas and padded with its mirror image. Edits come back at the photograph's own size.
        - `prompt`: what the photograph shows.
        - `method`: the inversion method: a name in `inversion.methods.METHODS`, such as "null-text", or for models
          that are sampled along a flow in `FLOW_METHODS`; or an `InversionSettings`, which takes no further
          `settings`. Default: the model's, "edit-friendly" for diffusion models and "flow-edit" for flows.
        - `seed`: the seed of the method's own noise, from 0 to 2**63 - 1. Default: 0.
        - `num_inference_steps`: the number of steps, 1 or more. Default: the model's.
        - `guidance_scale`, `guidance_interval`, `negative_prompt`: for its edits, as in `GenerationOptions`. Defaults:
          the model's, everywhere, and empty.
        - `size`: (height, width) of the canvas in pixels. Default: about the model's own size, in the photograph's
          shape.
        - `cache`: keeps the inversion on disk, or finds it there. Default: None.
        - `on_step`: called after each step; see `Editor`. Default: None.
        - `settings`: the method's own settings, such as `skip=0.36`. The method's class says what each means.

        The result's `report` says how well the photograph came back, and at what cost. Its `notes` say what was
        converted or found in the cache.

        Raises `PhotoError` for a picture that cannot be read, `SettingsError` for an unsupported size, method or
        value, `PromptError` for a prompt over the token limit, and `OutputError` if the model's output is not a
        picture.

        >>> editor = Editor.from_pretrained()
        >>> photo = editor.generate("a dog eating an apple", num_inference_steps=5).image
        >>> source = editor.invert(photo, "a dog eating an apple", num_inference_steps=5)
        >>> source.report.model_calls
        5
        >>> editor.edit(source, "a cat eating an apple").record.edit.kinds
        ('swap',)
        """
        inversion = InversionSettings.of(method or self._model.defaults.inversion, settings)
        photo = read_photo(image)
        fit = self._making.fit(photo, size)
        generation = self.generation_settings(
            prompt,
            seed=seed,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            guidance_interval=guidance_interval,
            negative_prompt=negative_prompt,
            size=fit.canvas_size,
        )
        return self._making.inverted(photo, fit, generation, inversion, self._keep_bytes, cache, on_step)

    @overload
    def edit(
        self,
        source: Source | EditResult,
        target: str,
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[EditOptions],
    ) -> EditResult: ...

    @overload
    def edit(
        self,
        source: Source | EditResult,
        target: list[str] | tuple[str, ...],
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[EditOptions],
    ) -> EditResults: ...

    def edit(
        self,
        source: Source | EditResult,
        target: str | Sequence[str],
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[EditOptions],
    ) -> EditResult | EditResults:
        """Edit a source with another prompt; the source itself is not run again (Prompt-to-Prompt, algorithm 1).

        - `source`: a picture of this editor, generated or inverted; or the result of an edit, to be edited further
          (`as_source`).
        - `target`: the edited prompt, which gives one result, or a list of prompts, which run as one batch and give a
          list.
        - `capture`: attention maps of the targets to collect; each result has those of the words in its prompt.
          Default: None.
        - `on_step`: called after each step; see `Editor`. Default: None.
        - `options`: how to edit, such as `recipe`, `cross_replace_steps`, `equalizer`, `local_blend` or `mask`.
          `EditOptions` lists all, with their ranges and defaults.

        Raises `PromptError` for words that are in no prompt or prompts that ask for nothing, `SettingsError` for a bad
        value or mask, `ControlError` if the edit could not act, and `OutputError` if the model's output is not a
        picture.

        >>> editor = Editor.from_pretrained()
        >>> source = editor.generate("a dog eating an apple", num_inference_steps=2)
        >>> result = editor.edit(source, "a cat eating an apple", cross_replace_steps=0.5)
        >>> result.record.acted[0][0]
        "'dog' -> 'cat'"
        """
        source = self.as_source(source) if isinstance(source, EditResult) else source
        if StrengthSearch.asked(options.get("strength")) is None:
            settings = self.edit_settings(target, source, **options)
        else:
            targets = [target] if isinstance(target, str) else target
            found = [self.find_strength(source, each, on_step=on_step, **options) for each in targets]
            settings = side_by_side([one.best.edit for one in found])
        results = self.apply(source, settings, capture=capture, on_step=on_step)
        return results[0] if isinstance(target, str) else results

    def as_source(self, result: EditResult, *, on_step: OnStep | None = None) -> Source:
        """Make a source of an edit's result, to edit it several times; `edit` does so itself to edit it once.

        - `result`: a result of this editor, from a generated source or from a photograph.
        - `on_step`: called after each step; see `Editor`. Default: None.

        Nothing is inverted, because the result's path from noise is known. It costs one plain picture, in which the
        result's own attention is recorded, and what plain steps miss of that path. This is added to the further edits,
        so that they keep what the earlier ones held (decision 0039). Their records hold the whole chain.

        Raises `SettingsError` for a result of another model.

        >>> editor = Editor.from_pretrained()
        >>> source = editor.generate("a dog eating an apple", num_inference_steps=4)
        >>> cat = editor.edit(source, "a cat eating an apple")
        >>> further = editor.edit(cat, "a cat eating an orange")
        >>> further.source.prompt, len(further.record.chain)
        ('a cat eating an apple', 1)
        """
        self._check_own(result.source)
        return self._making.result_as_source(result, self._keep_bytes, on_step)

    def find_strength(
        self, source: Source, target: str, *, on_step: OnStep | None = None, **options: Unpack[EditOptions]
    ) -> Found:
        """Search for the strength at which an edit of a source succeeds and holds: what `strength="auto"` does.

        - `source`: a picture of this editor, generated or inverted, or what `as_source` gave.
        - `target`: the edited prompt.
        - `on_step`: called after each step; see `Editor`. One that is also `Choosing` (`search/trials.py`) hears what
          is tried. Default: None.
        - `options`: those of `edit`. A `strength` that is a `StrengthSearch` says how to search; a number is ignored.

        Returns all candidates with their scores, best first, and what they cost in plain pictures. Give `best.edit` to
        `apply` to make the best one. Raises what `edit` raises.

        >>> editor = Editor.from_pretrained()
        >>> source = editor.generate("a dog eating an apple", num_inference_steps=4)
        >>> found = editor.find_strength(source, "a cat eating an apple")
        >>> found.cost < 8, found.best.score.total >= found.tried[-1].score.total
        (True, True)
        """
        self._check_own(source)
        _warn_of_syntax(target)
        return search_strength(self._adapter, self._model, source, target, options, on_step)

    def candidates(
        self,
        source: Source | EditResult,
        target: str,
        count: int = 8,
        *,
        clip: str | Path | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[EditOptions],
    ) -> Ranking:
        """Make several edits of a source into one target, from weak to strong, and rank them by their scores.

        - `source`: a picture of this editor, generated or inverted, or the result of an edit.
        - `target`: the edited prompt.
        - `count`: the number of candidates, 2 to 64. Default: 8.
        - `clip`: a local folder of a CLIP model whose opinion is part of the score. Default: None.
        - `on_step`: called after each step; see `Editor`. Default: None.
        - `options`: those of `edit`, without `strength`.

        Candidates run in batches of four. The record of each makes its batch again, bit for bit. The result is a list,
        best first, with `sheet()`, `to_json()` and `save(folder)`.

        Raises what `edit` raises, and `ModelError` if the CLIP model cannot be loaded.

        >>> editor = Editor.from_pretrained()
        >>> source = editor.generate("a dog eating an apple", num_inference_steps=4)
        >>> ranked = editor.candidates(source, "a cat eating an apple", 2)
        >>> ranked[0].score.total >= ranked[1].score.total
        True
        """
        check_candidates(count, options)
        source = self.as_source(source) if isinstance(source, EditResult) else source
        self._check_own(source)
        _warn_of_syntax(target)
        return rank_candidates(self._adapter, self._model, source, target, count, options, clip, on_step)

    def explore(
        self,
        prompt: str,
        target: str,
        seeds: int | Sequence[int] = 16,
        *,
        clip: str | Path | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[RunOptions],
    ) -> Ranking:
        """Make one edit from several seeds, and rank the results by their scores.

        - `prompt`: what the sources show.
        - `target`: the edited prompt.
        - `seeds`: how many seeds, counted from 0, or a list of them. Default: 16.
        - `clip`: a local folder of a CLIP model whose opinion is part of the score. Default: None.
        - `on_step`: called after each step; see `Editor`. Default: None.
        - `options`: those of `generate_and_edit`, without `seed`.

        The sources and edits of four seeds run in one batch. The record of each makes its batch again, bit for bit.
        The result is a list, best first, with `sheet()`, `to_json()` and `save(folder)`.

        Raises what `generate_and_edit` raises, and `ModelError` if the CLIP model cannot be loaded.

        >>> editor = Editor.from_pretrained()
        >>> ranked = editor.explore("a dog", "a cat", seeds=2, num_inference_steps=4)
        >>> sorted(one.result.source.settings.seed for one in ranked)
        [0, 1]
        """
        numbers = listed_seeds(seeds)
        if "seed" in options:
            raise SettingsError("seed is what is explored; give seeds")
        generation_options, edit_options = split_options(options)
        generation = self.generation_settings(prompt, **generation_options)
        settings = self.edit_settings(target, generation, **edit_options)
        return rank_seeds(self._making, generation, settings, numbers, clip, on_step)

    @overload
    def generate_and_edit(
        self,
        prompt: str,
        target: str,
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[RunOptions],
    ) -> EditResult: ...

    @overload
    def generate_and_edit(
        self,
        prompt: str,
        target: list[str] | tuple[str, ...],
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[RunOptions],
    ) -> EditResults: ...

    @overload
    def generate_and_edit(
        self,
        prompt: GenerationSettings,
        target: EditSettings,
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
    ) -> EditResults: ...

    def generate_and_edit(
        self,
        prompt: str | GenerationSettings,
        target: str | Sequence[str] | EditSettings,
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[RunOptions],
    ) -> EditResult | EditResults:
        """Generate a source and its edits in one batch, at the cost of a plain batch of as many pictures.

        Takes what `generate` and `edit` take, or complete settings for both (`generation_settings`, `edit_settings`)
        and no other options, and raises what they raise. The source keeps its latents but none of its attention, so
        later edits of it must run its prompt once more at the steps of their windows. With `strength="auto"` the
        source is generated first, and keeps its attention.

        >>> editor = Editor.from_pretrained()
        >>> editor.generate_and_edit("a dog", "a cat", seed=3, num_inference_steps=2)
        <EditResult 'a dog' -> 'a cat', seed 3, 128 x 128>
        """
        if isinstance(prompt, GenerationSettings) or isinstance(target, EditSettings):
            if options or not (isinstance(prompt, GenerationSettings) and isinstance(target, EditSettings)):
                raise SettingsError("settings that are complete come in pairs, those of the picture and of its edits")
            return self._making.together(prompt, target, capture, on_step)
        generation_options, edit_options = split_options(options)
        if StrengthSearch.asked(edit_options.get("strength")) is not None:
            source = self.generate(prompt, **generation_options)
            targets = [target] if isinstance(target, str) else list(target)
            results = self.edit(source, targets, capture=capture, on_step=on_step, **edit_options)
            return results[0] if isinstance(target, str) else results
        generation = self.generation_settings(prompt, **generation_options)
        settings = self.edit_settings(target, generation, **edit_options)
        results = self._making.together(generation, settings, capture, on_step)
        return results[0] if isinstance(target, str) else results

    def generate_and_edit_all(
        self,
        asked: Sequence[tuple[GenerationSettings, EditSettings]],
        pictures: int,
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
        texts: TextMemory | None = None,
    ) -> list[EditResults]:
        """Generate several sources, each with edits of its own, in one batch of a fixed size.

        Their prompts, seeds and edits may differ; steps, size, guidance and sampler may not. Where a batch has fewer
        pictures than `pictures`, each model call is filled up: in calls of one shape the bits of a picture do not
        depend on what runs beside it (on CPUs this is tested), so that a record of one is enough to make it again.

        - `asked`: complete settings of each source and of its edits (`generation_settings`, `edit_settings`).
        - `pictures`: the size of the batch, sources included, as many as are asked for or more.
        - `capture`, `on_step`: as in `edit`.
        - `texts`: prompts that were encoded in earlier calls, and those of this one. Default: None, this call's alone.

        Raises what `generate_and_edit` raises, and `SettingsError` for what cannot run in one batch; see
        `runs_beside_others`.

        >>> editor = Editor.from_pretrained()
        >>> asked = []
        >>> for prompt, target in (("a dog", "a cat"), ("a fox on the beach", "a lion on the beach")):
        ...     made = editor.generation_settings(prompt, num_inference_steps=2)
        ...     asked.append((made, editor.edit_settings(target, made)))
        >>> [results[0] for results in editor.generate_and_edit_all(asked, 4)]  # doctest: +NORMALIZE_WHITESPACE
        [<EditResult 'a dog' -> 'a cat', seed 0, 128 x 128>,
         <EditResult 'a fox on the beach' -> 'a lion on the beach', seed 0, 128 x 128>]
        """
        return self._making.side_by_side(asked, pictures, capture, on_step, texts)

    def runs_beside_others(self, generation: GenerationSettings, edit: EditSettings) -> bool:
        """Whether a source and its edits may run in one batch with others (`generate_and_edit_all`).

        Not where the source must be finished first (`resize`, a filled place, outlines of things, a fast edit), where
        LoRAs act in single branches, or where the model's negative rows run in calls of their own.

        - `generation`, `edit`: as in `preview`.

        Raises what `preview` raises.

        >>> editor = Editor.from_pretrained()
        >>> made = editor.generation_settings("a dog")
        >>> editor.runs_beside_others(made, editor.edit_settings("a cat", made))
        True
        """
        return self._making.runs_beside_others(generation, edit)

    def apply(
        self,
        source: Source,
        settings: EditSettings,
        *,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
    ) -> EditResults:
        """Edit a source with complete settings, from `edit_settings`, a record or a sweep. Gives one result for each
        target.

        - `source`: a picture of this editor, generated or inverted.
        - `settings`: the targets, and how to edit.
        - `capture`, `on_step`: as in `edit`.

        Raises what `edit` raises.

        >>> editor = Editor.from_pretrained()
        >>> source = editor.generate("a dog", num_inference_steps=2)
        >>> [result.target for result in editor.apply(source, editor.edit_settings(["a cat", "a fox"], source))]
        ['a cat', 'a fox']
        """
        self._check_own(source)
        return self._making.edited(source, settings, capture, on_step)

    def maps(
        self, made: Source | EditResult, request: MapsRequest | Words = None, *, on_step: OnStep | None = None
    ) -> AttentionMaps:
        """The attention maps of a picture that was made before: which part of it each word looks at (report, section
        2.3.1).

        - `made`: a source, or an edit, which is run again. A source's maps come from its kept attention; steps that
          were not kept take one model call each.
        - `request`: a word, a phrase, a token position or a list of them; or a `MapsRequest`, which also says how maps
          are averaged. Default: None, every word.
        - `on_step`: called after each step; see `Editor`. Default: None.

        Raises, before anything runs, `PromptError` for a word that is not in the prompt, and `SettingsError` for what
        the model does not have or for maps larger than the request's `max_bytes`.

        >>> editor = Editor.from_pretrained()
        >>> source = editor.generate("a dog eating an apple", num_inference_steps=4)
        >>> maps = editor.maps(source, ["dog", "apple"])
        >>> maps.word("dog").shape
        (16, 16)
        """
        asked = request if isinstance(request, MapsRequest) else MapsRequest(request)
        self._check_own(made if isinstance(made, Source) else made.source)
        return self._making.maps(made, asked, on_step)

    def previews(
        self,
        show: Callable[[Image], None],
        *,
        on_step: OnStep | None = None,
        share: float = 0.1,
        each: Callable[[list[Image]], None] | None = None,
    ) -> Previews:
        """An `on_step` for all that makes pictures, which also shows how they look while they are made.

        - `show`: called with a picture of the model's own size: after the first step, then now and then. What it shows
          is what a step expects of the finished picture; of several targets, the last. The result does not change.
        - `on_step`: called after each step as well; see `Editor`. Default: None.
        - `share`: the part of the time that previews may take, above 0. 1 shows every step. Default: 0.1.
        - `each`: called instead of `show` with all pictures of a batch of several, in their order: those that a search
          tries, or several targets. Default: None.

        Raises `SettingsError` for another share.

        >>> editor, seen = Editor.from_pretrained(), []
        >>> editor.generate("a dog", num_inference_steps=3, on_step=editor.previews(seen.append, share=1))
        <Source 'a dog', seed 0, 128 x 128>
        >>> [picture.size for picture in seen]
        [(128, 128), (128, 128), (128, 128)]
        """
        return Previews(self._adapter.decode, show, on_step, share, each)

    def regenerate(
        self, source: Source, prompt: str, *, edit: EditSettings | None = None, on_step: OnStep | None = None
    ) -> Source:
        """The plain picture of another prompt with all of a source's settings: what an edit is compared with.

        - `source`: a picture of this editor. For a photograph, the new picture starts from the noise that was found
          for it.
        - `prompt`: the other prompt.
        - `edit`: an edit whose LoRAs (`target_adapters`) act in the picture. Default: None, those of the source.
        - `on_step`: called after each step; see `Editor`. Default: None.

        Raises what `generate` raises.

        >>> editor = Editor.from_pretrained()
        >>> editor.regenerate(editor.generate("a dog", seed=3, num_inference_steps=2), "a cat")
        <Source 'a cat', seed 3, 128 x 128>
        """
        self._check_own(source)
        loras = source.settings.source_adapters if edit is None else edit.target_adapters
        return self._making.regenerated(
            source, replace(source.settings, prompt=prompt, source_adapters=loras), on_step
        )

    def preview(self, generation: GenerationSettings | Source, edit: EditSettings) -> tuple[tuple[str, ...], ...]:
        """What an edit would do to each target, in words, without running the model.

        - `generation`: the source's settings, from `generation_settings`; or the source, which may have fewer steps.
        - `edit`: the edit's settings, from `edit_settings`.

        Raises what running the edit would raise before its first step.

        >>> editor = Editor.from_pretrained()
        >>> editor.preview(editor.generation_settings("a dog"), editor.edit_settings("a cat in the snow"))
        (("'dog' -> 'cat in the snow'",),)
        """
        return self._making.planned(generation, edit).acted

    def noised_picture(self, source: Source, step: int) -> Image:
        """A source's picture with the noise of a step, from the forward process.

        - `source`: a picture of this editor.
        - `step`: the step, from 0, the noisiest, to the number of the source's steps - 1.

        Raises `SettingsError` for any other step.

        >>> editor = Editor.from_pretrained()
        >>> editor.noised_picture(editor.generate("a dog", num_inference_steps=2), 0).size
        (128, 128)
        """
        self._check_own(source)
        return noised_picture(self._adapter, source, step)

    def latents_picture(self, source: Source, step: int) -> Image:
        """A source's latents before a step of its run, decoded.

        - `source`: a picture of this editor.
        - `step`: the step, from 0, the noise, to the number of the source's steps, which gives the picture itself.

        Raises `SettingsError` for any other step.

        >>> editor = Editor.from_pretrained()
        >>> editor.latents_picture(editor.generate("a dog", num_inference_steps=2), 1).size
        (128, 128)
        """
        self._check_own(source)
        return latents_picture(self._adapter, source, step)

    def noising(self, source: Source, step: int) -> Image:
        """The earlier name of `noised_picture`."""
        warnings.warn("Editor.noising is now Editor.noised_picture", DeprecationWarning, stacklevel=2)
        return self.noised_picture(source, step)

    def denoising(self, source: Source, step: int) -> Image:
        """The earlier name of `latents_picture`."""
        warnings.warn("Editor.denoising is now Editor.latents_picture", DeprecationWarning, stacklevel=2)
        return self.latents_picture(source, step)

    def probe(
        self,
        prompts: Sequence[str] = PROMPTS,
        words: Sequence[str] | None = None,
        *,
        seeds: Sequence[int] = (0, 1),
        on_step: OnStep | None = None,
        **options: Unpack[GenerationOptions],
    ) -> ProbeReport:
        """Measure what each block of the model does: how much a picture changes without it (Avrahami et al. 2024,
        Stable Flow, arXiv:2411.14430, section 3.2), and how well its maps agree with where a word acts.

        It makes each picture once more for each block. What it finds can be saved, and read with `load_layers`.

        - `prompts`: what the pictures show. Default: four, of words that the bundled model knows as well.
        - `words`: the words that are dropped, each from the prompts that have it. Default: None, every thing that a
          prompt names.
        - `seeds`: the seeds of each prompt. Default: 0 and 1.
        - `on_step`: called after each step; see `Editor`. Default: None.
        - `options`: as in `generate`, without `seed`.

        Raises `PromptError` for a word that no prompt has, `SettingsError` for a bad value.

        >>> found = Editor.from_pretrained().probe(["a dog on the beach"], seeds=[0], num_inference_steps=1)
        >>> found.blocks[0].block
        'down_blocks.0.attentions.0.transformer_blocks.0'
        """
        asked = [self.generation_settings(prompt, **options) for prompt in prompts]
        settings = [replace(one, seed=seed) for one in asked for seed in seeds]
        return measure(self._adapter, self.model, probe_cases(settings, words), on_step)

    def unknown_words(self, prompts: Sequence[str]) -> dict[str, str | None]:
        """Words of prompts that a model with a small vocabulary was never trained on, and the nearest word that it
        knows, or None.

        - `prompts`: the prompts to look through.

        Empty for a model whose vocabulary is not listed.

        >>> Editor.from_pretrained().unknown_words(["a puppy on a farm"])
        {'puppy': 'dog'}
        """
        if self._model.vocabulary is None:
            return {}
        return unknown_words(prompts, self._model.vocabulary, SYNONYMS, self.added_words)

    def replay(
        self,
        record: RunRecord,
        *,
        photo: Picture | None = None,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
    ) -> Source | EditResults:
        """Run a record again: its source, or all of its edits. Gives the same pixels on the same machine; close ones
        where the model was compiled for one run and not for the other, since that rounds differently.

        - `record`: the record, from a result, or from a file with `read_record`.
        - `photo`: the photograph, if the record has one: anything that `invert` takes, with the same pixels. Default:
          None.
        - `capture`: attention maps to collect, as in the method that made the record. Default: None.
        - `on_step`: called after each step; see `Editor`. Default: None.

        It uses as many CPU threads as the record says, or as this machine has if these are fewer, because sums round
        differently with another number. This is a setting of the whole process: replays in other threads wait for each
        other.

        Raises `RecordError` if the record was made with another model or another photograph.

        >>> editor = Editor.from_pretrained()
        >>> source = editor.generate("a dog", num_inference_steps=2)
        >>> editor.replay(source.record).image.tobytes() == source.image.tobytes()
        True
        """
        check_model(record, self.model)
        given = None if photo is None else read_photo(photo)
        check_photo(record, None if given is None else given.image)
        with thread_count(record.model.threads):
            return replayed(self._making, record, given, capture, on_step)

    def generation_settings(self, prompt: str, **options: Unpack[GenerationOptions]) -> GenerationSettings:
        """The settings of a generation, with the model's defaults filled in, for `generate` and `preview`.

        - `prompt`: what the picture shows.
        - `options`: those of `generate`.

        Raises `SettingsError` for a bad value.

        >>> Editor.from_pretrained().generation_settings("a dog", seed=7).seed
        7
        """
        settings = GenerationSettings.of(prompt, self._model.defaults, self._model.native_size, **options)
        self._adapter.guidance.check(settings.guidance_scale, settings.negative_prompt, settings.guided)
        check_loaded(settings.source_adapters, self._adapter.loras.scales, "source_adapters")
        _warn_of_syntax(settings.prompt, settings.negative_prompt)
        return settings

    def edit_settings(
        self,
        target: str | Sequence[str],
        source: Source | GenerationSettings | None = None,
        **options: Unpack[EditOptions],
    ) -> EditSettings:
        """The settings of an edit, with the model's defaults filled in, for `apply` and `preview`.

        - `target`: the edited prompt, or several.
        - `source`: what will be edited. Its prompt decides which recipe fits, and a `mask` must have its shape.
          Default: None, a picture of the model's own size, edited without a recipe.
        - `options`: those of `edit`.

        Raises `SettingsError` for a bad value or mask.

        >>> Editor.from_pretrained().edit_settings("a cat", equalizer={"cat": 2.0}).equalizer
        {'cat': 2.0}
        """
        settings = edit_settings(self._adapter, self._model, target, source, options)
        _warn_of_syntax(*settings.targets)
        return settings

    @property
    def _adapter(self) -> Adapter:
        """The adapter as it is now: what is loaded into a pipeline makes another."""
        return self._given_adapter if self._pipeline is None else self._pipeline.adapter

    @property
    def _making(self) -> Making:
        return Making(self._adapter, self._model, lambda: model_record(self.model))

    def _adaptable(self) -> AdaptablePipeline:
        if self._pipeline is None:
            raise ModelError("this editor has an adapter alone; load with Editor.from_pretrained or from_pipeline")
        return self._pipeline

    def _check_own(self, source: Source) -> None:
        """Raise `SettingsError` for a source of another model, another device or another dtype."""
        check_same_model(source.record.model, model_record(self.model))

    def _generation(self, prompt: str | GenerationSettings, options: GenerationOptions) -> GenerationSettings:
        if isinstance(prompt, str):
            return self.generation_settings(prompt, **options)
        if options:
            raise SettingsError(f"the settings are already complete; leave out {', '.join(options)}")
        return prompt


def split_options(options: RunOptions) -> tuple[GenerationOptions, EditOptions]:
    """The generation's options and the edit's options, which are all others."""
    generation, edit = GenerationOptions(), EditOptions()
    for name, value in options.items():
        part = generation if name in GenerationOptions.__annotations__ else edit
        part[name] = value  # type: ignore[literal-required]  # names come from both types
    return generation, edit


def _warn_of_syntax(*prompts: str) -> None:
    """Warn with `PromptWarning` about marks that web UIs read as instructions, where an editor was called."""
    caller, level = inspect.currentframe(), 1
    while caller is not None and caller.f_code.co_filename == __file__:
        caller, level = caller.f_back, level + 1
    for prompt in prompts:
        if (said := web_ui_syntax(prompt)) is not None:
            warnings.warn(f"in '{cited(prompt)}' {said}", PromptWarning, stacklevel=level)
