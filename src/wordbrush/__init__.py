"""Edit an image by editing its prompt.

>>> import wordbrush
>>> wordbrush.Editor.__name__
'Editor'
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wordbrush.editor import Editor
    from wordbrush.edits.blend import LocalBlend
    from wordbrush.edits.mutual_self_attention import MutualSelfAttention
    from wordbrush.edits.plug_and_play import PlugAndPlay
    from wordbrush.inversion.report import InversionReport
    from wordbrush.maps.attention_maps import AttentionMaps
    from wordbrush.maps.request import MapsRequest
    from wordbrush.runs.cache import InversionCache
    from wordbrush.runs.png import read_record
    from wordbrush.runs.record import RunRecord
    from wordbrush.runs.results import EditResult, Source

__all__ = [
    "AttentionMaps",
    "EditResult",
    "Editor",
    "InversionCache",
    "InversionReport",
    "LocalBlend",
    "MapsRequest",
    "MutualSelfAttention",
    "PlugAndPlay",
    "RunRecord",
    "Source",
    "read_record",
]

_HOMES = {
    "AttentionMaps": "wordbrush.maps.attention_maps",
    "EditResult": "wordbrush.runs.results",
    "Editor": "wordbrush.editor",
    "InversionCache": "wordbrush.runs.cache",
    "InversionReport": "wordbrush.inversion.report",
    "LocalBlend": "wordbrush.edits.blend",
    "MapsRequest": "wordbrush.maps.request",
    "MutualSelfAttention": "wordbrush.edits.mutual_self_attention",
    "PlugAndPlay": "wordbrush.edits.plug_and_play",
    "RunRecord": "wordbrush.runs.record",
    "Source": "wordbrush.runs.results",
    "read_record": "wordbrush.runs.png",
}


def __getattr__(name: str) -> object:
    """Import on first use: `import wordbrush` and the command line's help stay light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'wordbrush' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
