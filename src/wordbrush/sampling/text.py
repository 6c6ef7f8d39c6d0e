"""What a prompt is to the network: the states that attention reads, and what else an encoder gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Text:
    """The conditioning of rows of a model call, one row a prompt.

    `states` (B,T,C) is what attention reads; `pooled` (B,P) a prompt as one vector, `mask` (B,T) 1 where a token is
    read and 0 where it is padding, in the model's dtype: each None for a family without it.
    """

    states: Tensor
    pooled: Tensor | None = None
    mask: Tensor | None = None

    @classmethod
    def cat(cls, texts: Sequence["Text"]) -> "Text":
        """The rows of several texts of one family, in order.

        >>> Text.cat([Text(torch.zeros(1, 2, 3)), Text(torch.zeros(2, 2, 3))]).states.shape
        torch.Size([3, 2, 3])
        """
        parts = [text.tensors() for text in texts]
        return cls.of({name: torch.cat([part[name] for part in parts]) for name in parts[0]})

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "Text":
        """What `tensors` gave."""
        return cls(**tensors)

    def tensors(self) -> dict[str, Tensor]:
        """All that there is of it, by name."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor for name, tensor in held.items() if tensor is not None}

    def shapes(self) -> dict[str, Shape]:
        """The shapes of `tensors`."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors().items()}

    def with_states(self, states: Tensor) -> "Text":
        """The same text with other states: of as many rows, or of one."""
        return replace(self, states=states)
