"""The editor: generate a picture, then edit it by editing its prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from PIL.Image import Image

from wordbrush.edits.blend import LocalBlend
from wordbrush.edits.blend_words import blend_tokens
from wordbrush.edits.compose import plan_edit
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.settings import PROMPT_TO_PROMPT_MAX_PIXELS, CrossSteps, EditSettings, SelfSteps
from wordbrush.errors import RecordError, SettingsError
from wordbrush.inversion.settings import InversionSettings, Setting
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.request import MapsRequest, Words
from wordbrush.models.load import ModelInfo, load_model
from wordbrush.pictures.fit import Fit, fit_into, fit_to
from wordbrush.pictures.masks import read_mask
from wordbrush.pictures.read import Photo, read_photo
from wordbrush.runs.cache import InversionCache
from wordbrush.runs.record import PhotoRecord, RunRecord, check_photo
from wordbrush.runs.results import EditResult, Source
from wordbrush.runs.runner import Runner
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.scenes.vocabulary import SYNONYMS
from wordbrush.tokens.unknown_words import unknown_words

MAX_THREADS = 1024
"""More CPU threads than this are not taken over from a record, which may come from anywhere."""


class Editor:
    """Generates and edits pictures with one model. The model is the same after a call as before it.

    >>> editor = Editor.from_pretrained()
    >>> source = editor.generate("a dog eating an apple", seed=7, num_inference_steps=4)
    >>> result = editor.edit(source, "a cat eating an apple")
    >>> result.record.acted
    (("'dog' -> 'cat'",),)
    """

    def __init__(self, adapter: Adapter, model: ModelInfo, *, keep_bytes: int = 1 << 30) -> None:
        """Use an adapter that is there already; see `from_pretrained`."""
        if keep_bytes < 0:
            raise SettingsError(f"keep_bytes is {keep_bytes}; give 0 or more")
        self.model = model
        self._adapter = adapter
        self._runner = Runner(adapter, model)
        self._keep_bytes = keep_bytes

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | None = None,
        device: str | None = None,
        dtype: str | None = None,
        *,
        keep_bytes: int = 1 << 30,
    ) -> "Editor":
        """Load a diffusers Stable Diffusion folder or hub id; None is the bundled model.

        `device` is "cpu", "cuda" or "mps" (None: the best there is), `dtype` "float32", "float16" or "bfloat16" (None:
        float32 on a CPU, else float16). `keep_bytes` bounds what a generated source keeps of its attention: in the
        steps that fit, its later edits cost what a plain picture costs.

        Raises `ModelError` when the model cannot be loaded.
        """
        adapter, info = load_model(model, device, dtype)
        return cls(adapter, info, keep_bytes=keep_bytes)

    def generate(
        self,
        prompt: str,
        *,
        seed: int = 0,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        negative_prompt: str = "",
        size: tuple[int, int] | None = None,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
    ) -> Source:
        """Make a picture of `prompt`, and keep what edits of it need.

        `size` is (height, width) in pixels; None stands for the model's own default everywhere. `capture` asks for
        attention maps of the same run, given as the result's `maps`; the picture is the same with them. `on_step` is
        told the steps done and the steps in all.

        Raises `PromptError` for a prompt over the token limit, `SettingsError` for a bad number, `OutputError` when
        the model's output is no picture.
        """
        settings = self.generation_settings(prompt, seed, num_inference_steps, guidance_scale, negative_prompt, size)
        return self._runner.generate(settings, self._keep_bytes, on_step, capture)

    def invert(
        self,
        image: str | Path | bytes | Image,
        prompt: str,
        *,
        method: str = "direct",
        seed: int = 0,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        negative_prompt: str = "",
        size: tuple[int, int] | None = None,
        allow_url: bool = False,
        cache: InversionCache | None = None,
        on_step: OnStep | None = None,
        **settings: Setting,
    ) -> Source:
        """Make a source of a photograph, to be edited as a generated one is; `prompt` says what it shows.

        `image` is a PNG, JPEG or WebP file, its bytes, or a Pillow picture, of any size: it is scaled, and padded by
        its mirror image, to a canvas of about the model's own size, or of `size` (height, width); its edits come back
        at its own size. With `allow_url` it may be an http(s) address. A `cache` keeps the inversion on disk, or has
        it from before; the result's `notes` say so, and what was converted.

        `method` says how its way to noise is found: "direct", "ddim", "null-text", "negative-prompt", "edit-friendly",
        "fixed-point" or "virtual"; `settings` are the method's own (`skip=0.36`). `guidance_scale` and
        `negative_prompt` are those of its edits. The result's `report` says how well the photograph came back, and at
        what cost.

        Raises `PhotoError` for a picture that cannot be read, `SettingsError` for a size, method or value that does
        not go, `PromptError` for a prompt over the token limit, `OutputError` when the model's output is no picture.

        >>> editor = Editor.from_pretrained()
        >>> photo = editor.generate("a dog eating an apple", num_inference_steps=4).image
        >>> source = editor.invert(photo, "a dog eating an apple", num_inference_steps=4)
        >>> source.report.model_calls
        4
        >>> editor.edit(source, "a cat eating an apple").record.acted
        (("'dog' -> 'cat'",),)
        """
        inversion = InversionSettings.parse(method, settings)
        photo = read_photo(image, allow_url=allow_url)
        own_size = (photo.image.height, photo.image.width)
        if size is None:
            fit = fit_to(own_size, self.model.native_size, self._adapter.size_multiple)
        else:
            self._adapter.latent_size(*size)
            fit = fit_into(own_size, size)
        generation = self.generation_settings(
            prompt, seed, num_inference_steps, guidance_scale, negative_prompt, fit.canvas_size
        )
        return self._runner.invert(photo, fit, generation, inversion, self._keep_bytes, on_step, cache)

    def edit(
        self,
        source: Source,
        target: str | Sequence[str],
        *,
        edit: str = "auto",
        cross_replace_steps: CrossSteps | None = None,
        self_replace_steps: SelfSteps | None = None,
        self_replace_max_pixels: int = PROMPT_TO_PROMPT_MAX_PIXELS,
        equalizer: Mapping[str, float] | None = None,
        local_blend: LocalBlend | str | Sequence[str] | None = None,
        mask: str | Path | Image | None = None,
        mutual_self_attention: MutualSelfAttention | None = None,
        plug_and_play: PlugAndPlay | None = None,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
    ) -> EditResult | list[EditResult]:
        """Edit a source into a target prompt, or into each of several in one batch; the source is not run again.

        `edit` says how the prompts' words correspond: "auto" finds it word by word, "replace" and "refine" force the
        published kinds. `cross_replace_steps` is the part of the steps in which the source's cross-attention maps are
        injected, for all words or per word (`{"cat": 0.4, "default_": 0.8}`); `self_replace_steps` the same for its
        self-attention, in layers of at most `self_replace_max_pixels`. `equalizer` multiplies the maps of words.
        `capture` asks for the targets' attention maps: each result has those of the words that its prompt has.

        `local_blend` lets only the region of words change, and holds all other latents to the source's, bit for bit:
        "auto" for the words that the edit changes, a word or a list of words, or a `LocalBlend` with all its settings.
        `mask` is a picture or PNG of your own: only what is white in it may change, and in the words' region if both
        are given.

        `mutual_self_attention` frees the shape: the target's self-attention reads the source's content
        (`MutualSelfAttention()` as published). `plug_and_play` holds the structure: some of the source's features and
        self-attention maps (`PlugAndPlay()`). With either of them windows that are not given are 0, as published;
        given, they act beside it.

        One target gives one result, a list gives a list. Raises `PromptError` for words that are not there or prompts
        that ask for nothing, `SettingsError` for bad numbers or a bad mask, `ControlError` if the edit could not act.
        """
        settings = self._edit_settings(
            target,
            edit,
            cross_replace_steps,
            self_replace_steps,
            self_replace_max_pixels,
            equalizer,
            self._local_blend(local_blend, mask, source.settings, source.fit),
            mutual_self_attention,
            plug_and_play,
        )
        results = self._runner.edit(source, settings, on_step, capture)
        return results[0] if isinstance(target, str) else results

    def generate_and_edit(
        self,
        prompt: str,
        target: str | Sequence[str],
        *,
        seed: int = 0,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        negative_prompt: str = "",
        size: tuple[int, int] | None = None,
        edit: str = "auto",
        cross_replace_steps: CrossSteps | None = None,
        self_replace_steps: SelfSteps | None = None,
        self_replace_max_pixels: int = PROMPT_TO_PROMPT_MAX_PIXELS,
        equalizer: Mapping[str, float] | None = None,
        local_blend: LocalBlend | str | Sequence[str] | None = None,
        mask: str | Path | Image | None = None,
        mutual_self_attention: MutualSelfAttention | None = None,
        plug_and_play: PlugAndPlay | None = None,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
    ) -> EditResult | list[EditResult]:
        """Make a source and its edits in one batch, at the cost of a plain batch of as many pictures.

        Takes what `generate` and `edit` take, and raises what they raise. The source keeps its latents but none of
        its attention: later edits of it run its prompt once more in their windows.
        """
        generation = self.generation_settings(prompt, seed, num_inference_steps, guidance_scale, negative_prompt, size)
        settings = self._edit_settings(
            target,
            edit,
            cross_replace_steps,
            self_replace_steps,
            self_replace_max_pixels,
            equalizer,
            self._local_blend(local_blend, mask, generation),
            mutual_self_attention,
            plug_and_play,
        )
        results = self._runner.generate_and_edit(generation, settings, on_step, capture)
        return results[0] if isinstance(target, str) else results

    def maps(
        self, made: Source | EditResult, request: MapsRequest | Words = None, *, on_step: OnStep | None = None
    ) -> AttentionMaps:
        """The attention maps of a picture that was made before: which part of it each word looks at.

        `request` names words ("dog", a phrase, or a token position; several in a list; None for every word), or is a
        `MapsRequest` that also says how they are averaged. A source's maps come from what was kept of its attention,
        and where that ends from one model call a step; an edit is run again.

        Raises `PromptError` for a word that is not in the prompt, `SettingsError` for what the model has not, and for
        more than the request's `max_bytes`, before anything runs.

        >>> editor = Editor.from_pretrained()
        >>> source = editor.generate("a dog eating an apple", num_inference_steps=4)
        >>> maps = editor.maps(source, ["dog", "apple"])
        >>> maps.word("dog").shape
        (16, 16)
        """
        asked = request if isinstance(request, MapsRequest) else MapsRequest(request)
        return self._runner.maps(made, asked, on_step)

    def regenerate(self, source: Source, prompt: str, *, on_step: OnStep | None = None) -> Source:
        """The plain picture of another prompt with all of a source's settings: what an edit is compared with.

        Of a photograph it starts from what was found to be its noise.
        """
        return self._runner.regenerate(source, prompt, on_step)

    def apply(self, source: Source, settings: EditSettings, *, on_step: OnStep | None = None) -> list[EditResult]:
        """Edit a source as checked settings say (a record's, or a cell's of a sweep): one result per target.

        Raises what `edit` raises.
        """
        return self._runner.edit(source, settings, on_step)

    def preview(self, generation: GenerationSettings, edit: EditSettings) -> tuple[tuple[str, ...], ...]:
        """What an edit would do to each target, in words, without running the model; raises what running it would.

        >>> editor = Editor.from_pretrained()
        >>> edit = EditSettings.parse(["a cat in the snow"], "auto", 0.8, 0.4)
        >>> editor.preview(editor.generation_settings("a dog"), edit)
        (("'dog' -> 'cat in the snow'",),)
        """
        adapter = self._adapter
        adapter.noise(generation.seed, generation.height, generation.width)
        adapter.solver(generation.num_inference_steps)
        source, *targets = map(adapter.tokenize, (generation.prompt, *edit.targets))
        if edit.local_blend is not None:
            blend_tokens(source, targets, edit.local_blend, edit.equalizer)
        layers = adapter.editable_layers(generation.height, generation.width)
        return plan_edit(source, targets, edit, generation.num_inference_steps, layers)[1]

    def noising(self, source: Source, step: int) -> Image:
        """What the forward process makes of a source: its picture with the noise of a step, 0 the noisiest."""
        solver = self._adapter.solver(source.settings.num_inference_steps)
        timestep = source.kept.timesteps(solver)[step]
        return self._adapter.decode(solver.noised(source.latents, source.kept.latents[0], timestep))

    def denoising(self, source: Source, step: int) -> Image:
        """What a source's latents were before a step of its run, decoded; after the last step, the picture itself."""
        return self._adapter.decode(source.kept.latents[step])

    def unknown_words(self, prompts: Sequence[str]) -> dict[str, str | None]:
        """Words of prompts that a model with a small vocabulary never saw, and the nearest it knows."""
        if self.model.vocabulary is None:
            return {}
        return {
            w: near for prompt in prompts for w, near in unknown_words(prompt, self.model.vocabulary, SYNONYMS).items()
        }

    def replay(
        self,
        record: RunRecord,
        *,
        photo: str | Path | bytes | Image | None = None,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
    ) -> Source | list[EditResult]:
        """Run a record again: its source, or all its edits; the same pixels on the same machine.

        `photo` is the photograph of a record that has one, as `invert` takes it, with the same pixels. `capture`
        asks for attention maps of the run, as in the method that made it.

        Raises `RecordError` when the record was made with another model than this editor's, or another photograph.
        """
        if record.model.fingerprint != self.model.fingerprint:
            raise RecordError(
                f"the record was made with '{record.model.name}' ({record.model.fingerprint[:12]}), and this is "
                f"'{self.model.name}' ({self.model.fingerprint[:12]}); name the recorded model's folder with --model"
            )
        given = None if photo is None else read_photo(photo)
        check_photo(record, None if given is None else given.image)
        threads = torch.get_num_threads()
        torch.set_num_threads(max(1, min(record.model.threads, MAX_THREADS)))
        try:
            return self._replay(record, given, capture, on_step)
        finally:
            torch.set_num_threads(threads)

    def _replay(
        self, record: RunRecord, photo: Photo | None, capture: MapsRequest | None, on_step: OnStep | None
    ) -> Source | list[EditResult]:
        if record.together and record.edit is not None:
            return self._runner.generate_and_edit(record.generation, record.edit, on_step, capture)
        source_alone = record.edit is None
        asked = (on_step, capture) if source_alone else (None, None)
        if record.photo is None or photo is None:
            source = self._runner.generate(record.generation, record.keep_bytes, *asked)
        else:
            source = self._invert_again(record, record.photo, photo, asked[0])
        return source if record.edit is None else self._runner.edit(source, record.edit, on_step, capture)

    def _invert_again(self, record: RunRecord, inverted: PhotoRecord, photo: Photo, on_step: OnStep | None) -> Source:
        settings = replace(record.generation, prompt=inverted.prompt)
        source = self._runner.invert(photo, inverted.fit, settings, inverted.inversion, record.keep_bytes, on_step)
        prompt = record.generation.prompt
        return source if prompt == inverted.prompt else self._runner.regenerate(source, prompt, on_step)

    def generation_settings(
        self,
        prompt: str,
        seed: int = 0,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        negative_prompt: str = "",
        size: tuple[int, int] | None = None,
    ) -> GenerationSettings:
        """A generation's settings, with the model's own defaults where nothing is given. Raises `SettingsError`."""
        defaults = self.model.defaults
        steps = defaults.num_inference_steps if num_inference_steps is None else num_inference_steps
        scale = defaults.guidance_scale if guidance_scale is None else guidance_scale
        height, width = self.model.native_size if size is None else size
        return GenerationSettings(prompt, negative_prompt, seed, steps, scale, height, width)

    def _edit_settings(
        self,
        target: str | Sequence[str],
        edit: str,
        cross_replace_steps: CrossSteps | None,
        self_replace_steps: SelfSteps | None,
        self_replace_max_pixels: int,
        equalizer: Mapping[str, float] | None,
        local_blend: LocalBlend | None,
        mutual_self_attention: MutualSelfAttention | None,
        plug_and_play: PlugAndPlay | None,
    ) -> EditSettings:
        defaults = self.model.defaults
        # A method of its own: Prompt-to-Prompt's windows would act against it unless they are asked for.
        alone = mutual_self_attention is not None or plug_and_play is not None
        cross, injected = (0.0, 0.0) if alone else (defaults.cross_replace_steps, defaults.self_replace_steps)
        return EditSettings.parse(
            [target] if isinstance(target, str) else target,
            edit,
            cross if cross_replace_steps is None else cross_replace_steps,
            injected if self_replace_steps is None else self_replace_steps,
            self_replace_max_pixels,
            equalizer,
            local_blend,
            mutual_self_attention,
            plug_and_play,
        )

    def _local_blend(
        self,
        local_blend: LocalBlend | str | Sequence[str] | None,
        mask: str | Path | Image | None,
        generation: GenerationSettings,
        fit: Fit | None = None,
    ) -> LocalBlend | None:
        if mask is None:
            return LocalBlend.parse(local_blend, None)
        size = self._adapter.latent_size(generation.height, generation.width)
        return LocalBlend.parse(local_blend, read_mask(mask, size, fit))
