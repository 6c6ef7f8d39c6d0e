"""What a caller asks of an edit, as complete settings: filled in by the model, and by what is edited."""

from collections.abc import Sequence

from wordbrush.edits.blend import LatentMask
from wordbrush.edits.lora_window import check_loaded
from wordbrush.edits.recipes import Recipe, recipe_for
from wordbrush.edits.settings import EditOptions, EditSettings, needs_recipes
from wordbrush.edits.strength import one_step
from wordbrush.errors import SettingsError
from wordbrush.models.load import ModelInfo
from wordbrush.pictures.masks import read_mask
from wordbrush.runs.results import Source
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.tokens.pair import Prompts


def edit_settings(
    adapter: Adapter,
    model: ModelInfo,
    target: str | Sequence[str],
    source: Source | GenerationSettings | None,
    options: EditOptions,
) -> EditSettings:
    """The settings of an edit of a source, or of one that is yet to be made by its settings.

    Without either, a mask is of the model's own size, and there can be no recipe. Raises `SettingsError` for a bad
    value or mask.
    """
    made = source.settings if isinstance(source, Source) else source
    if isinstance(source, Source):
        num_steps = source.kept.num_steps
    else:
        num_steps = (model.defaults if made is None else made).num_inference_steps
    mask = options.get("mask")
    if mask is not None and not isinstance(mask, LatentMask):
        fit = source.fit if isinstance(source, Source) else None
        size = model.native_size if made is None else (made.height, made.width)
        options = {**options, "mask": read_mask(mask, adapter.latent_size(*size), fit)}
    recipes: list[Recipe] = []
    if needs_recipes(options, model.defaults):
        if made is not None:
            photograph = isinstance(source, Source) and source.record.photo is not None
            recipes = _recipes(adapter, made, [target] if isinstance(target, str) else target, num_steps, photograph)
        elif options.get("recipe") is not None:
            raise SettingsError("recipe='auto' compares the target with a source; give the source too")
    settings = EditSettings.of(target, model.defaults, recipes, one_step(num_steps), **options)
    check_loaded(settings.target_adapters, adapter.loras.scales, "target_adapters")
    return settings


def _recipes(
    adapter: Adapter, made: GenerationSettings, targets: Sequence[str], num_steps: int, photograph: bool
) -> list[Recipe]:
    """The recipe for what each target changes of the source's prompt."""
    prompts = Prompts.of(adapter.tokenize, made.prompt, targets)
    joint = any(layer.text and layer.image for layer in adapter.attention_layers(made.height, made.width))
    return [recipe_for(pair, num_steps, photograph=photograph, joint=joint) for pair in prompts.pairs]
