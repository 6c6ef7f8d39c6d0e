"""The seam: every attention of one model call passes through a handler, and nothing of it stays behind.

Forward hooks mark when a model is inside one of its attention layers; inside, a `TorchFunctionMode` sees the call of
`scaled_dot_product_attention`, with q, k and v as the kernel gets them. diffusers' perturbed-attention guidance works
the same way. Prior art and the alternatives: `docs/decisions/0002`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import Any

import torch
from diffusers.models.attention_processor import Attention, IPAdapterAttnProcessor2_0
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from wordbrush.attention.kernel import Kernel
from wordbrush.attention.sites import AttentionCall, AttentionLayer
from wordbrush.errors import ControlError
from wordbrush.models.instead import instead

Handler = Callable[[AttentionCall], Tensor]
FeatureHandler = Callable[[str, Tensor], Tensor]
"""Given a residual block's name and the output (B,C,H,W) of its convolutions, says what that shall be."""


def attention_modules(model: nn.Module) -> dict[str, nn.Module]:
    """All attention layers of a diffusers model, by module name, which is the same where `torch.compile` wraps it."""
    return {name: module for name, module in named_modules(model) if hasattr(module, "get_processor")}


def residual_branches(model: nn.Module) -> dict[str, nn.Module]:
    """The last convolution of each residual block of a diffusers model, by the block's module name.

    What it gives is the block's own contribution, before the block's input is added.
    """
    return {name: module.conv2 for name, module in named_modules(model) if isinstance(module, ResnetBlock2D)}


def named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """All modules of a model by name, which is the same where `torch.compile` wraps it."""
    return ((name.replace("_orig_mod.", ""), module) for name, module in model.named_modules())


def picture_processors(layers: Iterable[nn.Module]) -> list[Any]:
    """The processors of an IP-Adapter among those of attention layers, one for each layer that reads text."""
    processors = (getattr(layer, "processor", None) for layer in layers)
    return [processor for processor in processors if isinstance(processor, IPAdapterAttnProcessor2_0)]


@contextmanager
def uncompiled(model: nn.Module) -> Iterator[None]:
    """A scope in which a model that others gave to `torch.compile` runs as it was written: compiled code is guarded by
    no hook and would pass a control by. Parts that `models/compiled.py` compiled have no attention, and stay compiled.
    """
    with torch.compiler.set_stance("force_eager") if _is_compiled(model) else nullcontext():
        yield


def _is_compiled(model: nn.Module) -> bool:
    """Whether others compiled any part. Asked at every step, and `modules` and `hasattr` are slow."""
    unseen: list[nn.Module | None] = [model]
    while unseen:
        if (module := unseen.pop()) is not None:
            own = module.__dict__
            if own.get("_compiled_call_impl") is not None or "_orig_mod" in module._modules:
                return True
            if "forward" in own and hasattr(own["forward"], "_torchdynamo_orig_callable"):
                return True
            unseen += module._modules.values()
    return False


class NamedMode(TorchFunctionMode):
    """A mode that knows inside of which module it is on."""

    name = ""


