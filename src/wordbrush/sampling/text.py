"""What a prompt is to the network: the states that attention reads, and whatever else an encoder gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Text:
    """The conditioning of a model call's rows, one row per prompt.

    `states` (B, T, C) is what attention reads. `pooled` (B, P) holds each prompt as one vector. `mask` (B, T), in the
    model's dtype, is 1 for tokens that are read and 0 for padding. Families without `pooled` or `mask` have None.
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
        """Build a text from the result of `tensors`."""
        return cls(**tensors)

    def tensors(self) -> dict[str, Tensor]:
        """All its tensors by name."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor for name, tensor in held.items() if tensor is not None}

    def shapes(self) -> dict[str, Shape]:
        """The shapes of `tensors`."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors().items()}

    def with_states(self, states: Tensor) -> "Text":
        """The same text with other states, of as many rows or of one."""
        return replace(self, states=states)
