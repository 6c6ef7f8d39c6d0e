"""The picture of a source as its edits' local blends see it."""

from PIL.Image import Image
from torch import Tensor

from wordbrush.edits.blend import LocalBlend
from wordbrush.pictures.outlines import outlined
from wordbrush.pictures.renumbered import renumbered
from wordbrush.pictures.rescaled import rescaled
from wordbrush.sampling.adapter import Adapter


class SourceSight:
    """A `Sight` of one source, for one blend: its picture is decoded once at most."""

    def __init__(self, adapter: Adapter, blend: LocalBlend, canvas: Image | None) -> None:
        """See with a model's autoencoder what a blend asks for; `canvas` is the source's picture, if it is there."""
        self._adapter, self._blend, self._canvas = adapter, blend, canvas

    def outlined(self, finished: Tensor, maps_Phw: Tensor) -> Tensor:
        """Maps (P, H, W) of the words in it, carried to the outlines of things."""
        size = (finished.shape[-2], finished.shape[-1])
        return outlined(maps_Phw, self._picture(finished), size).to(maps_Phw.device)

    def redrawn(self, finished: Tensor, thing_HW: Tensor) -> tuple[Tensor, Tensor]:
        """The picture's latents with a thing in the blend's size or number, and the cells (h, w) that it touches."""
        picture, size = self._picture(finished), (finished.shape[-2], finished.shape[-1])
        if self._blend.fill_counts is None:
            drawn, changed_hw = rescaled(picture, thing_HW, self._blend.fill_scale, size)
        else:
            drawn, changed_hw = renumbered(picture, thing_HW, *self._blend.fill_counts, size)
        return self._adapter.encode_image(drawn).to(finished), changed_hw

    def _picture(self, finished: Tensor) -> Image:
        if self._canvas is None:
            self._canvas = self._adapter.decode(finished)
        return self._canvas
