"""A network that runs for a region alone, with diffusers' own forward: the rest is left out where it enters, and what
leaves is put among what the last whole call gave.

Legend: B rows, N positions of the picture, T tokens, C channels.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from wordbrush.attention.sites import AttentionLayer
from wordbrush.attention.surroundings import Answer, Surroundings
from wordbrush.models.intercept import Intercept, attention_modules

STAND_IN = 1
"""How many tokens of a text that the picture stands beside still run: diffusers' blocks cannot do without any. What
they give is not used."""
_OUTPUT = "the network's output"


@dataclass(frozen=True)
class TokenPath:
    """The modules of a transformer through which its tokens come and go, by name.

    `picture` gives the picture's tokens (B, N, C), and `output` takes them away; `text` gives the tokens (B, T, C) of
    a text that stands beside the picture, and `positions` the embeddings of all positions, the text's first.
    """

    picture: str
    output: str
    text: str | None = None
    positions: str | None = None


@contextmanager
def region_call(
    network: nn.Module,
    path: TokenPath,
    layers: Sequence[AttentionLayer],
    surroundings: Surroundings,
    answer: Answer,
) -> Iterator[None]:
    """A scope in which a transformer's next call is kept as `surroundings`, or is of their region alone.

    `answer` computes each attention. Leaves nothing behind.
    """
    region = surroundings.region
    inside_n = torch.empty(0) if region is None else region.at(region.grid).inside_n
    with ExitStack() as scope:
        scope.enter_context(among(network, path.output, (slice(None), inside_n), layers, surroundings, answer))
        if region is not None:
            changed(scope, network, path.picture, lambda tokens: tokens[:, inside_n])
            if path.text is not None:
                changed(scope, network, path.text, lambda tokens: tokens[:, :STAND_IN])
            if path.positions is not None:
                text = max(layer.text.stop for layer in layers)
                changed(scope, network, path.positions, partial(_positions, inside_n, text))
        yield


@contextmanager
def among(
    network: nn.Module,
    output: str,
    part: tuple[Any, ...],
    layers: Sequence[AttentionLayer],
    surroundings: Surroundings,
    answer: Answer,
) -> Iterator[None]:
    """A scope in which attention of a call is kept, or is of a region that looks at its surroundings, and so is what
    the module `output` gives, of which the region's is a `part`.
    """
    region, modules = surroundings.region, attention_modules(network)
    with ExitStack() as scope:
        if region is None:
            changed(scope, network, output, lambda whole: surroundings.hold(_OUTPUT, whole))
            scope.enter_context(Intercept(modules, layers, lambda call: surroundings.keep(call, answer)))
        else:
            changed(scope, network, output, lambda its: _put_back(surroundings, part, its))
            inside = [region.layer(layer, STAND_IN) for layer in layers]
            scope.enter_context(Intercept(modules, inside, lambda call: surroundings.attend(call, answer)))
        yield


def changed(scope: ExitStack, network: nn.Module, name: str, change: Callable[[Any], Any]) -> None:
    """Let a module give what `change` makes of its output, if that is anything, until `scope` ends."""
    hook = network.get_submodule(name).register_forward_hook(lambda module, args, output: change(output))
    scope.callback(hook.remove)


def _put_back(surroundings: Surroundings, part: tuple[Any, ...], its: Tensor) -> Tensor:
    whole: Tensor = surroundings.held(_OUTPUT, lambda kept: kept).clone()
    whole[part] = its
    return whole


def _positions(inside_n: Tensor, text: int, embeddings: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    at = torch.cat([torch.arange(STAND_IN), inside_n.cpu() + text])
    return tuple(each[at.to(each.device)] for each in embeddings)
