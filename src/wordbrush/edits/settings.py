"""What a user asks of an edit: THE place of an edit's options, and their one checked form, which goes into records.

To add an option: a line in `EditOptions`, its field in `EditSettings`, and the file that acts on it. The editor, the
command line, sweeps, figures, the notebook's panel and the benchmark take it from here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypedDict, Unpack, get_args

from PIL.Image import Image

from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.change_kind import ChangeKind
from wordbrush.edits.focus import WeightRegion
from wordbrush.edits.mutual_self_attention import MutualSelfAttention
from wordbrush.edits.plug_and_play import PlugAndPlay
from wordbrush.edits.recipe_name import RecipeName
from wordbrush.edits.recipes import Recipe, describe_recipe
from wordbrush.edits.resize import LARGEST_RESIZE, SMALLEST_RESIZE, ResizeKind
from wordbrush.edits.schedule import DEFAULT
from wordbrush.edits.target_control import Control, CrossSteps, Region, SelfSteps
from wordbrush.errors import SettingsError
from wordbrush.settled import number, settle

EditKind = Literal["auto", "replace", "refine", "own"]
"""How the words of two prompts correspond: found word by word, one of the published kinds, or not at all."""

TextMass = Literal["source", "target"]
"""Whose attention to the text as a whole an edited map has, where text and picture share an axis."""

PROMPT_TO_PROMPT_MAX_PIXELS = 16**2
"""The largest self-attention that the Prompt-to-Prompt code injects."""
NULL_TEXT_MAX_PIXELS = 32**2
"""The largest self-attention that the null-text inversion code injects."""


class EditOptions(TypedDict, total=False):
    """The options of an edit, by the names that the API, the command line and records share.

    What is left out, or None, is the model's default. Sections are those of Prompt-to-Prompt (Hertz et al. 2022,
    arXiv:2208.01626) where no other paper is named.

    - `edit`: how the prompts' words correspond. "auto" finds it word by word, for prompts of any lengths; "replace"
      and "refine" force the published kinds (sections 3.2 and 3.3); with "own" each word keeps its own map, and
      `self_replace_steps` alone holds the layout. Default: the model's, "auto" for Stable Diffusion, "own" where text
      and picture share an axis (SD3, FLUX).
    - `new_word_factor`: the attention of the words that the target has and the source has not is multiplied by it,
      where `equalizer` gives them no factor; 1 changes nothing. Default: the model's, 1 for Stable Diffusion.
    - `text_mass`: where text and picture share an axis, a picture's position looks at all words together as much as
      the "source" does, or as much as the "target" does by itself. Default: "source".
    - `recipe`: what fills in the windows and the region that are left out: "auto" looks at what the prompts change (a
      thing, a place, a colour ...) and takes the recipe for that kind of change (`edits/recipes.py`); "published" is
      the paper to the letter. What is given by hand stands. Default: the model's; "auto" for the bundled one, which
      the recipes were measured on.
    - `cross_replace_steps`: the fraction of the steps, 0 to 1, in which words keep the source's cross-attention maps;
      `(start, end)` for a window of them, `{"cat": 0.4, "default_": 0.8}` for windows of single words (1.0 for all
      others, as published, where "default_" is not given). More holds more of the source. Default: the recipe's, or
      the model's, 0.8 for Stable Diffusion.
    - `self_replace_steps`: the same for the source's self-attention maps, which hold shapes and the background.
      Default: the recipe's, or the model's, 0.4 for Stable Diffusion.
    - `self_replace_max_pixels`: the largest self-attention layer that is kept, in attention positions (height x width
      of the layer), 1 or more. Default: the model's; 256 as in Prompt-to-Prompt, 1024 as in null-text inversion.
    - `equalizer`: factors by word, `{"smiling": 3.0}`: the word's attention is multiplied by it. 1 changes nothing, 0
      removes the word, a negative factor turns it around; usual values are -2 to 8 (section 3.4). Default: none.
    - `local_blend`: only the region of words may change; everything else stays the source's, bit for bit. "auto" for
      the words that the edit changes, a word, a list of words, or a `LocalBlend`; "off" for the whole picture.
      Default: the recipe's, unless there is a mask; "off" without one.
    - `mask`: a black and white picture, or the path of one, in the shape of the source: only what is white in it may
      change, and of that only the words' region if `local_blend` is given too. Default: None.
    - `mutual_self_attention`: frees the shape: the target's self-attention reads the source's content (MasaCtrl, Cao
      et al. 2023, arXiv:2304.08465); `MutualSelfAttention()` as published. Default: None.
    - `weight_region`: where the weight of an adjective or an adverb acts, which has no region of its own: "noun" for
      the region of its noun in the source, "picture" for everywhere, as published. Default: "picture".
    - `resize`: what a replaced thing of another size does: "auto" draws it larger or smaller, by the table of sizes
      (`wordbrush.sizes`), 0.5 to 2 times as long; a number from 0.25 to 4 is the ratio of its length to the old
      thing's; "off" keeps the old thing's size. Default: "off".
    - `plug_and_play`: holds the structure by the source's features and self-attention maps (Tumanyan et al. 2023,
      arXiv:2211.12572); `PlugAndPlay()` as published. Default: None.

    With `mutual_self_attention` or `plug_and_play`, windows that are not given are 0, as published, and no recipe is
    used; given, they act beside it.
    """

    edit: EditKind | None
    new_word_factor: float | None
    text_mass: TextMass | None
    recipe: RecipeName | None
    cross_replace_steps: CrossSteps | None
    self_replace_steps: SelfSteps | None
    self_replace_max_pixels: int | None
    equalizer: Mapping[str, float] | None
    local_blend: Region | None
    mask: str | Path | Image | LatentMask | None
    mutual_self_attention: MutualSelfAttention | None
    plug_and_play: PlugAndPlay | None
    weight_region: WeightRegion | None
    resize: ResizeKind | float | None


@dataclass(frozen=True)
class EditDefaults:
    """What a model says of the options that are left out; the values are Prompt-to-Prompt's for Stable Diffusion v1-4.

    The windows are the ends of all words' and of the self-attention's, 0 to 1.
    """

    recipe: RecipeName = "published"
    cross_replace_steps: float = 0.8
    self_replace_steps: float = 0.4
    self_replace_max_pixels: int = PROMPT_TO_PROMPT_MAX_PIXELS
    edit: EditKind = "auto"
    new_word_factor: float = 1.0


@dataclass(frozen=True)
class EditSettings:
    """An edit of one source into each of `targets`, with every default filled in: build it with `of`.

    `cross_replace_steps` has a window (start, end) per word and one under "default_"; `equalizer` a factor per word.
    A word that is in some of several targets acts in those. `weight_region` and `resize` act in regions of the
    source. `local_blend` holds everything outside of a region still, a user's own mask included.
    `mutual_self_attention` and `plug_and_play` act beside the windows, in all targets.

    With the recipe "auto", `kinds` are the kinds of change that it saw, one a target. Where they gave several targets
    different windows or regions, `own` has them, one a target, and those fields here are the first one's.
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
    own: tuple[Control, ...] = ()

    def __post_init__(self) -> None:
        """Check what does not depend on the prompts: a record's values come here without `of`."""
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
        Control(self.cross_replace_steps, self.self_replace_steps, self.local_blend)  # checks them

    @property
    def controls(self) -> tuple[Control, ...]:
        """How each target is held to its source."""
        shared = Control(self.cross_replace_steps, self.self_replace_steps, self.local_blend)
        return self.own or (shared,) * len(self.targets)

    def describe(self) -> tuple[str, ...]:
        """What the recipe saw in each target, and how it is made; empty without one."""
        return tuple(
            describe_recipe(
                kind, own.cross_replace_steps[DEFAULT], own.self_replace_steps, held=own.local_blend is not None
            )
            for kind, own in zip(self.kinds, self.controls, strict=bool(self.kinds))
        )

    @classmethod
    def of(
        cls,
        targets: str | Sequence[str],
        defaults: EditDefaults = EditDefaults(),  # frozen
        recipes: Sequence[Recipe] = (),
        **options: Unpack[EditOptions],
    ) -> Self:
        """Check a user's options and bring them to one form, with `recipes`, one a target, and else a model's
        `defaults` for what is left out.

        A `mask` must be a `LatentMask` here, and recipes are chosen: `Editor.edit_settings` does both.

        Raises `SettingsError` naming the bad value.

        >>> EditSettings.of("a cat", self_replace_steps=(0.1, 0.5)).cross_replace_steps
        {'default_': (0.0, 0.8)}
        """
        _refuse_unknown(options)
        mask = options.get("mask")
        if mask is not None and not isinstance(mask, LatentMask):
            raise SettingsError("the mask is a picture; an editor reads it for its model (Editor.edit_settings)")
        mutual, structure = options.get("mutual_self_attention"), options.get("plug_and_play")
        pixels, factor = options.get("self_replace_max_pixels"), options.get("new_word_factor")
        resize = options.get("resize")
        if mutual is not None or structure is not None:
            # A method of its own: Prompt-to-Prompt's windows would act against it unless they are asked for.
            recipes = ()
            controls: tuple[Control, ...] = (_control(options, mask, 0.0, 0.0, None),)
        elif recipes:
            controls = tuple(
                _control(options, mask, r.cross_replace_steps, r.self_replace_steps, r.local_blend) for r in recipes
            )
        else:
            controls = (_control(options, mask, defaults.cross_replace_steps, defaults.self_replace_steps, None),)
        return cls(
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
        )


def needs_recipes(options: EditOptions, defaults: EditDefaults) -> bool:
    """Whether recipes fill in what these options leave out. Raises `SettingsError` for a name that is none."""
    recipe = options.get("recipe") or defaults.recipe
    _one_of("recipe", recipe, get_args(RecipeName))
    alone = options.get("mutual_self_attention") is not None or options.get("plug_and_play") is not None
    return recipe == "auto" and not alone


def _control(
    options: EditOptions, mask: LatentMask | None, cross: float, held: float, blend: LocalBlend | None
) -> Control:
    """One target's control: what is given, and else these; a mask that is given stands for the region."""
    windows, window = options.get("cross_replace_steps"), options.get("self_replace_steps")
    region = options.get("local_blend")
    return Control.of(
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
