"""A choice of attention layers as JSON: what `wordbrush probe` writes, and `layers` of a model's `wordbrush.json`."""

from pathlib import Path

from wordbrush.attention.layer_choice import LayerChoice
from wordbrush.errors import ModelError
from wordbrush.files import expanded
from wordbrush.models.json_file import read_json

_FIELDS = ("words", "layout")


def read_layers(path: str | Path) -> LayerChoice:
    """The choice in `layers` of a JSON file. Raises `ModelError` for a file that has none."""
    file = expanded(path)
    content = read_json(file, f"there is no file '{file}'; wordbrush probe --model M writes one")
    if "layers" not in content:
        raise ModelError(f"'{file}' has no layers; give a file that wordbrush probe wrote")
    return layer_choice(content["layers"], file)


def layer_choice(said: object, path: Path) -> LayerChoice:
    """A choice from its JSON in the file `path`. Raises `ModelError` for anything but lists of names."""
    if not isinstance(said, dict) or not all(name in _FIELDS and _are_names(names) for name, names in said.items()):
        raise ModelError(f"'{path}' has layers that are no choice; give lists of layers' names as words and layout")
    return LayerChoice(**{name: tuple(names) for name, names in said.items()})


def _are_names(names: object) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
