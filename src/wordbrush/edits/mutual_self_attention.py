"""Mutual self-attention as data: the target's shape with the source's content (MasaCtrl)."""

from dataclasses import dataclass

from wordbrush.edits.editable_layers import check_part
from wordbrush.edits.schedule import Window
from wordbrush.settled import settle


@dataclass(frozen=True)
class MutualSelfAttention:
    """The target's self-attention looks at the source: `softmax(q_target k_source^T) v_source`.

    Shape and pose are the target prompt's, and what fills them is looked up in the source (MasaCtrl, Cao et al. 2023,
    arXiv 2304.08465). It acts from the part `start_step` of the steps on, until `end_step`, when the target's layout
    is there; and in the decoder's self-attention layers but for the first `start_layer` part of them. The defaults are
    the published step 4 of 50 and, for Stable Diffusion, its layers 10 to 15 of 16: `up_blocks.2` and `up_blocks.3`.

    >>> MutualSelfAttention().window.self_steps(50)
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
        """When it acts; bounds as those of `self_replace_steps`."""
        return Window(self.start_step, self.end_step)
