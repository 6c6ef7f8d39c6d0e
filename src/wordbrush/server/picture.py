"""One picture of a session, with everything that a client can ask of it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.runs.record import RunRecord

Kind = Literal["upload", "source", "edit"]


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a session.

    `data` is its file as it is sent. `request` is the JSON that made it, `source` the id of what was edited, `photo`
    that of the photograph at the beginning, `maps` its words' maps, `mask` a PNG of where it could change, `said` what
    is worth knowing.
    """

    kind: Kind
    data: bytes
    media_type: str
    width: int
    height: int
    name: str = ""
    request: Mapping[str, object] = field(default_factory=dict)
    record: RunRecord | None = None
    source: str | None = None
    photo: str | None = None
    maps: AttentionMaps | None = None
    mask: bytes | None = None
    said: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    number: int = field(default_factory=count(1).__next__)

    @property
    def bytes(self) -> int:
        """What it takes of the budget."""
        maps = sum(array.nbytes for array in self.maps.arrays) if self.maps is not None else 0
        return len(self.data) + len(self.mask or b"") + maps + 4096

    def to_json(self) -> dict[str, object]:
        """What a client sees of it, without its pixels."""
        return {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "request": dict(self.request),
            "source": self.source,
            "maps": self.maps is not None,
            "mask": self.mask is not None,
            "said": list(self.said),
        }
