"""How often attention's kernel is asked, by either of its names."""

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

KERNELS = (F.scaled_dot_product_attention, torch.ops.aten._scaled_dot_product_flash_attention_for_cpu)


class KernelCalls(TorchFunctionMode):
    """A scope that counts calls, and the pairs of a query and a key in them, heads and rows included."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.pairs = 0, 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in KERNELS:
            given = {**dict(zip(("query", "key"), args, strict=False)), **(kwargs or {})}
            self.count += 1
            self.pairs += given["query"].shape[:-1].numel() * given["key"].shape[-2]
        return func(*args, **(kwargs or {}))
