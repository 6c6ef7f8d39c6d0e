"""Maps without a model, whose every number is known."""

from typing import Any

import numpy as np

from wordbrush.maps.arrays import MapsInfo, StackInfo
from wordbrush.maps.attention_maps import AttentionMaps

WORDS = ("a", "dog", "cat[1]")


def some_maps(
    grids: tuple[tuple[int, int], ...] = ((4, 6),), steps: int = 3, heads: int = 2, components: int = 3, **changes: Any
) -> AttentionMaps:
    rng = np.random.default_rng(0)
    per = {"per_step": True, "per_head": True, **changes}
    shape = (len(WORDS), steps if per["per_step"] else 1, heads if per["per_head"] else 1)
    info = {
        "prompt": "a cat, a dog, a cat",
        "words": WORDS,
        "tokens": ((1,), (4,), (6, 7)),
        "picture_size": (32, 48),
        "num_inference_steps": 10,
        "steps": tuple(range(2, 2 + steps)),
        "reads": "edited",
        "stacks": tuple(StackInfo((f"down.{h}", f"up.{h}"), h, w, tuple(range(heads))) for h, w in grids),
        "component_shares": (0.5, 0.25, 0.125)[:components],
        "component_sites": ("mid",) if components else (),
        "model": "tiny",
        "versions": {"wordbrush": "0"},
        **per,
    }
    return AttentionMaps(
        MapsInfo(**info),
        tuple(rng.random((*shape, *grid), dtype=np.float32) for grid in grids),
        rng.standard_normal((components, *grids[0]), dtype=np.float32) if components else None,
    )
