"""Every attention of a network answered by a twin that forms its maps."""

from typing import Protocol

from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class Twin(Protocol):
    def attention(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor: ...


class FormedKernel(TorchFunctionMode):
    """While it is entered, the fused kernel of torch is the twin's `attention`."""

    def __init__(self, twin: Twin) -> None:
        super().__init__()
        self.twin = twin

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        given = {**dict(zip(("query", "key", "value", "attn_mask"), args, strict=False)), **(kwargs or {})}
        return self.twin.attention(given["query"], given["key"], given["value"], given.get("attn_mask"))
