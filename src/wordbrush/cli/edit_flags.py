"""Every option of an edit on the command line, once, by the API's names."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from wordbrush.cli.command import first_given, flag, spelling
from wordbrush.cli.flags import REGION, RUN, SHAPE, WORDS
from wordbrush.cli.values import by_word, lora_windows, number, setting, window, words
from wordbrush.errors import SettingsError

if TYPE_CHECKING:
    from wordbrush.edits.settings import EditDefaults, EditOptions


@dataclass(frozen=True)
class EditFlags:
    """The options of an edit: every key of `EditOptions`, and fields of the nested ones as `<option>_<field>`."""

    cross_replace_steps: Annotated[
        str | None,
        flag(
            "--cross-replace-steps",
            "--cross-steps",
            metavar="F",
            help="Fraction of the steps that keep the source's maps of words, 0 to 1, or START..END: more holds more.",
            group=WORDS,
        ),
    ] = None
    self_replace_steps: Annotated[
        str | None,
        flag(
            "--self-replace-steps",
            "--self-steps",
            metavar="F",
            help="The same for its self-attention: shapes, background.",
            group=WORDS,
        ),
    ] = None
    recipe: Annotated[
        str | None,
        flag(
            "--recipe",
            help="What fills in what is not given here: auto looks at the change, published is the paper.",
            group=WORDS,
        ),
    ] = None
    strength: Annotated[
        str | None,
        flag(
            "--strength",
            metavar="F",
            help="One dial: 0 holds nearly all, 0.5 changes nothing, 1 is the plain target; auto searches.",
            group=WORDS,
        ),
    ] = None
    fast: Annotated[
        str | None,
        flag("--fast", metavar="HOW", help="balanced or fast: quicker, and near the edit; else exact.", group=RUN),
    ] = None
    target_adapters: Annotated[
        tuple[str, ...],
        flag(
            "--target-adapters",
            "--target-lora",
            metavar="NAME[:SCALE[@START..END]]",
            help="A --lora by its file's name that acts in the target, and not in the source; none for none.",
            group=WORDS,
        ),
    ] = ()
    equalizer: Annotated[
        tuple[str, ...],
        flag("--equalizer", "--weight", metavar="WORD=K", help="Multiply the word's attention by K.", group=WORDS),
    ] = ()
    weight_region: Annotated[
        str | None,
        flag(
            "--weight-region",
            metavar="WHERE",
            help="An adjective's weight acts in its noun's region: noun; else everywhere: picture.",
            group=WORDS,
        ),
    ] = None
    local_blend: Annotated[
        str | None,
        flag(
            "--local-blend",
            "--blend",
            metavar="WORD,...",
            help="Only the region of these words may change; auto for the words that change.",
            group=REGION,
        ),
    ] = None
    cross_replace_steps_for: Annotated[
        tuple[str, ...],
        flag(
            "--cross-replace-steps-for",
            "--cross-steps-for",
            metavar="WORD=F",
            help="--cross-steps for one word: less gives it more freedom.",
            group=WORDS,
        ),
    ] = ()
    self_replace_max_pixels: Annotated[
        int | None,
        flag(
            "--self-replace-max-pixels",
            "--self-max-pixels",
            help="Largest self-attention layer that is kept, in positions: 256 or 1024; else the model's.",
            group=WORDS,
        ),
    ] = None
    edit: Annotated[
        str | None,
        flag(
            "--edit",
            "--kind",
            metavar="KIND",
            help="Matching of words: auto, replace, refine, own; else the model's.",
            group=WORDS,
        ),
    ] = None
    new_word_factor: Annotated[
        float | None,
        flag(
            "--new-word-factor",
            "--new-words",
            metavar="K",
            help="Multiply the attention of all new words by K; else the model's.",
            group=WORDS,
        ),
    ] = None
    text_mass: Annotated[
        str | None,
        flag(
            "--text-mass",
            metavar="WHOSE",
            help="Joint attention: all words together are looked at as in the source, or in the target.",
            group=WORDS,
        ),
    ] = None
    mask: Annotated[Path | None, flag("--mask", help="PNG: only what is white may change.", group=REGION)] = None
    local_blend_subtract_words: Annotated[
        str | None,
        flag(
            "--local-blend-subtract-words",
            "--blend-subtract",
            metavar="WORD,...",
            help="The region of these words does not change; without --blend, all else may.",
            group=REGION,
        ),
    ] = None
    local_blend_threshold: Annotated[
        float | None,
        flag(
            "--local-blend-threshold",
            "--blend-threshold",
            help="Region: above this fraction of the word's highest attention; less is a larger region; 0.3.",
            group=REGION,
        ),
    ] = None
    local_blend_start_blend: Annotated[
        float | None,
        flag(
            "--local-blend-start-blend",
            "--blend-start",
            help="Fraction of the steps before it acts; 0.2.",
            group=REGION,
        ),
    ] = None
    local_blend_fill_steps: Annotated[
        float | None,
        flag(
            "--local-blend-fill-steps",
            "--blend-fill",
            help="To take a thing away: fraction of the steps in which the region shows its surroundings; 0.",
            group=REGION,
        ),
    ] = None
    local_blend_hold_pixels: Annotated[
        bool,
        flag("--local-blend-hold-pixels", "--hold-pixels", help="Outside, the source's very pixels.", group=REGION),
    ] = False
    resize: Annotated[
        str | None,
        flag(
            "--resize",
            metavar="K",
            help="A replaced thing of another size: auto, its length by the old one's, 0.25 to 4; else off.",
            group=SHAPE,
        ),
    ] = None
    mutual_self_attention: Annotated[
        bool,
        flag(
            "--mutual-self-attention",
            "--mutual",
            help="Free the shape: self-attention reads the source (MasaCtrl).",
            group=SHAPE,
        ),
    ] = False
    mutual_self_attention_start_step: Annotated[
        float | None,
        flag(
            "--mutual-self-attention-start-step",
            "--mutual-start",
            help="Fraction of the steps before it acts; 0.08.",
            group=SHAPE,
        ),
    ] = None
    mutual_self_attention_start_layer: Annotated[
        float | None,
        flag(
            "--mutual-self-attention-start-layer",
            "--mutual-layer",
            help="Fraction of the decoder's layers that it leaves out; 0.33.",
            group=SHAPE,
        ),
    ] = None
    plug_and_play: Annotated[
        bool,
        flag("--plug-and-play", help="Hold the structure: the source's features (Plug-and-Play).", group=SHAPE),
    ] = False
    plug_and_play_feature_replace_steps: Annotated[
        float | None,
        flag(
            "--plug-and-play-feature-replace-steps",
            "--feature-steps",
            help="Fraction of the steps that take its features; 0.8.",
            group=SHAPE,
        ),
    ] = None
    plug_and_play_attention_replace_steps: Annotated[
        float | None,
        flag(
            "--plug-and-play-attention-replace-steps",
            "--attention-steps",
            help="Fraction of the steps that take its self-attention; 0.5.",
            group=SHAPE,
        ),
    ] = None

    def given(self) -> str | None:
        """The first option that is given, as a message names it."""
        return first_given(self)

    def options(self) -> "EditOptions":
        """The options of an edit that are given. Raises `SettingsError` for what is misspelt or can do nothing."""
        blended = self._blend()  # before anything large is imported: what does nothing alone is refused here
        freed = self._fields("mutual_self_attention")
        structured = self._fields("plug_and_play")
        weights = by_word("--weight", self.equalizer, number, "WORD=NUMBER", "red=2.0")
        windows = by_word("--cross-steps-for", self.cross_replace_steps_for, window, "WORD=NUMBER", "cat=0.4")
        everywhere = _window("--cross-steps", self.cross_replace_steps)
        held = _window("--self-steps", self.self_replace_steps)
        from wordbrush.edits.blend import LocalBlend
        from wordbrush.edits.mutual_self_attention import MutualSelfAttention
        from wordbrush.edits.plug_and_play import PlugAndPlay

        options: dict[str, Any] = {
            "edit": self.edit,
            "recipe": self.recipe,
            "strength": self.strength if self.strength in (None, "auto") else number("--strength", self.strength),
            "fast": self.fast,
            "target_adapters": lora_windows("--target-lora", self.target_adapters),
            "new_word_factor": self.new_word_factor,
            "text_mass": self.text_mass,
            "cross_replace_steps": everywhere,
            "self_replace_steps": held,
            "self_replace_max_pixels": self.self_replace_max_pixels,
            "equalizer": weights or None,
            "weight_region": self.weight_region,
            "resize": None if self.resize is None else setting(self.resize),
            "local_blend": None if blended is None else LocalBlend(**blended),
            "mask": self.mask,
            "mutual_self_attention": MutualSelfAttention(**freed) if self.mutual_self_attention else None,
            "plug_and_play": PlugAndPlay(**structured) if self.plug_and_play else None,
        }
        if windows:
            options["cross_replace_steps"] = windows if everywhere is None else {"default_": everywhere, **windows}
        return cast("EditOptions", {name: value for name, value in options.items() if value is not None})

    def _blend(self) -> dict[str, Any] | None:
        """The fields of a local blend; None where none is asked for, or a mask alone with nothing else."""
        named = words("--blend", self.local_blend)
        given = self._fields("local_blend", alone=True)
        if named is None:
            for name in given:
                if name == "threshold":
                    _refuse_alone(f"local_blend_{name}", "--blend WORD, whose region it is about")
                if self.mask is None and "subtract_words" not in given:
                    _refuse_alone(f"local_blend_{name}", "--blend WORD or --mask FILE")
            if not given:
                return None
        if "subtract_words" in given:
            given["subtract_words"] = words("--blend-subtract", given["subtract_words"])
        return {"words": named or (), **given}

    def _fields(self, option: str, alone: bool = False) -> dict[str, Any]:
        """The given fields of a nested option, by the names that they have there."""
        given = {
            field.name.removeprefix(f"{option}_"): getattr(self, field.name)
            for field in fields(self)
            if field.name.startswith(f"{option}_") and getattr(self, field.name) != field.default
        }
        if given and not alone and not getattr(self, option):
            _refuse_alone(f"{option}_{next(iter(given))}", spelling(EditFlags, option))
        return given


def with_default_window(options: "EditOptions", defaults: "EditDefaults") -> "EditOptions":
    """Where single words have windows, all others have the model's default, unless they were given one."""
    windows = options.get("cross_replace_steps")
    if not isinstance(windows, dict) or "default_" in windows:
        return options
    return {**options, "cross_replace_steps": {"default_": defaults.cross_replace_steps, **windows}}


def _window(option: str, value: str | None) -> float | tuple[float, float] | None:
    return None if value is None else window(option, value)


def _refuse_alone(field: str, needs: str) -> None:
    raise SettingsError(f"{spelling(EditFlags, field)} does nothing alone; add {needs}")
