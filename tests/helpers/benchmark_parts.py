"""Small cases, methods, meters and rows of the benchmark's own kinds, for its tests."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from wordbrush_bench.case import Case, Material
from wordbrush_bench.journal import Row
from wordbrush_bench.meter import Column, Gap, Measured
from wordbrush_bench.method import Outcome


def grey(value: int, size: int = 16) -> Image.Image:
    return Image.new("RGB", (size, size), (value, value, value))


def case(name: str, **changes: object) -> Case:
    half = np.zeros((16, 16), bool)
    half[:, 8:] = True
    values: dict[str, object] = {
        "id": name,
        "kind": "change-object",
        "origin": "photograph",
        "source_prompt": "a dog",
        "target_prompt": "a cat",
        "source_words": ("dog",),
        "target_words": ("cat",),
        "seed": 3,
        "material": lambda: Material(grey(100), half, grey(120)),
    }
    return Case(**{**values, **changes})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Shift:
    """A method that makes a photo lighter, and fails or refuses where it is told to."""

    name: str
    by: int
    fails_on: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()

    @property
    def settings(self) -> Mapping[str, object]:
        return {"by": self.by}

    def refusal(self, case: Case) -> str | None:
        return "not for these" if case.id in self.refuses else None

    def run(self, case: Case, material: Material) -> Outcome:
        if case.id in self.fails_on:
            raise RuntimeError("it broke\nand said more")
        assert material.photo is not None
        return Outcome(material.photo, material.photo.point(lambda v: v + self.by), 0.5, 0.25, 3 << 20, ("a note",))


class Brightness:
    """A meter: how bright the edit is, nothing for a dark one."""

    columns = (Column("brightness", "", "higher", "mean value"),)

    def measure(self, case: Case, material: Material, outcome: Outcome) -> Mapping[str, Measured]:
        value = float(np.asarray(outcome.edited).mean())
        return {"brightness": Gap("too dark") if value < 102 else value}


def row(case: str, method: str = "ours", **changes: object) -> Row:
    values: dict[str, object] = {
        "kind": "mixed",
        "origin": "generated",
        "prompts": ("a dog", "a café"),
        "values": {"success": 1.0},
        "gaps": {"place": "none"},
        "error": None,
        "refused": None,
        "notes": ("n",),
        "pictures": {"edited": "pictures/x.webp"},
    }
    return Row(case=case, method=method, **{**values, **changes})  # type: ignore[arg-type]
