"""Comments by someone who looked at the figures: what is good and what is bad in each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from wordbrush.json_form import from_plain

UNSEEN = "No one has looked at this one."


@dataclass(frozen=True)
class Comment:
    """What is good and what is bad in one figure; `key` is that of the figure that was looked at."""

    key: str
    good: str
    bad: str


def comment_on(name: str, key: str) -> Comment | None:
    """The comment on a figure, if it was made on this very figure: the same data, model and settings."""
    comment = _comments().get(name)
    return comment if comment is not None and comment.key == key else None


def _comments() -> Mapping[str, Comment]:
    """All comments, from `comments.json` beside this file."""
    text = (files("wordbrush.figures") / "comments.json").read_text(encoding="utf-8")
    return {name: from_plain(Comment, value, f"comments.json: {name}") for name, value in json.loads(text).items()}
