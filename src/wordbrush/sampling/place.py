"""Where in a schedule a model call is, for what acts in a part of it."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Place:
    """A model call of the step `step`, from 0, of a schedule that has `count`, whether or not a run takes them all."""

    step: int
    count: int

    @classmethod
    def of(cls, timestep: Tensor, timesteps: Tensor) -> "Place":
        """The place of a timestep among those of a schedule, noisiest first; between two it is the noisier one's.

        >>> import torch
        >>> Place.of(torch.tensor(501), torch.tensor([751, 501, 251, 1]))
        Place(step=1, count=4)
        """
        return cls(max(0, int((timesteps >= timestep).sum()) - 1), len(timesteps))
