"""Options of methods that act beside the windows: mutual self-attention and Plug-and-Play."""

from typing import TYPE_CHECKING, Annotated

import typer

from wordbrush.errors import SettingsError

if TYPE_CHECKING:
    from wordbrush.edits.mutual_self_attention import MutualSelfAttention
    from wordbrush.edits.plug_and_play import PlugAndPlay

Mutual = Annotated[bool, typer.Option("--mutual", help="Free the shape: self-attention reads the source.")]
MutualStart = Annotated[float | None, typer.Option(help="Part of the steps before --mutual acts; 0.08.")]
MutualLayer = Annotated[float | None, typer.Option(help="Part of the decoder's layers that it leaves out; 0.33.")]
Structure = Annotated[bool, typer.Option("--plug-and-play", help="Hold the structure: the source's features.")]
FeatureSteps = Annotated[float | None, typer.Option(help="Part of the steps that take its features; 0.8.")]
AttentionSteps = Annotated[float | None, typer.Option(help="Part of the steps that take its self-attention; 0.5.")]


def mutual_options(mutual: bool, start: float | None, layer: float | None) -> "MutualSelfAttention | None":
    """Read the options of mutual self-attention; None where it is not asked for. Raises `SettingsError`."""
    given = _given(mutual, "--mutual", {"mutual_start": start, "mutual_layer": layer})
    if given is None:
        return None
    from wordbrush.edits.mutual_self_attention import MutualSelfAttention

    fields = {"mutual_start": "start_step", "mutual_layer": "start_layer"}
    return MutualSelfAttention(**{fields[name]: value for name, value in given.items()})


def structure_options(
    plug_and_play: bool, feature_steps: float | None, attention_steps: float | None
) -> "PlugAndPlay | None":
    """Read the options of Plug-and-Play; None where it is not asked for. Raises `SettingsError`."""
    given = _given(
        plug_and_play, "--plug-and-play", {"feature_steps": feature_steps, "attention_steps": attention_steps}
    )
    if given is None:
        return None
    from wordbrush.edits.plug_and_play import PlugAndPlay

    fields = {"feature_steps": "feature_replace_steps", "attention_steps": "attention_replace_steps"}
    return PlugAndPlay(**{fields[name]: value for name, value in given.items()})


def _given(asked: bool, method: str, options: dict[str, float | None]) -> dict[str, float] | None:
    given = {name: value for name, value in options.items() if value is not None}
    if asked:
        return given
    for name in given:
        raise SettingsError(f"--{name.replace('_', '-')} does nothing alone; add {method}")
    return None
