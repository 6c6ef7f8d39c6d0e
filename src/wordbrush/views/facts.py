"""Settings as names and values to be read: plain text, whoever shows it."""

from wordbrush.edits.blend import AUTO, LocalBlend
from wordbrush.edits.lora_window import named_loras
from wordbrush.edits.settings import PROMPT_TO_PROMPT_MAX_PIXELS, EditSettings
from wordbrush.edits.shortcuts import EXACT
from wordbrush.edits.window import DEFAULT, EVERY_STEP, format_window
from wordbrush.inversion.settings import InversionSettings
from wordbrush.sampling.settings import GenerationSettings

Facts = list[tuple[str, str]]
"""Names and values."""


def generation_facts(settings: GenerationSettings) -> Facts:
    """How a picture was made, apart from its prompt."""
    facts = [
        ("seed", str(settings.seed)),
        ("steps", str(settings.num_inference_steps)),
        ("guidance", f"{settings.guidance_scale:g}"),
        ("size", f"{settings.height} x {settings.width}"),
    ]
    if settings.guided != EVERY_STEP:
        facts.append(("guided part of the steps", format_window(settings.guidance_interval)))
    if settings.source_adapters is not None:
        facts.append(("LoRAs of the source", named_loras(settings.source_adapters)))
    return [*facts, ("negative prompt", settings.negative_prompt)] if settings.negative_prompt else facts


def inversion_facts(settings: InversionSettings) -> Facts:
    """How a photograph was inverted."""
    own = [(name.replace("_", " "), str(value)) for name, value in settings.settings.items()]
    return [("method", settings.method), *own]


def edit_facts(settings: EditSettings) -> Facts:
    """How an edit was made, apart from its prompts and weights. Most settings at their defaults are left out."""
    facts: Facts = []
    if settings.edit != "auto":
        facts.append(("kind", settings.edit))
    if settings.strength is not None:
        facts.append(("strength", f"{settings.strength:g}"))
    facts += [("recipe", line) for line in dict.fromkeys(settings.describe())]
    if settings.fast != EXACT:
        facts.append(("fast", str(settings.fast)))
    if settings.target_adapters is not None:
        facts.append(("LoRAs of the targets", named_loras(settings.target_adapters)))
    if settings.own:
        return facts  # each target has windows of its own, and the recipes say them
    facts.append(("cross", format_window(settings.cross_replace_steps[DEFAULT])))
    own = {word: window for word, window in settings.cross_replace_steps.items() if word != DEFAULT}
    facts += [(f"cross of '{word}'", format_window(window)) for word, window in own.items()]
    facts.append(("self", format_window(settings.self_replace_steps)))
    if settings.self_replace_max_pixels != PROMPT_TO_PROMPT_MAX_PIXELS:
        facts.append(("self up to", f"{settings.self_replace_max_pixels} pixels"))
    if settings.new_word_factor != 1:
        facts.append(("new words", f"x {settings.new_word_factor:g}"))
    if settings.text_mass != "source":
        facts.append(("text mass", settings.text_mass))
    if settings.mutual_self_attention is not None:
        window = settings.mutual_self_attention.window
        facts.append(("mutual self-attention", format_window((window.start, window.end))))
    if settings.plug_and_play is not None:
        pnp = settings.plug_and_play
        facts.append(
            ("Plug-and-Play", f"{pnp.feature_replace_steps:g} features, {pnp.attention_replace_steps:g} maps")
        )
    if settings.weight_region != "picture":
        facts.append(("weights of adjectives", "in their nouns' regions"))
    if settings.resize != "off":
        facts.append(("size of replaced things", f"{settings.resize}"))
    return facts if settings.local_blend is None else [*facts, ("only in", _region(settings.local_blend))]


def _region(blend: LocalBlend) -> str:
    """The region that a local blend lets change, in words."""
    by_prompt = [*(blend.source_words or ()), *(word for words in blend.target_words or () for word in words)]
    words = list(dict.fromkeys("what changes" if word == AUTO else word for word in (*blend.words, *by_prompt)))
    return " and ".join([*([", ".join(words)] if words else []), *(["a mask"] if blend.mask else [])])
