"""A U-Net that runs for a box of its latents alone: convolutions see the border of the last whole call around it, and
group norms have that call's mean and deviation (as in SIGE, Li et al. 2022, arXiv:2211.02048), both moved along with
the box (`attention/drift.py`).

So where nothing has changed since, the box is what a whole call computes. Legend: B rows, C channels, G groups, h and
w positions or cells.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wordbrush.attention.drift import Outside, Spread
from wordbrush.attention.region import Region, RegionForm
from wordbrush.attention.sites import AttentionLayer
from wordbrush.attention.surroundings import Answer, Surroundings
from wordbrush.models.intercept import Inside, NamedMode, attention_modules, named_modules
from wordbrush.models.region import among, changed

_ENTERS, _LEAVES = "conv_in", "conv_out"
"""The first convolution of diffusers' conditional U-Nets, which always runs whole, and the last one."""
_PLACES = 2, 3
LEAST_CELLS = 48 * 48
"""In fewer latent cells the weights take as long to read as the positions to compute, and small operations show."""
_FEW = 64
"""At so many places or fewer a convolution is one matrix product on a processor."""


def unet_region_form(unet: Any, coarsest: int) -> RegionForm | None:
    """Boxes of whole positions of its coarsest layer. None of a U-Net that halves its picture without a border, whose
    border was set to the other side of the picture (for tiles), or that weighs frequencies of the whole (FreeU).
    """
    borders = all(module.padding_mode == "zeros" for module in unet.modules() if isinstance(module, nn.Conv2d))
    weighs = any(getattr(block, "s1", None) is not None for block in unet.up_blocks)
    if unet.config["downsample_padding"] != 1 or not borders or weighs:
        return None
    return RegionForm(coarsest, box=True, least=LEAST_CELLS)


@contextmanager
def unet_region_call(
    unet: nn.Module,
    coarsest: int,
    latent_size: tuple[int, int],
    layers: Sequence[AttentionLayer],
    surroundings: Surroundings,
    answer: Answer,
    *,
    shallow: bool = False,
) -> Iterator[None]:
    """A scope in which a U-Net's next call, on latents (h, w), is kept as `surroundings`, or is of their region alone.

    `coarsest` is that of its `unet_region_form`; `answer` computes each attention; not all run in a `shallow` call,
    which re-uses deep features. Leaves nothing behind.
    """
    cells = latent_size[0] // coarsest, latent_size[1] // coarsest
    region, mode = surroundings.region, _LocalMode(surroundings, cells)
    part = () if region is None else _box(region, latent_size)
    with ExitStack() as scope:
        scope.enter_context(Inside(_local_modules(unet), mode))
        scope.enter_context(
            among(unet, attention_modules(unet), _LEAVES, part, layers, surroundings, answer, shallow=shallow)
        )
        if region is not None:
            changed(scope, unet, _ENTERS, lambda hidden: hidden[part])
        yield


def _box(region: Region, grid: tuple[int, int]) -> tuple[Any, ...]:
    box = region.box(grid)
    return ..., slice(box.top, box.bottom), slice(box.left, box.right)


def _local_modules(unet: nn.Module) -> dict[str, nn.Module]:
    """The modules between the first convolution and the end that look beyond a position."""
    return {
        name: module
        for name, module in named_modules(unet)
        if isinstance(module, nn.GroupNorm)
        or (isinstance(module, nn.Conv2d) and any(module.padding) and not name.startswith(_ENTERS))
    }


