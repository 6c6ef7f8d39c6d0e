"""The layers of a model that an edit may name, as an adapter lists them."""

from collections.abc import Mapping
from dataclasses import dataclass

from wordbrush.errors import ControlError, SettingsError


@dataclass(frozen=True)
class EditableLayers:
    """Self-attention layers and residual blocks by module name, in the order in which they run.

    `self_pixels` has all self-attention layers with their numbers of image positions. `decoder_self` has those of the
    decoder (the upward half of a U-Net, the finest last), and `decoder_blocks` its residual blocks. `layout` are the
    self-attention layers that hold the layout; empty where all do.
    """

    self_pixels: Mapping[str, int]
    decoder_self: tuple[str, ...]
    decoder_blocks: tuple[str, ...]
    layout: tuple[str, ...] = ()

    def self_up_to(self, max_pixels: int) -> frozenset[str]:
        """Self-attention layers that hold the layout, of at most `max_pixels` positions.

        Raises `ControlError` if there are none.
        """
        if not self.self_pixels:
            raise ControlError(
                "this model's self-attention is linear and forms no map, so self_replace_steps would do nothing; set "
                "it to 0"
            )
        holding = self.layout or tuple(self.self_pixels)
        names = frozenset(name for name in holding if self.self_pixels[name] <= max_pixels)
        if not names:
            raise ControlError(
                f"no self-attention layer has {max_pixels} positions or fewer at this size, so self_replace_steps "
                "would do nothing; raise self_replace_max_pixels or set self_replace_steps to 0"
            )
        return names

    def decoder_self_from(self, start_layer: float) -> frozenset[str]:
        """The decoder's self-attention layers without the first `start_layer` fraction of them: from `int(f * count)`
        on.

        >>> layers = EditableLayers({}, ("up.0", "up.1", "up.2"), ())
        >>> sorted(layers.decoder_self_from(1 / 3))
        ['up.1', 'up.2']
        """
        if not self.decoder_self:
            raise ControlError("this model has no self-attention in a decoder; use self_replace_steps instead")
        return frozenset(self.decoder_self[int(start_layer * len(self.decoder_self)) :])

    def decoder_block_at(self, layer: float) -> str:
        """The residual block after the first `layer` fraction of the decoder's: number `int(f * count)`, from 0."""
        if not self.decoder_blocks:
            raise ControlError("this model has no residual blocks in a decoder; set feature_replace_steps to 0")
        return self.decoder_blocks[int(layer * len(self.decoder_blocks))]


def check_part(name: str, value: float) -> None:
    """Raise `SettingsError` unless `value` is a fraction of a model's layers, from 0 to below 1."""
    if not 0 <= value < 1:
        raise SettingsError(f"{name} is {value}; give a fraction of the decoder's layers, from 0 to below 1")
