"""Mutual self-attention as data: the target's shape with the source's content (MasaCtrl)."""

from dataclasses import dataclass

from wordbrush.edits.editable_layers import check_part
from wordbrush.edits.window import Window
from wordbrush.settled import settle


@dataclass(frozen=True)
class MutualSelfAttention:
    """The target's self-attention reads the source: `softmax(q_target k_source^T) v_source` (MasaCtrl, Cao et al.
    2023, arXiv:2304.08465). Shape and pose follow the target's prompt; their content is looked up in the source.

    - `start_step`: the fraction of the steps before it starts to act, from 0 to 1; the target's layout forms in these
      steps. Default: 0.08, the published step 4 of 50.
    - `end_step`: the fraction of the steps after which it ends, from `start_step` to 1. Default: 1.
    - `start_layer`: the fraction of the decoder's self-attention layers to leave out, from the first, from 0 to below
      1. Default: 1/3, for Stable Diffusion the published layers 10 to 15 of 16: `up_blocks.2` and `up_blocks.3`.

    Raises `SettingsError` for a value outside of its range.

    >>> MutualSelfAttention().window.steps(50)
    range(4, 50)
    """

    start_step: float = 0.08
    end_step: float = 1.0
    start_layer: float = 1 / 3

    def __post_init__(self) -> None:
        """Check the values. Raises `SettingsError`."""
        Window.parse((self.start_step, self.end_step), "the window of mutual self-attention")
        check_part("start_layer of mutual self-attention", self.start_layer)
        settle(self)

    @property
    def window(self) -> Window:
        """When it acts; bounds are rounded like those of `self_replace_steps`."""
        return Window(self.start_step, self.end_step)
