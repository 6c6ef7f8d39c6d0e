"""How much larger or smaller a new thing is drawn than the one whose place it takes.

People draw, imagine and like to see a thing alone at a size that grows with the logarithm of its real one (Konkle &
Oliva 2011, doi 10.1037/a0020413): in a picture of its own, a watermelon is not four times as large as an apple. Beside
other things the true proportion shows: a dog that eats a watermelon has a larger fruit before it.
"""

import math
from collections.abc import Sequence

from wordbrush.sizes.table import Size

SMALLEST_SHARE, SMALLEST_METRES = 1 / 3, 0.01
LARGEST_SHARE, LARGEST_METRES = 2 / 3, 10.0
"""The share of the picture's side that a thing alone takes: a third for a centimetre, two thirds for ten metres, in a
line over the logarithm between them (a ninth of the side more for a thing ten times as long). The logarithm is the
paper's; the two ends are ours, for pictures with room around the thing."""

LARGEST_RATIO = 2.0
"""No thing becomes more than twice as long, or less than half as long: a layout in which all else is held bears no
more than four times the area, and the figures of the table are known within a factor of two."""

SAME = 1.1
"""A smaller ratio than this, either way, is no change: it is within what things of one kind differ by."""

NO_MEASURE = frozenset({"building", "nature", "body"})
"""Categories that give no scale: backgrounds are at any distance, and parts of a body belong to their owner."""


def share_alone(metres: float) -> float:
    """The share of the picture's side at which a thing of this length is seen alone, a third to two thirds.

    >>> [round(share_alone(metres), 3) for metres in (0.01, 0.1, 1.0, 10.0, 100.0)]
    [0.333, 0.444, 0.556, 0.667, 0.667]
    """
    decades = math.log10(LARGEST_METRES / SMALLEST_METRES)
    step = math.log10(max(metres, SMALLEST_METRES) / SMALLEST_METRES) / decades
    return SMALLEST_SHARE + (LARGEST_SHARE - SMALLEST_SHARE) * min(step, 1.0)


def picture_ratio(old: Size, new: Size, others: Sequence[Size] = ()) -> float:
    """The ratio of the new thing's length in the picture to the old one's, 0.5 to 2; 1.0 for things of like size.

    `others` are the other things of the picture. With one that gives scale the full ratio of the real lengths counts,
    otherwise that of `share_alone`; both are bounded.

    >>> from wordbrush.sizes.table import sizes
    >>> apple, watermelon, orange, dog = (sizes()[noun] for noun in ("apple", "watermelon", "orange", "dog"))
    >>> round(picture_ratio(apple, watermelon), 2), picture_ratio(apple, watermelon, [dog])
    (1.15, 2.0)
    >>> picture_ratio(apple, orange, [dog])
    1.0
    """
    in_scale = any(other.category not in NO_MEASURE for other in others)
    ratio = new.metres / old.metres if in_scale else share_alone(new.metres) / share_alone(old.metres)
    ratio = min(max(ratio, 1 / LARGEST_RATIO), LARGEST_RATIO)
    return 1.0 if 1 / SAME < ratio < SAME else ratio
