"""Training states on disk: complete or not there at all."""

from pathlib import Path
from typing import Any

import torch


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state beside the old one, then put it in its place; torch's own random state goes with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({**state, "random": torch.get_rng_state()}, partial)
    partial.replace(path)


def load_state(path: Path) -> dict[str, Any]:
    """Read a state that `save_state` wrote, and set torch's random state as it was then."""
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    torch.set_rng_state(state["random"])
    return state
