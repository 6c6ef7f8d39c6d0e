"""Running out of memory, told as what a caller can change."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from wordbrush.errors import OutputError


@contextmanager
def memory_shortage_told(what: str) -> Iterator[None]:
    """Turn PyTorch's out-of-memory errors into an `OutputError` that names the remedy; `what` is being computed."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # The CPU allocator has no type of its own for this.
        short = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not short:
            raise
        raise OutputError(
            f"there is not enough memory for {what}; give a smaller size, fewer targets at a time, or dtype='bfloat16'"
        ) from error
