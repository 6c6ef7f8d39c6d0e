"""Who is in a scene and what they do: everything that its caption says."""

from dataclasses import dataclass
from typing import Literal

Relation = Literal["eating", "riding on", "next to", "holding", "in front of", "above", "wearing", "alone"]
Wording = Literal["the", "is", "place first", "with", "and", "picture"]


@dataclass(frozen=True)
class Cast:
    """Who is in a scene and what they do, and the art families that draw them.

    Adjectives are a size, a colour or an expression. `count` is the number of subjects, and is above one only for a
    subject alone. `style` is that of the whole picture. `wording` holds the ways in which the caption departs from the
    plain form.
    """

    relation: Relation
    subject: str
    subject_family: str
    partner: str | None = None
    partner_family: str = ""
    place: str | None = None
    season: str | None = None
    subject_adjective: str | None = None
    partner_adjective: str | None = None
    count: int = 1
    style: str | None = None
    wording: frozenset[Wording] = frozenset()

    @property
    def nouns(self) -> tuple[str, ...]:
        """The subject, and the partner if there is one."""
        return (self.subject,) if self.partner is None else (self.subject, self.partner)
