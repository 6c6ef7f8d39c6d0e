"""Plug-and-Play as data: the source's spatial features and self-attention maps under another prompt's look."""

from dataclasses import dataclass

from wordbrush.edits.editable_layers import check_part
from wordbrush.edits.window import Window
from wordbrush.settled import settle


@dataclass(frozen=True)
class PlugAndPlay:
    """Holds the source's structure by its features, whatever the target's words are (Tumanyan et al. 2023,
    arXiv:2211.12572).

    The output of one residual block of the decoder is the source's: of its convolutions, before the block's own input
    is added again. Self-attention maps in the decoder's layers are the source's as well. Both act in the rows with the
    prompt and in those with the negative prompt, as in the authors' code; the source's row is the one with its prompt.

    - `feature_replace_steps`: the fraction of the steps in which the block's output is the source's, from 0 to 1.
      Default: 0.8, as published.
    - `attention_replace_steps`: the fraction of the steps in which the maps are the source's, from 0 to 1. Default:
      0.5, as published.
    - `feature_layer`: which residual block, as a fraction of the decoder's, from 0 to below 1. Default: 1/3, for
      Stable Diffusion the published block 4 of 12: `up_blocks.1.resnets.1`.
    - `start_layer`: the fraction of the decoder's self-attention layers to leave out, from the first, from 0 to below
      1. Default: 1/9, for Stable Diffusion the published layers from 1 of 9 on.

    Raises `SettingsError` for a value outside of its range.

    >>> PlugAndPlay().feature_window.steps(50)
    range(0, 40)
    """

    feature_replace_steps: float = 0.8
    attention_replace_steps: float = 0.5
    feature_layer: float = 1 / 3
    start_layer: float = 1 / 9

    def __post_init__(self) -> None:
        """Check the values. Raises `SettingsError`."""
        Window.parse(self.feature_replace_steps, "feature_replace_steps of Plug-and-Play")
        Window.parse(self.attention_replace_steps, "attention_replace_steps of Plug-and-Play")
        check_part("feature_layer of Plug-and-Play", self.feature_layer)
        check_part("start_layer of Plug-and-Play", self.start_layer)
        settle(self)

    @property
    def feature_window(self) -> Window:
        """When the residual block's output is the source's."""
        return Window(0.0, self.feature_replace_steps)

    @property
    def attention_window(self) -> Window:
        """When the self-attention maps are the source's."""
        return Window(0.0, self.attention_replace_steps)
