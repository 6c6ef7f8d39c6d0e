"""A recording of the source's queries and keys, so that a later edit does not run the source again."""

from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from wordbrush.attention.attend import Attend, MapInputs
from wordbrush.attention.sites import AttentionCall, AttentionLayer


class Recording(Protocol):
    """The source's maps, by step and layer."""

    def read(self, step: int, name: str) -> MapInputs:
        """What a map is made of."""
        ...


class Recorder(Protocol):
    """Holds what the source's maps are made of, as its calls run."""

    def write(self, call: AttentionCall, row: int) -> None:
        """Hold the given batch row of one call."""
        ...


@dataclass
class SourceTape:
    """The source's q, k and mask, for the first steps of its run: as many as fit `max_bytes`.

    Keys (H,K,D) and masks of a layer that reads the text alone are the same at every step with the same weights and
    held once for these; queries (H,Q,D), and the keys of all other layers, a step. Self-attention is held only of
    layers with at most `self_max_pixels` pixels. All stay in the model's own dtype and on its device, so that an edit
    from the tape equals one beside a running source.
    """

    max_bytes: int
    self_max_pixels: int
    bytes: int = 0
    _full: bool = False
    _steps: list[dict[str, MapInputs]] = field(default_factory=list)
    _weights: Hashable = None
    _text_keys: dict[tuple[str, Hashable], Tensor] = field(default_factory=dict)
    _layers: dict[str, tuple[AttentionLayer, Attend]] = field(default_factory=dict)

    @property
    def num_steps(self) -> int:
        """How many steps, from the first, are recorded."""
        return len(self._steps)

    def covers(self, step: int, *, self_max_pixels: int = 0, self_layers: Collection[str] = ()) -> bool:
        """Whether this step's attention to the text is here, and its self-attention: that of at most so many pixels
        (0: none), and that of the layers named.
        """
        if step >= self.num_steps or self_max_pixels > self.self_max_pixels:
            return False
        return all(name in self._steps[step] for name in self_layers)

    def read(self, step: int, name: str) -> MapInputs:
        """What the source's map at a step, in a layer by name, is made of."""
        return self._steps[step][name]

    def layer(self, name: str) -> AttentionLayer:
        """A layer that was recorded."""
        return self._layers[name][0]

    def calls(self, step: int) -> Iterator[tuple[AttentionLayer, MapInputs, Attend]]:
        """Every recorded attention of a step: its layer, what `read` gives of it, and the model's own kernel."""
        for name, inputs in self._steps[step].items():
            layer, attend = self._layers[name]
            yield layer, inputs, attend

    def start_step(self, weights: Hashable = None) -> bool:
        """Begin to record a step; False once the budget is spent. `weights` tell those of the model apart, where they
        are not the same at every step.
        """
        self._weights = weights
        expected = self.bytes // len(self._steps) if self._steps else 0
        if self._full or self.bytes + expected > self.max_bytes:
            self._full = True
            return False
        self._steps.append({})
        return True

    def write(self, call: AttentionCall, row: int) -> None:
        """Record the given batch row of one call of the step that was started."""
        layer, name = call.layer, call.site.name
        if self._full or (not layer.text and layer.pixels > self.self_max_pixels):
            return
        given = call.row(row)
        q_HQD = given.q_HQD.clone()
        self.bytes += q_HQD.nbytes
        if layer.image:
            k_HKD = given.k_HKD.clone()
            self.bytes += k_HKD.nbytes
        else:
            once = name, self._weights
            if once not in self._text_keys:
                self._text_keys[once] = given.k_HKD.clone()
                self.bytes += self._text_keys[once].nbytes
            k_HKD = self._text_keys[once]
        if self.bytes > self.max_bytes:
            self._drop_step()
            return
        self._steps[-1][name] = MapInputs(q_HQD, k_HKD, given.mask_HQK)
        self._layers[name] = layer, call.attend

    def _drop_step(self) -> None:
        # A step that does not fit whole is of no use: an edit reads all its sites.
        self._full = True
        self._steps.pop()
        text = self._text_keys.values() if self._steps else ()
        held = [
            inputs.q_HQD.nbytes + (inputs.k_HKD.nbytes if self._layers[name][0].image else 0)
            for step in self._steps
            for name, inputs in step.items()
        ]
        self.bytes = sum(held) + sum(key.nbytes for key in text)
        if not self._steps:
            self._text_keys.clear()
