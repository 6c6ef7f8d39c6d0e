"""The picture of a source as its edits' local blends see it."""

from PIL.Image import Image
from torch import Tensor

from wordbrush.edits.blend import LocalBlend
from wordbrush.pictures.outlines import outlined
from wordbrush.pictures.parted import parted
from wordbrush.pictures.rearranged import rearranged
from wordbrush.pictures.recoloured import recoloured
from wordbrush.pictures.renumbered import renumbered
from wordbrush.pictures.rescaled import rescaled
from wordbrush.sampling.adapter import Adapter


class SourcePicture:
    """The picture of one source, decoded once at most for all blends of a run."""

    def __init__(self, adapter: Adapter, canvas: Image | None) -> None:
        """Decode with a model's autoencoder; `canvas` is the picture, if it is there."""
        self._adapter, self._canvas = adapter, canvas

    def of(self, finished: Tensor) -> Image:
        """The picture, whose finished latents (1, C, h, w) these are."""
        if self._canvas is None:
            self._canvas = self._adapter.decode(finished)
        return self._canvas


class SourceSight:
    """A `Sight` of one source, for one blend."""

    def __init__(self, adapter: Adapter, blend: LocalBlend, picture: SourcePicture) -> None:
        """See what a blend asks for; a model's autoencoder reads what is drawn."""
        self._adapter, self._blend, self._picture = adapter, blend, picture

    def outlined(self, finished: Tensor, maps_Phw: Tensor) -> Tensor:
        """Maps (P, H, W) of the words in it, carried to the outlines of things, or how likely pixels are theirs."""
        size = (finished.shape[-2], finished.shape[-1])
        carried = parted if self._blend.parted else outlined
        return carried(maps_Phw, self._picture.of(finished), size).to(maps_Phw.device)

    def redrawn(self, finished: Tensor, thing_HW: Tensor, others_HW: Tensor) -> tuple[Tensor, Tensor]:
        """The picture's latents with a thing in the blend's size, number, place or colour, and the cells (h, w) that
        it touches.
        """
        picture, size = self._picture.of(finished), (finished.shape[-2], finished.shape[-1])
        blend = self._blend
        if blend.fill_colour is not None:
            drawn, changed_hw = recoloured(picture, thing_HW, blend.fill_colour, size)
        elif blend.fill_relation is not None:
            drawn, changed_hw = rearranged(picture, thing_HW, others_HW, blend.fill_relation, size)
        elif blend.fill_counts is not None:
            drawn, changed_hw = renumbered(picture, thing_HW, *blend.fill_counts, size)
        else:
            drawn, changed_hw = rescaled(picture, thing_HW, blend.fill_scale, size)
        return self._adapter.encode_image(drawn).to(finished), changed_hw
