"""What a user asks of an edit: the one place of an edit's options, and their one checked form, which records hold.

To add an option, write a line in `EditOptions`, a field in `EditSettings`, and the code that acts on it. The editor,
the command line, sweeps, figures, the notebook's panel and the benchmark take it from here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self, TypedDict, Unpack, get_args

from PIL.Image import Image

from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.change_kind import ChangeKind
from wordbrush.edits.focus import WeightRegion
from wordbrush.edits.lora_window import LorasOption, LoraWindow, check_loras, parse_loras
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.recipe_name import RecipeName
from wordbrush.edits.recipes import Recipe, describe_recipe
from wordbrush.edits.resize import LARGEST_RESIZE, SMALLEST_RESIZE, ResizeKind
from wordbrush.edits.shortcuts import EXACT, FastName, Shortcuts
from wordbrush.edits.strength import StrengthSearch, check_strength
from wordbrush.edits.target_control import BlendOption, CrossSteps, SelfSteps, TargetControl
from wordbrush.errors import SettingsError
from wordbrush.settled import number, settle

EditKind = Literal["auto", "replace", "refine", "own"]
"""How the words of two prompts correspond: found word by word, by one of the published kinds, or not at all."""

TextMass = Literal["source", "target"]
"""If text and picture share an axis: how much attention an edited map gives to the text as a whole."""

PROMPT_TO_PROMPT_MAX_PIXELS = 16**2
"""The largest self-attention that the Prompt-to-Prompt code injects."""
NULL_TEXT_MAX_PIXELS = 32**2
"""The largest self-attention that the null-text inversion code injects."""


class EditOptions(TypedDict, total=False):
    """The options of an edit. The API, the command line and records share their names.

    An option that is left out, or None, has the model's default. Options without another source are Prompt-to-Prompt's
    (Hertz et al. 2022, arXiv:2208.01626); sections are the report's (see README.md).

    - `edit`: how the prompts' words correspond. "auto" finds it word by word, for prompts of any length. "replace" and
      "refine" force the published kinds (section 2.3.3). With "own" each word keeps its own map, and only
      `self_replace_steps` holds the layout. Default: the model's; "auto" for Stable Diffusion, "own" if text and
      picture share an axis (SD3, FLUX).
    - `new_word_factor`: multiplies the attention to words that the target has and the source does not, unless
      `equalizer` gives them a factor. A finite number; 1 changes nothing. Default: the model's; 1 for Stable
      Diffusion.
    - `text_mass`: if text and picture share an axis, how much a position of the picture attends to all words together:
      as much as in the "source", or as much as the "target" does by itself. Default: "source".
    - `recipe`: fills in the windows and the region that are left out. "auto" looks at what the prompts change (a
      thing, a place, a colour ...) and takes the recipe for that kind of change (`edits/recipes.py`). "published" is
      the paper to the letter. Options that are given take precedence. Default: the model's, and "published" if it
      names none.
    - `strength`: one dial, from 0 to 1, that moves all windows together, given or by default. 0 keeps nearly all of
      the source, 0.5 leaves the windows as they are, and 1 is the plain picture of the target but for one step of
      self-attention (inside the region, if there is one). "auto" tries several on the source and takes the one that
      scores best; a `StrengthSearch` says how. Not with the two methods below. Default: None, which is 0.5.
    - `cross_replace_steps`: the fraction of the steps, from 0 to 1, in which words keep the source's cross-attention
      maps; more keeps more of the source. `(start, end)` is a window. `{"cat": 0.4, "default_": 0.8}` gives single
      words their own; without "default_" all others have 1.0, as published. Default: the recipe's, or the model's; 0.8
      for Stable Diffusion.
    - `self_replace_steps`: the same for the source's self-attention maps, which hold shapes and the background.
      Default: the recipe's, or the model's; 0.4 for Stable Diffusion.
    - `self_replace_max_pixels`: the largest self-attention layer that is kept, in attention positions (height x width
      of the layer, not pixels of the picture), 1 or more. Default: the model's; 256 as in Prompt-to-Prompt, 1024 as in
      null-text inversion.
    - `equalizer`: factors by word, such as `{"smiling": 3.0}`, that multiply the word's attention. 1 changes nothing,
      0 removes the word, and a negative factor turns it around; useful values are -2 to 8 (section 2.3.3). Default:
      none.
    - `local_blend`: only the region of words may change; everything else stays the source's, bit for bit. "auto" for
      the words that the edit changes, a word, a list of words, or a `LocalBlend`; "off" for the whole picture.
      Default: the recipe's, or "off" without a recipe or with a `mask`.
    - `mask`: a black and white picture in the source's shape, or its path. Only what is white may change, and only
      within the words' region if `local_blend` is given too. Default: None.
    - `mutual_self_attention`: frees the shape: the target's self-attention reads the source's content (MasaCtrl, Cao
      et al. 2023, arXiv:2304.08465). `MutualSelfAttention()` is as published. Default: None.
    - `weight_region`: where the weight of an adjective or an adverb acts, since such a word has no region: "noun" for
      the region of its noun in the source, "picture" for everywhere, as published. Default: "picture".
    - `resize`: what happens when a thing is replaced by one of another size. "auto" draws it larger or smaller, by the
      table of sizes (`wordbrush.sizes`), 0.5 to 2 times as long. A number from 0.25 to 4 is the ratio of its length to
      the old thing's. "off" keeps the old thing's size. Default: "off".
    - `plug_and_play`: holds the structure by the source's features and self-attention maps (Tumanyan et al. 2023,
      arXiv:2211.12572). `PlugAndPlay()` is as published. Default: None.
    - `fast`: what is left out of the computation. "exact" is nothing, "balanced" and "fast" are quicker, and near it;
      docs/fast.md has their costs and what they lose. A `Shortcuts` is a choice of one's own. Default: "exact".
    - `target_adapters`: the LoRAs that act in the targets, of those that are loaded: scales by name, or `LoraWindow`s,
      which also say in which part of the steps. Exactly the named ones act; empty for none. So the effect of a LoRA
      that the source was made without is edited in, and the layout is held (docs/own-words.md). Default: None, all
      that are loaded, at their own scales.

    With `mutual_self_attention` or `plug_and_play`, windows that are not given are 0, as published, and no recipe is
    used. Windows that are given act as well.

    `EditSettings.of` checks the values and raises `SettingsError`.

    >>> options: EditOptions = {"cross_replace_steps": {"cat": 0.4}, "equalizer": {"cat": 2.0}}
    >>> EditSettings.of("a cat", **options).cross_replace_steps
    {'default_': (0.0, 1.0), 'cat': (0.0, 0.4)}
    """

    edit: EditKind | None
    new_word_factor: float | None
    text_mass: TextMass | None
    recipe: RecipeName | None
    strength: float | Literal["auto"] | StrengthSearch | None
    cross_replace_steps: CrossSteps | None
    self_replace_steps: SelfSteps | None
    self_replace_max_pixels: int | None
    equalizer: Mapping[str, float] | None
    local_blend: BlendOption | None
    mask: str | Path | Image | LatentMask | None
    mutual_self_attention: MutualSelfAttention | None
    plug_and_play: PlugAndPlay | None
    weight_region: WeightRegion | None
    resize: ResizeKind | float | None
    fast: FastName | Shortcuts | None
    target_adapters: LorasOption | None


@dataclass(frozen=True)
class EditDefaults:
    """A model's defaults for options that are left out. The values here are Prompt-to-Prompt's for Stable Diffusion
    v1-4.

    The two windows are given by their ends, from 0 to 1.
    """

    recipe: RecipeName = "published"
    cross_replace_steps: float = 0.8
    self_replace_steps: float = 0.4
    self_replace_max_pixels: int = PROMPT_TO_PROMPT_MAX_PIXELS
    edit: EditKind = "auto"
    new_word_factor: float = 1.0


@dataclass(frozen=True)
class EditSettings:
    """An edit of one source into each of `targets`, with every default filled in: build it with
    `Editor.edit_settings`.

    - `targets`: the target prompts, at least one.
    - `cross_replace_steps`: a window (start, end) for each word, and one under "default_" for all others.
    - `self_replace_steps`: the window (start, end) of self-attention.
    - `equalizer`: a factor for each word. A word that only some targets have acts in those.
    - `local_blend`: holds everything outside of a region, a user's own mask included; None holds nothing.
    - `edit`, `self_replace_max_pixels`, `mutual_self_attention`, `plug_and_play`, `new_word_factor`, `text_mass`,
      `weight_region`, `resize`, `recipe`: as in `EditOptions`.
    - `kinds`: with the recipe "auto", the kind of change that it found, one for each target; else empty.
    - `own`: if recipes gave the targets different windows or regions, these, one for each target. The fields above are
      then the first target's. Else empty.
    - `fast`: what is left out of the computation, resolved to what the name stood for.
    - `target_adapters`: the LoRAs that act in the targets, and when; None for all at their own scales.
    - `strength`: the strength, 0 to 1, that all windows here were moved to; None if none was asked for.

    Raises `SettingsError` for a value outside of its range.

    >>> EditSettings.of(["a cat", "a fox"], self_replace_steps=0.5).self_replace_steps
    (0.0, 0.5)
    """

    targets: tuple[str, ...]
    edit: EditKind
    cross_replace_steps: Mapping[str, tuple[float, float]]
    self_replace_steps: tuple[float, float]
    self_replace_max_pixels: int
    equalizer: Mapping[str, float]
    local_blend: LocalBlend | None = None
    mutual_self_attention: MutualSelfAttention | None = None
    plug_and_play: PlugAndPlay | None = None
    new_word_factor: float = 1.0
    text_mass: TextMass = "source"
    weight_region: WeightRegion = "picture"
    resize: ResizeKind | float = "off"
    recipe: RecipeName = "published"
    kinds: tuple[ChangeKind, ...] = ()
    own: tuple[TargetControl, ...] = ()
    strength: float | None = None
    fast: Shortcuts = EXACT
    target_adapters: tuple[LoraWindow, ...] | None = None

    def __post_init__(self) -> None:
        """Check what does not depend on the prompts: a record's values do not pass through `of`."""
        settle(self)
        for word, factor in self.equalizer.items():
            if not math.isfinite(factor):
                raise SettingsError(f"the weight of '{word}' is {factor}; give a finite number, such as 2.0 or -1")
        if not self.targets:
            raise SettingsError("there is no target prompt; give at least one")
        _one_of("edit", self.edit, get_args(EditKind))
        _one_of("text_mass", self.text_mass, get_args(TextMass))
        _one_of("recipe", self.recipe, get_args(RecipeName))
        _one_of("weight_region", self.weight_region, get_args(WeightRegion))
        if not math.isfinite(self.new_word_factor):
            raise SettingsError(f"new_word_factor is {self.new_word_factor}; give a finite number, such as 2.0")
        if self.strength is not None:
            check_strength(self.strength)
        if self.self_replace_max_pixels < 1:
            raise SettingsError(f"self_replace_max_pixels is {self.self_replace_max_pixels}; give 1 or more")
        if isinstance(self.resize, str):
            if self.resize not in get_args(ResizeKind):
                raise SettingsError(f"resize is '{self.resize}'; give auto, off or a number from 0.25 to 4")
        else:
            object.__setattr__(self, "resize", float(number(self.resize, "resize")))
            if not SMALLEST_RESIZE <= self.resize <= LARGEST_RESIZE:
                raise SettingsError(f"resize is {self.resize}; give auto, off or a number from 0.25 to 4")
        for name, each in (("kinds", self.kinds), ("own", self.own)):
            if each and len(each) != len(self.targets):
                raise SettingsError(
                    f"{name} has {len(each)} entries for {len(self.targets)} targets; give one for each"
                )
        TargetControl(self.cross_replace_steps, self.self_replace_steps, self.local_blend)  # checks them
        check_loras(self.target_adapters or (), "target_adapters")

    @property
    def controls(self) -> tuple[TargetControl, ...]:
        """How each target is held to its source."""
        shared = TargetControl(self.cross_replace_steps, self.self_replace_steps, self.local_blend)
        return self.own or (shared,) * len(self.targets)

    def at_strength(self, strength: float, least_held: float = 0.0) -> Self:
        """The same edit with all windows moved to a strength, 0 to 1; 0.5 leaves them.

        `least_held` is the part of the steps in which self-attention is held at any strength, so that the edit acts.
        Raises `SettingsError` for windows that were moved already, and for MasaCtrl and Plug-and-Play.

        >>> EditSettings.of("a cat").at_strength(0.75).self_replace_steps
        (0.0, 0.2)
        """
        if self.strength is not None:
            raise SettingsError(f"the windows are those of strength {self.strength:g} already; leave that out")
        if self.mutual_self_attention is not None or self.plug_and_play is not None:
            raise SettingsError(
                "strength moves the windows of words and of self-attention, and mutual_self_attention and "
                "plug_and_play act beside them; give one or the other"
            )
        moved = tuple(control.at_strength(check_strength(strength), least_held) for control in self.controls)
        return replace(self, **vars(moved[0]), own=moved if self.own else (), strength=check_strength(strength))

    def describe(self) -> tuple[str, ...]:
        """The kind of change that the recipe found in each target, and how it is made; empty without a recipe."""
        return tuple(
            describe_recipe(
                kind,
                {} if self.edit == "own" else own.cross_replace_steps,
                own.self_replace_steps,
                own.local_blend,
            )
            for kind, own in zip(self.kinds, self.controls, strict=bool(self.kinds))
        )

    @classmethod
    def of(
        cls,
        targets: str | Sequence[str],
        defaults: EditDefaults = EditDefaults(),  # frozen
        recipes: Sequence[Recipe] = (),
        least_held: float = 0.0,
        **options: Unpack[EditOptions],
    ) -> Self:
        """Check a user's options and bring them to one form. `recipes`, one for each target, or else a model's
        `defaults`, fill in what is left out; `least_held` is that of `at_strength`.

        A `mask` must be a `LatentMask` here, and the recipes must be chosen already: `Editor.edit_settings` does both.
        A strength must be a number: `Editor.edit` searches for one.

        Raises `SettingsError` and names the bad value.

        >>> EditSettings.of("a cat", self_replace_steps=(0.1, 0.5)).cross_replace_steps
        {'default_': (0.0, 0.8)}
        """
        _refuse_unknown(options)
        mask = options.get("mask")
        if mask is not None and not isinstance(mask, LatentMask):
            raise SettingsError(
                "the mask is a picture; use Editor.edit_settings, which reads it for the editor's model"
            )
        mutual, structure = options.get("mutual_self_attention"), options.get("plug_and_play")
        pixels, factor = options.get("self_replace_max_pixels"), options.get("new_word_factor")
        resize = options.get("resize")
        if has_windows_of_its_own(options):
            recipes = ()
            controls: tuple[TargetControl, ...] = (_control(options, mask, 0.0, 0.0, None),)
        elif recipes:
            controls = tuple(
                _control(options, mask, r.cross_replace_steps, r.self_replace_steps, r.local_blend) for r in recipes
            )
        else:
            controls = (_control(options, mask, defaults.cross_replace_steps, defaults.self_replace_steps, None),)
        strength = options.get("strength")
        if StrengthSearch.asked(strength) is not None:
            raise SettingsError(
                "strength='auto' is found by making edits, which Editor.edit and generate_and_edit do; give a number"
            )
        settings = cls(
            targets=(targets,) if isinstance(targets, str) else tuple(targets),
            edit=options.get("edit") or defaults.edit,
            **vars(controls[0]),
            self_replace_max_pixels=defaults.self_replace_max_pixels if pixels is None else pixels,
            equalizer=dict(options.get("equalizer") or {}),
            mutual_self_attention=mutual,
            plug_and_play=structure,
            new_word_factor=defaults.new_word_factor if factor is None else factor,
            text_mass=options.get("text_mass") or "source",
            weight_region=options.get("weight_region") or "picture",
            resize="off" if resize is None else resize,
            recipe="auto" if recipes else "published",
            kinds=tuple(recipe.kind for recipe in recipes),
            own=controls if any(control != controls[0] for control in controls) else (),
            fast=Shortcuts.parse(options.get("fast")),
            target_adapters=parse_loras(options.get("target_adapters"), "target_adapters"),
        )
        return settings if strength is None else settings.at_strength(check_strength(strength), least_held)


