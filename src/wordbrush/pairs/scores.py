"""What a run itself tells of an edit: how much changed where the changed words look, and how alike the rest is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wordbrush.edits.change_kind import change_kind
from wordbrush.maps.arrays import resize
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.metrics.clip_score import ClipScore, cosine
from wordbrush.metrics.likeness import mean_ssim, pixels
from wordbrush.runs.results import EditResult
from wordbrush.tokens.align import align_words
from wordbrush.tokens.pair import PromptPair
from wordbrush.tokens.prompt_tokens import PromptTokens

Bools = NDArray[np.bool_]

_LOOKED_AT = 0.3
"""A word looks where its map is above this part of its largest value, as a local blend has it."""
_WHOLE_PICTURE = ("style", "place", "weights")
"""Kinds of change that leave nothing of a picture to be kept as it is."""


def own_scores(edit: EditResult) -> dict[str, float]:
    """What a run tells of its edit, which must have captured the maps of both pictures.

    - `done`: the mean change of the pixels, 0 to 1, where the words look that the prompts do not share; of the whole
      picture where none has a map.
    - `kept`: how alike the rest is (SSIM); left out where the change is of the whole picture, or nothing is left.
    """
    words = _words(edit.source.prompt), _words(edit.target)
    pair = PromptPair(*words, align_words(*words))
    one, other = pixels(edit.source.image), pixels(edit.image)
    changed_HW = np.abs(one - other).mean(-1)
    region_HW = _region(edit, pair, changed_HW.shape)
    scores = {"done": float((changed_HW if region_HW is None else changed_HW[region_HW]).mean())}
    if change_kind(pair) not in _WHOLE_PICTURE and region_HW is not None and not region_HW.all():
        scores["kept"] = mean_ssim(one, other, ~region_HW)
    return scores


def clip_scores(edit: EditResult, clip: ClipScore) -> dict[str, float]:
    """InstructPix2Pix's four numbers (section 3.1.2 of arXiv:2211.09800), each a cosine."""
    before, after = clip.picture_embedding(edit.source.image), clip.picture_embedding(edit.image)
    source, target = clip.words_embedding(edit.source.prompt), clip.words_embedding(edit.target)
    lengths = [embedding / embedding.norm() for embedding in (before, after, source, target)]
    return {
        "clip_source": cosine(before, source),
        "clip_target": cosine(after, target),
        "clip_direction": cosine(lengths[1] - lengths[0], lengths[3] - lengths[2]),
        "clip_image": cosine(before, after),
    }


def difference(one: EditResult, other: EditResult) -> float:
    """How much two pairs differ, 0 to 1: the mean difference of pixels, of the pictures that differ more."""
    both = ((one.source.image, other.source.image), (one.image, other.image))
    return float(max(np.abs(pixels(a) - pixels(b)).mean() for a, b in both))


def _region(edit: EditResult, pair: PromptPair, size: tuple[int, ...]) -> Bools | None:
    """Where (H, W) the words look that only one of the prompts has; None where no map shows it."""
    lost = [pair.source.words[i].text for words in pair.differing for i in words.source]
    gained = [pair.target.words[i].text for words in pair.differing for i in words.target]
    assert edit.record.edit is not None
    weighted = [*edit.record.edit.equalizer]
    seen = [
        region
        for maps, words in ((edit.source.maps, lost), (edit.maps, [*gained, *weighted]))
        for region in _looked_at(maps, words)
    ]
    if not seen:
        return None
    cells = np.any(seen, axis=0).astype(np.float32)
    found: Bools = resize(cells[None], (size[0], size[1]))[0] > 0.5
    return found if found.any() else None


def _looked_at(maps: AttentionMaps | None, words: Sequence[str]) -> list[Bools]:
    if maps is None:
        return []
    asked = {word.partition("[")[0].casefold() for word in words if any(map(str.isalnum, word))}
    return [maps.threshold(name, _LOOKED_AT) for name in maps.words if name.partition("[")[0].casefold() in asked]


def _words(prompt: str) -> PromptTokens:
    return PromptTokens.from_offsets(prompt, [], begin=0, length=0)  # words alone: no model is asked