class _LocalMode(NamedMode):
    """Convolutions and group norms of a call that is kept, or that is of the region alone."""

    def __init__(self, surroundings: Surroundings, cells: tuple[int, int]) -> None:
        super().__init__()
        self._surroundings = surroundings
        self._region = surroundings.region
        self._cells = cells

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.conv2d:
            return self._convolved(*args, **kwargs)
        if func is F.group_norm:
            return self._normed(*args, **kwargs)
        return func(*args, **kwargs)

    def _convolved(
        self,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: Any,
        padding: tuple[int, int],
        dilation: Any,
        groups: int,
    ) -> Tensor:
        if self._region is None:
            self._surroundings.hold(self.name, input)
            return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
        high, wide = padding
        border, beyond = self._surroundings.held(self.name, lambda whole: self._border(whole, high, wide))
        seen = F.pad(border.beside(input), beyond)
        seen[:, :, high : high + input.shape[2], wide : wide + input.shape[3]] = input
        few = input.device.type == "cpu" and input[0, 0].numel() <= _FEW
        if few and groups == 1 and set(dilation) == {1}:
            return _multiplied(seen, weight, bias, stride)
        return F.conv2d(seen, weight, bias, stride, 0, dilation, groups)

    def _border(self, whole: Tensor, high: int, wide: int) -> tuple[Outside, list[int]]:
        """What a convolution saw in the box and in a border around it, and how far that is beyond the picture."""
        assert self._region is not None
        height, width = whole.shape[2:]
        box = self._region.box((height, width))
        around = wide - box.left, box.right + wide - width, high - box.top, box.bottom + high - height
        border = F.pad(whole, [min(each, 0) for each in around])
        outside = Outside(border, whole[_box(self._region, (height, width))], _PLACES)
        return outside, [max(each, 0) for each in around]

    def _normed(self, input: Tensor, num_groups: int, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        if self._region is None:
            self._surroundings.hold(self.name, *_moments(input, num_groups, self._cells))
            return F.group_norm(input, num_groups, weight, bias, eps)
        all_BG1, before_BG1 = self._surroundings.held(self.name, self._spreads)
        now_BG1 = Spread.of(input.reshape(len(input), num_groups, -1), [2])
        mean_BG1 = all_BG1.mean + now_BG1.mean - before_BG1.mean
        by_BG1 = 1 / ((all_BG1.variance + eps).sqrt() * now_BG1.growth(before_BG1, all_BG1.variance))
        scale_BC = weight * by_BG1.expand(-1, -1, len(weight) // num_groups).flatten(1)
        shift_BC = bias - scale_BC * mean_BG1.expand(-1, -1, len(weight) // num_groups).flatten(1)
        return torch.addcmul(shift_BC[:, :, None, None], input, scale_BC[:, :, None, None]).to(input.dtype)

    def _spreads(self, mean_BGhw: Tensor, square_BGhw: Tensor) -> tuple[Spread, Spread]:
        """Of the whole picture, and of the box, as (B, G, 1)."""
        assert self._region is not None
        box, found = _box(self._region, self._cells), []
        for moments in ((mean_BGhw, square_BGhw), (mean_BGhw[box], square_BGhw[box])):
            mean_BG1, square_BG1 = (moment.mean(_PLACES)[:, :, None] for moment in moments)
            found.append(Spread.of_moments(mean_BG1, square_BG1, moments[0][0, 0].numel()))
        return found[0], found[1]


def _moments(input: Tensor, groups: int, cells: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The means of values and of their squares in each cell (B, G, h, w)."""
    exact = input.to(torch.promote_types(input.dtype, torch.float32))
    by_group = exact.reshape(len(exact), groups, -1, *exact.shape[2:])
    side = exact.shape[2] // cells[0], exact.shape[3] // cells[1]
    mean_BGhw, square_BGhw = (F.avg_pool2d(each.mean(2), side) for each in (by_group, by_group.square()))
    return mean_BGhw, square_BGhw


def _multiplied(input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any) -> Tensor:
    """The convolution of an input with its border, as one matrix product: at few places a kernel takes longer to lay
    out the weights than to multiply them.
    """
    high, wide = weight.shape[2:]
    seen_BChwyx = input.unfold(2, high, stride[0]).unfold(3, wide, stride[1])
    rows, _, height, width = seen_BChwyx.shape[:4]
    places = seen_BChwyx.permute(0, 2, 3, 1, 4, 5).reshape(rows * height * width, -1)
    return F.linear(places, weight.flatten(1), bias).view(rows, height, width, -1).permute(0, 3, 1, 2)