class Inside:
    """A scope in which a mode is on inside of each of some modules, by name, and nowhere else.

    Leaving it removes every hook, also after an error.
    """

    def __init__(self, modules: Mapping[str, nn.Module], mode: NamedMode) -> None:
        """Prepare a scope; nothing is hooked before it is entered."""
        self._modules = modules
        self._mode = mode
        self._handles: list[torch.utils.hooks.RemovableHandle] = []
        self._inside = 0

    def __enter__(self) -> None:
        """Hook the modules."""
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_pre_hook(self._entering(name)))
            self._handles.append(module.register_forward_hook(self._leaving, always_call=True))

    def __exit__(self, *_: object) -> None:
        """Unhook the modules."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        while self._inside:  # an interrupt passes by the hook that would have left the module
            self._leaving()

    def _entering(self, name: str) -> Callable[..., None]:
        def enter(module: nn.Module, args: tuple[Any, ...]) -> None:
            self._mode.name = name
            self._mode.__enter__()  # type: ignore[no-untyped-call]
            self._inside += 1

        return enter

    def _leaving(self, *_: object) -> None:
        if self._inside:  # torch also calls this when an earlier hook of the module raised, before it was entered
            self._inside -= 1
            self._mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]


class Intercept:
    """A scope in which `handler` computes each attention of `layers`, whose modules are in `modules` by name, and
    `on_feature` may change the output of each
    module of `features`.

    The attention to an IP-Adapter's picture, a further call of the kernel in a layer of text, runs as it is.

    Leaving it removes every hook, also after an error. Leaving it without an error raises `ControlError` when a layer
    ran without the kernel that can be controlled (attention slicing, xformers, legacy processors).
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        layers: Iterable[AttentionLayer],
        handler: Handler,
        features: Mapping[str, nn.Module] | None = None,
        on_feature: FeatureHandler | None = None,
        *,
        every: bool = True,
    ) -> None:
        """Prepare a scope; nothing is hooked before it is entered. If not `every` layer is to run, none is missed."""
        by_name = {layer.site.name: layer for layer in layers}
        self._mode = _KernelMode(by_name, handler, {name: _picture_tokens(modules[name]) for name in by_name})
        self._inside = Inside({name: modules[name] for name in self._mode.layers}, self._mode)
        self._features = features or {}
        self._on_feature = on_feature
        self._every = every
        self._plain = [modules[name] for name in by_name]
        self._scope = ExitStack()

    def __enter__(self) -> "Intercept":
        """Hook the layers."""
        self._inside.__enter__()
        for module in self._plain:
            if type(module) is Attention and "forward" not in vars(module):
                self._scope.enter_context(instead(module, _at_once(module)))
        for name, module in self._features.items():
            self._scope.callback(module.register_forward_hook(self._changing(name)).remove)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Unhook the layers, then check that each of them passed through the handler."""
        self._scope.close()
        self._inside.__exit__()
        if kind is None and self._every:
            self._check()

    def _changing(self, name: str) -> Callable[..., Tensor]:
        def change(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
            return output if self._on_feature is None else self._on_feature(name, output)

        return change

    def _check(self) -> None:
        layers = self._mode.layers
        missed = sorted(set(layers) - self._mode.seen)
        if missed:
            raise ControlError(
                f"attention layer '{missed[0]}' ({len(missed)} of {len(layers)}) did not use PyTorch's "
                "scaled_dot_product_attention, so it cannot be controlled; turn off attention slicing, xformers and "
                "custom attention processors"
            )


class _KernelMode(NamedMode):
    """Hands calls of the attention kernel to the handler, and every other function through.

    `pictures` are how many tokens each picture has that a layer attends to after its text.
    """

    def __init__(
        self, layers: Mapping[str, AttentionLayer], handler: Handler, pictures: Mapping[str, Sequence[int]]
    ) -> None:
        super().__init__()
        self.layers = layers
        self._handler = handler
        self._pictures = pictures
        self._calls = 0
        self.seen: set[str] = set()

    def __enter__(self) -> Any:
        self._calls = 0
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        return self._attention(*args, **(kwargs or {}))

    def _attention(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **rest: Any
    ) -> Tensor:
        layer, pictures = self.layers[self.name], self._pictures[self.name]
        self._calls += 1
        if pictures and 1 < self._calls <= 1 + len(pictures) and key.shape[2] in pictures:
            picture: Tensor = F.scaled_dot_product_attention(query, key, value, attn_mask, **rest)
            return picture
        _check_axes(layer, query.shape[2], key.shape[2])
        self.seen.add(self.name)
        mask = None if attn_mask is None else _by_row(attn_mask, len(query))
        return self._handler(AttentionCall(layer, query, key, value, mask, Kernel(rest)))


def _at_once(layer: Attention) -> Callable[..., Any]:
    """What an attention layer of diffusers computes, without a look at its processor's signature: at each call that
    takes longer than all that is intercepted of it. With options that a processor may not take, it computes as ever.
    """
    processor = layer.processor

    def forward(
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **options: Any,
    ) -> Any:
        if options:
            return Attention.forward(layer, hidden_states, encoder_hidden_states, attention_mask, **options)
        return processor(
            layer, hidden_states, encoder_hidden_states=encoder_hidden_states, attention_mask=attention_mask
        )

    return forward


def _picture_tokens(module: nn.Module) -> Sequence[int]:
    """How many tokens each picture has that an attention layer reads beside its text."""
    return tuple(tokens for processor in picture_processors([module]) for tokens in processor.num_tokens)


def _by_row(mask: Tensor, rows: int) -> Tensor:
    """A mask of any shape that the kernel takes as (rows, heads or 1, queries or 1, keys)."""
    return mask.reshape((1,) * (4 - mask.dim()) + mask.shape).expand(rows, -1, -1, -1)


def _check_axes(layer: AttentionLayer, queries: int, keys: int) -> None:
    """Raise `ControlError` where a layer's text and picture are not where the adapter says that they are."""
    fits = layer.queries.stop <= queries and max(layer.text.stop, layer.image.stop) <= keys
    if layer.site.kind != "joint":
        fits = (layer.pixels + layer.padding, layer.keys) == (queries, keys)
    if not fits:
        raise ControlError(
            f"attention layer '{layer.site.name}' has {queries} queries and {keys} keys, where {layer.pixels} "
            f"positions of the picture and {len(layer.text)} tokens were expected; use the model as it was loaded, "
            "and an IP-Adapter as load_ip_adapter loads it"
        )
