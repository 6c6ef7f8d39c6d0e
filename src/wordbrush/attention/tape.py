"""A recording of the source's queries and keys, so that a later edit does not run the source again."""

from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from wordbrush.attention.kernel import Kernel, MapInputs
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
    """The source's q, k, mask and the kernel's sums, for the first steps of its run: as many as fit `max_bytes`.

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
    _layers: dict[str, tuple[AttentionLayer, Kernel]] = field(default_factory=dict)

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

    def calls(self, step: int) -> Iterator[tuple[AttentionLayer, MapInputs, Kernel]]:
        """Every recorded attention of a step: its layer, what `read` gives of it, and the model's own kernel."""
        for name, inputs in self._steps[step].items():
            layer, kernel = self._layers[name]
            yield layer, inputs, kernel

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
        if layer.image:
            k_HKD = given.k_HKD.clone()
        else:
            once = name, self._weights
            if once not in self._text_keys:
                self._text_keys[once] = given.k_HKD.clone()
                self.bytes += self._text_keys[once].nbytes
            k_HKD = self._text_keys[once]
        log_sum = None if given.log_sum_HQ is None else given.log_sum_HQ.clone()
        inputs = MapInputs(given.q_HQD.clone(), k_HKD, given.mask_HQK, log_sum)
        self.bytes += _bytes_of_step(layer, inputs)
        if self.bytes > self.max_bytes:
            self._drop_step()
            return
        self._steps[-1][name] = inputs
        self._layers[name] = layer, call.kernel

    def _drop_step(self) -> None:
        # A step that does not fit whole is of no use: an edit reads all its sites.
        self._full = True
        self._steps.pop()
        text = self._text_keys.values() if self._steps else ()
        held = [_bytes_of_step(self._layers[name][0], inputs) for step in self._steps for name, inputs in step.items()]
        self.bytes = sum(held) + sum(key.nbytes for key in text)
        if not self._steps:
            self._text_keys.clear()


def _bytes_of_step(layer: AttentionLayer, inputs: MapInputs) -> int:
    """What is held anew at each step."""
    own = [inputs.q_HQD, inputs.log_sum_HQ, inputs.k_HKD if layer.image else None]
    return sum(each.nbytes for each in own if each is not None)
