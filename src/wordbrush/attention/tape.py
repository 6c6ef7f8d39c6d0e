"""A recording of the source's queries and keys, so that a later edit does not run the source again."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from torch import Tensor

from wordbrush.attention.attend import Attend
from wordbrush.attention.sites import AttentionCall, Site


@dataclass
class SourceTape:
    """The source's q and k, for the first steps of its run: as many as fit `max_bytes`.

    Cross-attention keys (H,S,D) come from the text alone and are held once; queries (H,Q,D) a step; self-attention
    q and k only of layers with at most `self_max_pixels` pixels. All stay in the model's own dtype and on its device,
    so that an edit from the tape equals one beside a running source.
    """

    max_bytes: int
    self_max_pixels: int
    bytes: int = 0
    _full: bool = False
    _steps: list[dict[Site, tuple[Tensor, Tensor]]] = field(default_factory=list)
    _text_keys: dict[Site, Tensor] = field(default_factory=dict)
    _kernels: dict[Site, Attend] = field(default_factory=dict)

    @property
    def num_steps(self) -> int:
        """How many steps, from the first, are recorded."""
        return len(self._steps)

    def covers(self, step: int, *, self_max_pixels: int = 0, self_layers: Collection[str] = ()) -> bool:
        """Whether this step's cross-attention is here, and its self-attention: that of at most so many pixels (0:
        none), and that of the layers named.
        """
        if step >= self.num_steps or self_max_pixels > self.self_max_pixels:
            return False
        return all(Site(name, "self") in self._steps[step] for name in self_layers)

    def read(self, step: int, site: Site) -> tuple[Tensor, Tensor]:
        """The source's q and k, each (H, pixels or tokens, D), at a step and site."""
        return self._steps[step][site]

    def calls(self, step: int) -> Iterator[tuple[Site, Tensor, Tensor, Attend]]:
        """Every recorded attention of a step: its site, q and k as `read` gives them, and the model's own kernel."""
        for site, (q_HQD, k_HKD) in self._steps[step].items():
            yield site, q_HQD, k_HKD, self._kernels[site]

    def start_step(self) -> bool:
        """Begin to record a step; False once the budget is spent."""
        expected = self.bytes // len(self._steps) if self._steps else 0
        if self._full or self.bytes + expected > self.max_bytes:
            self._full = True
            return False
        self._steps.append({})
        return True

    def write(self, call: AttentionCall, row: int) -> None:
        """Record the given batch row of one call of the step that was started."""
        if self._full or (call.site.kind == "self" and call.pixels > self.self_max_pixels):
            return
        q_HQD = call.q[row].clone()
        self.bytes += q_HQD.nbytes
        if call.site.kind == "self":
            k_HKD = call.k[row].clone()
            self.bytes += k_HKD.nbytes
        else:
            if call.site not in self._text_keys:
                self._text_keys[call.site] = call.k[row].clone()
                self.bytes += self._text_keys[call.site].nbytes
            k_HKD = self._text_keys[call.site]
        if self.bytes > self.max_bytes:
            self._drop_step()
            return
        self._steps[-1][call.site] = (q_HQD, k_HKD)
        self._kernels[call.site] = call.attend

    def _drop_step(self) -> None:
        # A step that does not fit whole is of no use: an edit reads all its sites.
        self._full = True
        self._steps.pop()
        text = self._text_keys.values() if self._steps else ()
        held = [q.nbytes + (k.nbytes if site.kind == "self" else 0) for s in self._steps for site, (q, k) in s.items()]
        self.bytes = sum(held) + sum(key.nbytes for key in text)
        if not self._steps:
            self._text_keys.clear()
