"""Pictures of one case beside each other in one file, to look through."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def save_strip(pictures: Sequence[Image.Image], path: Path) -> None:
    """Write pictures of one size from left to right as a PNG; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.hstack([np.asarray(picture) for picture in pictures])).save(path)