def needs_recipes(options: EditOptions, defaults: EditDefaults) -> bool:
    """Whether recipes fill in what these options leave out. Raises `SettingsError` for an unknown name."""
    recipe = options.get("recipe") or defaults.recipe
    _one_of("recipe", recipe, get_args(RecipeName))
    return recipe == "auto" and not has_windows_of_its_own(options)


def has_windows_of_its_own(options: EditOptions) -> bool:
    """Whether options ask for a method against which Prompt-to-Prompt's windows would work unless asked for."""
    return options.get("mutual_self_attention") is not None or options.get("plug_and_play") is not None


def _control(
    options: EditOptions, mask: LatentMask | None, cross: CrossSteps, held: float, blend: LocalBlend | None
) -> TargetControl:
    """One target's control from what is given, or else these values. A given mask replaces the recipe's region."""
    windows, window = options.get("cross_replace_steps"), options.get("self_replace_steps")
    region = options.get("local_blend")
    return TargetControl.of(
        cross if windows is None else windows,
        held if window is None else window,
        blend if region is None and mask is None else region,
        mask,
    )


def _one_of(name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise SettingsError(f"{name} is '{value}'; give one of {', '.join(known)}")


def _refuse_unknown(options: Mapping[str, object]) -> None:
    known = EditOptions.__annotations__
    for name in options:
        if name not in known:
            raise SettingsError(f"an edit has no option '{name}'; it has {', '.join(known)}")
