"""Which parts of a pipeline read the words of a concept (no torch here)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WordEncoder:
    """A text encoder of a family that concepts are learnt for, and its tokenizer, by their names in a pipeline.

    `key` is its name in files of concepts for several encoders.
    """

    tokenizer: str
    encoder: str
    key: str
