"""Pictures by session and id: nobody finds another session's, and all together keep within a budget of bytes."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.runs.record import RunRecord
from wordbrush.server.budget import ByteBudget
from wordbrush.server.problems import Problem

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


class Shelf:
    """The pictures of all sessions."""

    def __init__(self, max_bytes: int) -> None:
        """An empty shelf."""
        self._pictures = ByteBudget[tuple[str, str], Picture](max_bytes)

    def put(self, session: str, picture: Picture) -> str:
        """Keep a picture; returns its id."""
        self._pictures.put((session, picture.id), picture, picture.bytes)
        return picture.id

    def get(self, session: str, id_: str) -> Picture:
        """A session's picture. Raises `Problem` 404."""
        picture = self._pictures.get((session, id_))
        if picture is None:
            raise Problem(404, f"there is no picture '{id_:.40}' here; make it again, or upload it again")
        return picture

    def drop(self, session: str, id_: str) -> None:
        """Let go of a session's picture. Raises `Problem` 404."""
        self.get(session, id_)
        self._pictures.drop((session, id_))

    def rename(self, session: str, id_: str, name: str) -> Picture:
        """Give a session's picture a name. Raises `Problem` 404."""
        named = replace(self.get(session, id_), name=name)
        self.put(session, named)
        return named

    def of(self, session: str) -> list[Picture]:
        """All pictures of a session, in the order in which they were made."""
        mine = [picture for (owner, _), picture in self._pictures.items() if owner == session]
        return sorted(mine, key=lambda picture: picture.number)
