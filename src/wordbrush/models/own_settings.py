"""What a model is used with where a caller gives nothing, and what its folder may say of that itself."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from wordbrush.attention.layer_choice import OWN_CHOICE, LayerChoice
from wordbrush.edits.recipe_name import RecipeName
from wordbrush.edits.settings import EditDefaults, EditKind
from wordbrush.edits.window import Window
from wordbrush.errors import ModelError, SettingsError
from wordbrush.inversion.methods import DEFAULT_METHOD, FLOW_METHODS, METHODS
from wordbrush.models.json_file import read_json
from wordbrush.models.layer_file import layer_choice
from wordbrush.sampling.settings import GenerationDefaults

NAME = "wordbrush.json"
_BESIDE_DEFAULTS = ("vocabulary", "layers")


@dataclass(frozen=True)
class Defaults(EditDefaults, GenerationDefaults):
    """What a model is used with where a caller gives nothing; `inversion` is the method for photographs."""

    inversion: str = DEFAULT_METHOD


def read_own_settings(folder: Path, family: Defaults | None = None) -> tuple[Defaults, frozenset[str] | None]:
    """The defaults of a model, and the only words that it knows (None: all), from its folder's `wordbrush.json`.

    What it does not say is its `family`'s, by default Stable Diffusion's: every field of that file, and the file
    itself, may be missing. Raises `ModelError` for one that is wrong.
    """
    path = folder / NAME
    if not path.exists():
        return family or Defaults(), None
    own = read_json(path, f"'{path}' cannot be read")
    vocabulary = own.pop("vocabulary", None)
    own.pop("layers", None)  # see `own_layers`
    if vocabulary is not None and not _is_words(vocabulary):
        raise ModelError(f"'{path}' has a vocabulary that is not a list of words; give a list of strings")
    for name, value in own.items():
        if name not in Defaults.__dataclass_fields__:
            known = ", ".join((*Defaults.__dataclass_fields__, *_BESIDE_DEFAULTS))
            raise ModelError(f"'{path}' has '{name}'; it may have {known}")
        _check(path, name, value)
    return replace(family or Defaults(), **own), None if vocabulary is None else frozenset(vocabulary)


def own_layers(folder: Path) -> LayerChoice:
    """What a model's folder says of its layers, in `layers` of its `wordbrush.json`: the family's choice if nothing.

    `wordbrush probe` measures it. Raises `ModelError` for one that is not an object of lists of names.
    """
    path = folder / NAME
    said = read_json(path, "").get("layers") if path.exists() else None
    return OWN_CHOICE if said is None else layer_choice(said, path)


def _check(path: Path, name: str, value: object) -> None:
    if name in ("num_inference_steps", "self_replace_max_pixels"):
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        needed = "a whole number of 1 or more"
    elif name == "edit":
        fits, needed = value in get_args(EditKind), f"one of {', '.join(get_args(EditKind))}"
    elif name == "new_word_factor":
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        needed = "a finite number"
    elif name == "guidance_scale":
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
        needed = "a number of 0 or more"
    elif name == "inversion":
        fits, needed = value in (*METHODS, *FLOW_METHODS), f"one of {', '.join((*METHODS, *FLOW_METHODS))}"
    elif name == "recipe":
        fits, needed = value in get_args(RecipeName), f"one of {', '.join(get_args(RecipeName))}"
    else:
        fits, needed = not isinstance(value, list) and _is_window(value), "a number in 0..1"
    if not fits:
        raise ModelError(f"'{path}' has {name} = {value!r:.40}; give {needed}")


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _is_window(value: object) -> bool:
    try:
        Window.parse(value, "")
    except SettingsError:
        return False
    return True
