"""The pictures that a word is learnt from, as latents with their captions."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from wordbrush.errors import OutputError, SettingsError, cited
from wordbrush.files import open_regular
from wordbrush.learning.captions import captions_of
from wordbrush.pictures.fit import fit_into, to_canvas
from wordbrush.pictures.read import read_photo
from wordbrush.sampling.adapter import Adapter

_MOST_LETTERS = 2000


@dataclass(frozen=True, eq=False)
class Examples:
    """Latents (N, C, h, w) of pictures, and for each of them the captions that it may have."""

    latents: Tensor
    captions: tuple[tuple[str, ...], ...]

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, list[str]]:
        """Latents (count, C, h, w) and a caption for each, drawn anew."""
        chosen = torch.randint(len(self.latents), (count,), generator=generator)
        captions = []
        for index in chosen.tolist():
            ways = self.captions[index]
            captions.append(ways[int(torch.randint(len(ways), (1,), generator=generator))])
        return self.latents[chosen], captions


def read_examples(
    paths: Sequence[Path],
    word: str,
    adapter: Adapter,
    native_size: tuple[int, int],
    vocabulary: Collection[str] | None,
) -> Examples:
    """Read pictures of any size into the model's own, whole: what is left of the canvas mirrors the picture.

    A text file beside a picture (`toy.txt` beside `toy.png`) is its caption, and names the word. Raises `PhotoError`
    for what is no picture, `SettingsError` for fewer than three, and for a caption without the word.
    """
    if len(paths) < 3:
        raise SettingsError(f"a word is learnt from three pictures or more, and there are {len(paths)}; give others")
    latents, captions = [], []
    for path in paths:
        photo = read_photo(path).image
        canvas = to_canvas(photo, fit_into((photo.height, photo.width), native_size))
        latents.append(adapter.encode_image(canvas))
        own = _caption_beside(path, word)
        captions.append(captions_of(word, vocabulary) if own is None else (own,))
    return Examples(torch.cat(latents), tuple(captions))


def _caption_beside(path: Path, word: str) -> str | None:
    beside = path.with_suffix(".txt")
    try:
        with open_regular(beside) as file:
            caption = " ".join(file.read(_MOST_LETTERS).decode().split())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"the caption '{beside}' cannot be read ({error}); mend it or take it away") from None
    caption = re.sub(re.escape(word), word, caption, flags=re.IGNORECASE)
    if word not in caption:
        raise SettingsError(f"the caption '{cited(caption)}' in '{beside}' does not name {word}; write it there")
    return caption
