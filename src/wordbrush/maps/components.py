"""Principal components of self-attention: which positions of a picture belong together, according to the model."""

import numpy as np

from wordbrush.maps.arrays import Floats


def principal_components(attention_QQ: Floats, count: int) -> tuple[Floats, tuple[float, ...]]:
    """The first `count` components (count, Q) of the positions' attention, and each component's share of the variance.

    Each position is described by what it attends to. Rows are centred, and a component holds each row's coordinate
    along one principal axis. Its sign has no meaning; it is chosen so that the largest value is positive.

    >>> components, shares = principal_components(np.eye(4, dtype=np.float32), 2)
    >>> components.shape, round(sum(shares), 2)
    ((2, 4), 0.67)
    """
    rows = attention_QQ.astype(np.float64)
    axes, lengths, _ = np.linalg.svd(rows - rows.mean(axis=0))
    count = min(count, len(lengths))
    scores = (axes[:, :count] * lengths[:count]).T
    signs = np.sign(scores[np.arange(count), np.abs(scores).argmax(axis=1)])
    scores *= np.where(signs == 0, 1, signs)[:, None]
    variance = float((lengths**2).sum())
    shares = tuple(float(length**2 / variance) if variance else 0.0 for length in lengths[:count])
    return scores.astype(np.float32), shares
