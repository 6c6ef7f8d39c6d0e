"""A transformer that runs for a region's positions alone, with diffusers' own forward: tokens are left out where they
enter, and what leaves is put among what the last whole call gave.

Legend: B rows, N positions of the picture, n of the region, T tokens, C channels.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from wordbrush.attention.sites import AttentionLayer
from wordbrush.attention.surroundings import Answer, Region, Surroundings
from wordbrush.models.intercept import Intercept, attention_modules

STAND_IN = 1
"""How many tokens of a text that the picture stands beside still run: diffusers' blocks cannot do without any. What
they give is not used."""


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
    """A scope in which the network's next call is kept as `surroundings`, or is of their region alone.

    `answer` computes each attention. Leaves nothing behind.
    """
    modules, region = attention_modules(network), surroundings.region
    with ExitStack() as scope:
        if region is None:
            _changed(scope, network, path.output, surroundings.keep_output)
            scope.enter_context(Intercept(modules, layers, lambda call: surroundings.keep(call, answer)))
        else:
            _changed(scope, network, path.picture, lambda tokens: tokens[:, region.inside_n])
            _changed(scope, network, path.output, surroundings.put_back)
            if path.text is not None:
                _changed(scope, network, path.text, lambda tokens: tokens[:, :STAND_IN])
            if path.positions is not None:
                text = max(layer.text.stop for layer in layers)
                _changed(scope, network, path.positions, partial(_positions, region, text))
            inside = [region.layer(layer, STAND_IN) for layer in layers]
            scope.enter_context(Intercept(modules, inside, lambda call: surroundings.attend(call, answer)))
        yield


def _changed(scope: ExitStack, network: nn.Module, name: str, change: Callable[[Any], Any]) -> None:
    hook = network.get_submodule(name).register_forward_hook(lambda module, args, output: change(output))
    scope.callback(hook.remove)


def _positions(region: Region, text: int, embeddings: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    at = torch.cat([torch.arange(STAND_IN), region.inside_n.cpu() + text])
    return tuple(each[at.to(each.device)] for each in embeddings)
