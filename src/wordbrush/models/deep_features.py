"""A model call that computes a network's deep features and keeps them, or takes those of an earlier call instead.

U-Nets: what enters the last layer of the way up, so that a call that re-uses it runs the first convolution, that layer
and the output (DeepCache, Ma et al. 2024, arXiv 2312.00858). Transformers: what all blocks but the first and the last
add, so that such a call runs these two (the residual of block caches).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from wordbrush.models.instead import instead
from wordbrush.models.intercept import uncompiled
from wordbrush.sampling.deep_features import DeepFeatures


@contextmanager
def unet_features(unet: Any, deep: DeepFeatures) -> Iterator[None]:
    """A scope in which a conditional U-Net's next call keeps `deep`, or re-uses it, and runs as it was written, not as
    it was compiled. Leaves nothing behind.
    """
    *_, last = unet.up_blocks
    layers = [list(part) for part in (last.resnets, getattr(last, "attentions", ())) if len(part)]
    deepest = layers[-1][-2]
    with uncompiled(unet), ExitStack() as scope:
        if not deep.reuses:
            scope.callback(deepest.register_forward_hook(lambda *call: deep.keep([_first(call[-1])])).remove)
        else:
            (features,) = deep.held
            for block in unet.down_blocks:
                count = len(block.resnets) + (block.downsamplers is not None)
                scope.enter_context(instead(block, _passed_down(count)))
            if unet.mid_block is not None:
                scope.enter_context(instead(unet.mid_block, _passed))
            for block in unet.up_blocks[:-1]:
                scope.enter_context(instead(block, _passed))
            for part in layers:
                for layer in part[:-1]:
                    scope.enter_context(instead(layer, _passed if part is layers[0] else _passed_in_tuple))
            given = (features,) if len(layers) > 1 else features
            scope.enter_context(instead(deepest, lambda *_, **__: given))
        yield


@contextmanager
def shallow_control_net(net: Any) -> Iterator[None]:
    """A scope in which a ControlNet computes only what it adds to the first convolution of its U-Net: a call that
    re-uses deep features reads no more of it. What else it gives means nothing. Leaves nothing behind.
    """
    with ExitStack() as scope:
        for block in net.down_blocks:
            scope.enter_context(instead(block, _passed_down(len(block.resnets) + (block.downsamplers is not None))))
        for layer in (net.mid_block, *list(net.controlnet_down_blocks)[1:], net.controlnet_mid_block):
            scope.enter_context(instead(layer, _passed))
        yield


@contextmanager
def block_features(network: nn.Module, deep: DeepFeatures) -> Iterator[None]:
    """A scope in which a transformer's next call keeps `deep`, or re-uses it, and runs as it was written, not as it
    was compiled. Leaves nothing behind.

    Where it has fewer than three blocks, nothing is between the first and the last, and all run.
    """
    blocks = _longest_stack(network)
    first: list[Any] = []

    def keep(module: nn.Module, args: object, output: Any) -> None:
        pairs = zip(_parts(output), _parts(first[-1]), strict=True)
        deep.keep([None if after is None or before is None else after - before for after, before in pairs])

    def added(*_: object, **__: object) -> Any:
        parts = zip(_parts(first[-1]), deep.held, strict=True)
        made = tuple(part if more is None else part + more for part, more in parts)
        return made if isinstance(first[-1], tuple) else made[0]

    with uncompiled(network), ExitStack() as scope:
        if len(blocks) >= 3:
            scope.callback(blocks[0].register_forward_hook(lambda *call: first.append(call[-1])).remove)
            if not deep.reuses:
                scope.callback(blocks[-2].register_forward_hook(keep).remove)
            else:
                for block in blocks[1:-2]:
                    scope.enter_context(instead(block, lambda *_, **__: first[-1]))
                scope.enter_context(instead(blocks[-2], added))
        yield


def _longest_stack(network: nn.Module) -> Sequence[nn.Module]:
    """The blocks that a transformer runs in turn: the longest of its lists of modules."""
    stacks = [list(module) for module in network.children() if isinstance(module, nn.ModuleList)]
    return max(stacks, key=len)


def _passed(hidden: Tensor | None = None, *_: object, hidden_states: Tensor | None = None, **__: object) -> Any:
    """What a layer that is left out gives: what it is given."""
    return hidden_states if hidden is None else hidden


def _passed_in_tuple(
    hidden: Tensor | None = None, *_: object, hidden_states: Tensor | None = None, **__: object
) -> Any:
    return (_passed(hidden, hidden_states=hidden_states),)


def _passed_down(count: int) -> Callable[..., Any]:
    """A block of the way down that is left out, whose `count` outputs nobody reads."""

    def forward(*args: Any, **named: Any) -> Any:
        hidden = _passed(*args, **named)
        return hidden, (hidden,) * count

    return forward


def _first(output: Any) -> Tensor:
    tensor: Tensor = output[0] if isinstance(output, tuple) else output
    return tensor


def _parts(output: Any) -> tuple[Any, ...]:
    return output if isinstance(output, tuple) else (output,)
