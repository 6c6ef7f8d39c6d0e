"""What a prompt is to the network: the states that attention reads, and whatever else an encoder gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional as F

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Text:
    """The conditioning of a model call's rows, one row per prompt.

    `states` (B, T, C) is what attention reads. `pooled` (B, P) holds each prompt as one vector. `mask` (B, T), in the
    model's dtype, is 1 for tokens that are read and 0 for padding. `image_embeds` (B, N, ..., D) is what an IP-Adapter
    reads beside the text. Families without `pooled`, `mask` or `image_embeds` have None.
    """

    states: Tensor
    pooled: Tensor | None = None
    mask: Tensor | None = None
    image_embeds: Tensor | None = None

    @classmethod
    def cat(cls, texts: Sequence["Text"]) -> "Text":
        """The rows of several texts of one family, in order; a shorter text is padded, and the mask says where.

        >>> Text.cat([Text(torch.zeros(1, 2, 3)), Text(torch.zeros(2, 2, 3))]).states.shape
        torch.Size([3, 2, 3])
        >>> Text.cat([Text(torch.ones(1, 1, 3)), Text(torch.ones(1, 2, 3))]).mask.tolist()
        [[1.0, 0.0], [1.0, 1.0]]
        """
        longest = max(text.states.shape[1] for text in texts)
        if any(text.states.shape[1] < longest for text in texts):
            texts = [text._padded(longest) for text in texts]
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

    def _padded(self, length: int) -> "Text":
        """The same text at a length of its tokens, with a mask."""
        mask = self.states.new_ones(self.states.shape[:2]) if self.mask is None else self.mask
        more = length - self.states.shape[1]
        return replace(self, states=F.pad(self.states, (0, 0, 0, more)), mask=F.pad(mask, (0, more)))

    def with_states(self, states: Tensor) -> "Text":
        """The same text with other states, of as many rows or of one."""
        return replace(self, states=states)
