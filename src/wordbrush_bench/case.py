"""A case: a picture, what is asked of its edit, and what is known of the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

KINDS = {
    "mixed": 0,
    "change-object": 1,
    "add-object": 2,
    "delete-object": 3,
    "change-content": 4,
    "change-pose": 5,
    "change-colour": 6,
    "change-material": 7,
    "change-background": 8,
    "change-style": 9,
}
"""The ten kinds of edit of PIE-Bench (Ju et al. 2024, arXiv 2310.01506) by name, with their numbers there."""

Origin = Literal["generated", "photograph"]
"""Whether a case's source is what the model draws of its prompt and seed, or a picture that is given."""

Arrangement = Literal["beside", "stacked"]


@dataclass(frozen=True, eq=False)
class Material:
    """What a case has beside its words; all pictures are of one size.

    `photo` is the picture to edit, `mask` (H, W) is true where the edit should change it, `perfect` is the right
    answer, `things` are the pixels (H, W) of each noun that it shows. Each is None, or empty, where there is none: a
    generated source has no photo, and a real photograph no perfect edit.
    """

    photo: Image | None = None
    mask: NDArray[np.bool_] | None = None
    perfect: Image | None = None
    things: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


@dataclass(frozen=True)
class Expected:
    """What the edited picture should show, in words that a judge of scenes knows; None and () ask nothing.

    `before` are the nouns that the source should show. `focus` are nouns that the edit is about and that should be
    there after it, `absent` those that should be gone, `kept` those that it should leave. `colour` is (noun, colour),
    `grown` and `shrunk` are nouns that should cover more or less than in the source, `arranged` is (noun, noun, how
    they stand to each other), `unseen` what no judge can tell, so that there is no verdict.
    """

    before: tuple[str, ...] = ()
    focus: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    place: str | None = None
    style: str | None = None
    colour: tuple[str, str] | None = None
    grown: str | None = None
    shrunk: str | None = None
    arranged: tuple[str, str, Arrangement] | None = None
    unseen: str | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """One edit to try.

    `source_words` and `target_words` are the words whose region the edit is about, of either prompt, for methods that
    take such words. `material` makes or reads the pictures when they are needed; what it raises counts as the case's
    failure. `seed` is the noise of a generated source, and of methods that draw any.
    """

    id: str
    kind: str
    origin: Origin
    source_prompt: str
    target_prompt: str
    source_words: tuple[str, ...]
    target_words: tuple[str, ...]
    seed: int
    material: Callable[[], Material] = field(repr=False, default=Material)
    expected: Expected = Expected()
