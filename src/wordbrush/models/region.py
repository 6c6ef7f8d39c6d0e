"""A network that runs for a region alone, with diffusers' own forward: the rest is left out where it enters, and what
leaves is put among what the last whole call gave.

Legend: B rows, N positions of the picture, T tokens, C channels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers.models.attention import JointTransformerBlock
from diffusers.models.attention_processor import JointAttnProcessor2_0
from torch import Tensor, nn

from wordbrush.attention.sites import AttentionLayer
from wordbrush.attention.surroundings import Answer, Surroundings
from wordbrush.models.instead import instead
from wordbrush.models.intercept import Intercept, attention_modules

STAND_IN = 1
"""How many tokens of a text that the picture stands beside still run, as zeros, where diffusers' blocks cannot do
without any. What they give is not used."""
_TEXT_ALONE = frozenset({"norm1_context", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out", "ff_context"})
"""The parts of diffusers' blocks that only a text beside the picture goes through: half of their weights."""
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


@dataclass(frozen=True, eq=False)
class RegionModules:
    """What is looked up of a network once: its attention layers by name, its blocks that can run without the text
    beside their picture, and if not all can, the linear layers that only that text goes through.
    """

    attention: Mapping[str, nn.Module]
    picture_blocks: tuple[JointTransformerBlock, ...] = ()
    text_alone: tuple[nn.Linear, ...] = ()

    @classmethod
    def of(cls, network: nn.Module) -> "RegionModules":
        """Of a network of diffusers."""
        blocks = [module for module in network.modules() if isinstance(module, JointTransformerBlock)]
        if not all(_runs_alone(block) for block in blocks):
            blocks = []
        linear = ((name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear))
        alone = (module for name, module in linear if not _TEXT_ALONE.isdisjoint(name.split(".")))
        return cls(attention_modules(network), tuple(blocks), () if blocks else tuple(alone))

    @property
    def tokens(self) -> int:
        """How many tokens of a text beside the picture run."""
        return 0 if self.picture_blocks else STAND_IN


@contextmanager
def region_call(
    network: nn.Module,
    modules: RegionModules,
    path: TokenPath,
    layers: Sequence[AttentionLayer],
    surroundings: Surroundings,
    answer: Answer,
    *,
    shallow: bool = False,
) -> Iterator[None]:
    """A scope in which a transformer's next call is kept as `surroundings`, or is of their region alone.

    `answer` computes each attention; not all run in a `shallow` call, which re-uses deep features. Leaves nothing
    behind.
    """
    region = surroundings.region
    inside_n = torch.empty(0) if region is None else region.at(region.grid).inside_n
    with ExitStack() as scope:
        part = slice(None), inside_n
        scope.enter_context(
            among(
                network,
                modules.attention,
                path.output,
                part,
                layers,
                surroundings,
                answer,
                tokens=modules.tokens,
                shallow=shallow,
            )
        )
        if region is not None:
            changed(scope, network, path.picture, lambda tokens: tokens[:, inside_n])
            for block in modules.picture_blocks:
                scope.enter_context(instead(block, partial(_picture_alone, block)))
            if path.text is not None and modules.picture_blocks:
                scope.enter_context(instead(network.get_submodule(path.text), lambda text: text[:, :0]))
            elif path.text is not None:
                changed(scope, network, path.text, lambda tokens: tokens[:, :STAND_IN])
                for module in modules.text_alone:
                    scope.enter_context(instead(module, partial(_nothing, module.out_features)))
            if path.positions is not None:
                text = max(layer.text.stop for layer in layers)
                changed(scope, network, path.positions, partial(_positions, inside_n, text))
        yield


@contextmanager
def among(
    network: nn.Module,
    modules: Mapping[str, nn.Module],
    output: str,
    part: tuple[Any, ...],
    layers: Sequence[AttentionLayer],
    surroundings: Surroundings,
    answer: Answer,
    *,
    tokens: int = 0,
    shallow: bool,
) -> Iterator[None]:
    """A scope in which attention of a call is kept, or is of a region that looks at its surroundings, and so is what
    the module `output` gives, of which the region's is a `part`. `modules` are the layers' by name; not all of them
    run in a `shallow` call. Of a text beside the picture so many `tokens` run with a region.
    """
    region = surroundings.region
    with ExitStack() as scope:
        if region is None:
            changed(scope, network, output, lambda whole: surroundings.hold(_OUTPUT, whole))
            scope.enter_context(Intercept(modules, layers, lambda call: surroundings.keep(call, answer)))
        else:
            changed(scope, network, output, lambda its: _put_back(surroundings, part, its))
            inside = [region.layer(layer, tokens) for layer in layers]
            attend = partial(surroundings.attend, answer=answer)
            scope.enter_context(Intercept(modules, inside, attend, every=not shallow))
        yield


def changed(scope: ExitStack, network: nn.Module, name: str, change: Callable[[Any], Any]) -> None:
    """Let a module give what `change` makes of its output, if that is anything, until `scope` ends."""
    hook = network.get_submodule(name).register_forward_hook(lambda module, args, output: change(output))
    scope.callback(hook.remove)


def _runs_alone(block: JointTransformerBlock) -> bool:
    """Whether a block's attention can do without a text, and nobody else gave the block a forward of its own."""
    return isinstance(block.attn.processor, JointAttnProcessor2_0) and "forward" not in vars(block)


def _picture_alone(
    block: JointTransformerBlock,
    hidden_states: Tensor,
    encoder_hidden_states: Tensor | None,
    temb: Tensor,
    joint_attention_kwargs: object = None,
) -> tuple[Tensor | None, Tensor]:
    """What diffusers' block computes of the picture's tokens (B, N, C), whose attention sees the text elsewhere."""
    normed, gate, shift_mlp, scale_mlp, gate_mlp, *second = block.norm1(hidden_states, emb=temb)
    hidden = torch.addcmul(hidden_states, gate[:, None], block.attn(normed))
    if second:  # attention of the picture to itself
        own, own_gate = second
        hidden = torch.addcmul(hidden, own_gate[:, None], block.attn2(own))
    normed = torch.addcmul(shift_mlp[:, None], block.norm2(hidden), 1 + scale_mlp[:, None])
    return encoder_hidden_states, torch.addcmul(hidden, gate_mlp[:, None], block.ff(normed))


def _nothing(width: int, tokens: Tensor) -> Tensor:
    return tokens.new_zeros(*tokens.shape[:-1], width)


def _put_back(surroundings: Surroundings, part: tuple[Any, ...], its: Tensor) -> Tensor:
    whole: Tensor = surroundings.held(_OUTPUT, lambda kept: kept).clone()
    whole[part] = its
    return whole


def _positions(inside_n: Tensor, text: int, embeddings: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    at = torch.cat([torch.arange(STAND_IN), inside_n.cpu() + text])
    return tuple(each[at.to(each.device)] for each in embeddings)
