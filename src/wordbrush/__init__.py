"""Edit an image by editing its prompt.

>>> import wordbrush
>>> editor = wordbrush.Editor.from_pretrained()
>>> source = editor.generate("a dog eating an apple", seed=7, num_inference_steps=10)
>>> result = editor.edit(source, "a cat eating an apple")
>>> result.record.acted[0][0]
"'dog' -> 'cat'"

Names are imported on first use: `import wordbrush` and the command line's help stay light.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wordbrush.editor import Editor as Editor
    from wordbrush.editor import RunOptions as RunOptions
    from wordbrush.edits.blend import LocalBlend as LocalBlend
    from wordbrush.edits.lora_window import LoraWindow as LoraWindow
    from wordbrush.edits.mutual_self_attention import MutualSelfAttention as MutualSelfAttention
    from wordbrush.edits.plug_and_play import PlugAndPlay as PlugAndPlay
    from wordbrush.edits.settings import EditOptions as EditOptions
    from wordbrush.edits.settings import EditSettings as EditSettings
    from wordbrush.edits.shortcuts import Shortcuts as Shortcuts
    from wordbrush.edits.strength import StrengthSearch as StrengthSearch
    from wordbrush.errors import ControlError as ControlError
    from wordbrush.errors import DataError as DataError
    from wordbrush.errors import IdleEditError as IdleEditError
    from wordbrush.errors import MissingPackageError as MissingPackageError
    from wordbrush.errors import ModelError as ModelError
    from wordbrush.errors import OutputError as OutputError
    from wordbrush.errors import PhotoError as PhotoError
    from wordbrush.errors import PromptError as PromptError
    from wordbrush.errors import RecordError as RecordError
    from wordbrush.errors import SettingsError as SettingsError
    from wordbrush.errors import WordbrushError as WordbrushError
    from wordbrush.inversion.report import InversionReport as InversionReport
    from wordbrush.inversion.settings import InversionSettings as InversionSettings
    from wordbrush.maps.attention_maps import AttentionMaps as AttentionMaps
    from wordbrush.maps.request import MapsRequest as MapsRequest
    from wordbrush.pictures.read import Photo as Photo
    from wordbrush.pictures.read import read_photo as read_photo
    from wordbrush.runs.cache import InversionCache as InversionCache
    from wordbrush.runs.png import read_record as read_record
    from wordbrush.runs.record import RunRecord as RunRecord
    from wordbrush.runs.results import EditResult as EditResult
    from wordbrush.runs.results import EditResults as EditResults
    from wordbrush.runs.results import Source as Source
    from wordbrush.sampling.settings import GenerationOptions as GenerationOptions
    from wordbrush.sampling.settings import GenerationSettings as GenerationSettings

_HOMES = {
    "editor": "Editor RunOptions",
    "edits.blend": "LocalBlend",
    "edits.lora_window": "LoraWindow",
    "edits.shortcuts": "Shortcuts",
    "edits.mutual_self_attention": "MutualSelfAttention",
    "edits.plug_and_play": "PlugAndPlay",
    "edits.settings": "EditOptions EditSettings",
    "edits.strength": "StrengthSearch",
    "errors": "ControlError DataError IdleEditError MissingPackageError ModelError OutputError PhotoError PromptError "
    "RecordError SettingsError WordbrushError",
    "inversion.report": "InversionReport",
    "inversion.settings": "InversionSettings",
    "maps.attention_maps": "AttentionMaps",
    "maps.request": "MapsRequest",
    "pictures.read": "Photo read_photo",
    "runs.cache": "InversionCache",
    "runs.png": "read_record",
    "runs.record": "RunRecord",
    "runs.results": "EditResult EditResults Source",
    "sampling.settings": "GenerationOptions GenerationSettings",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # type checkers read the block above


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wordbrush' has no attribute '{name}'")
    return getattr(import_module(f"wordbrush.{_HOME_OF[name]}"), name)
