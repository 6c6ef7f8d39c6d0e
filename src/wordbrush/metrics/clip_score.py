"""CLIP score: how well a picture fits words (Hessel et al. 2021, arXiv 2104.08718; CLIP: arXiv 2103.00020)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wordbrush.errors import ModelError
from wordbrush.metrics.weights import pretrained

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


class ClipScore:
    """100 times the cosine between CLIP's embeddings of a picture and of words, or 0 where that is negative."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        """Use a `CLIPModel` of transformers and its tokenizer; see `load`."""
        self._network = network.float().eval()
        self._tokenizer = tokenizer
        self._side: int = network.config.vision_config.image_size

    @classmethod
    def load(cls, folder: Path) -> "ClipScore":
        """Load it from a local folder as transformers writes it, safetensors only. Raises `ModelError`."""
        from transformers import CLIPModel, CLIPTokenizer

        network = pretrained(CLIPModel, folder)
        try:
            tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"the tokenizer in '{folder}' cannot be loaded ({str(error).splitlines()[0]:.100}); "
                "give a folder with its tokenizer.json"
            ) from None
        return cls(network, tokenizer)

    def __call__(self, picture: Image.Image, words: str) -> float:
        """The score, in 0..100; words beyond the text encoder's limit do not count."""
        return max(0.0, 100 * cosine(self.picture_embedding(picture), self.words_embedding(words)))

    @torch.no_grad()
    def picture_embedding(self, picture: Image.Image) -> Tensor:
        """CLIP's embedding of a picture (1, D), of no particular length."""
        seen: Tensor = self._network.get_image_features(pixel_values=self._pixels(picture)).pooler_output
        return seen

    @torch.no_grad()
    def words_embedding(self, words: str) -> Tensor:
        """CLIP's embedding of words (1, D), of no particular length; those beyond its limit do not count."""
        limit = self._network.config.text_config.max_position_embeddings
        tokens = self._tokenizer(words, truncation=True, max_length=limit, return_tensors="pt")
        read: Tensor = self._network.get_text_features(**tokens).pooler_output
        return read

    def _pixels(self, picture: Image.Image) -> Tensor:
        """The middle square of a picture (1, 3, side, side), scaled to the network's side (bicubic), normalised."""
        side = self._side
        scale = side / min(picture.size)
        width, height = (max(side, int(length * scale)) for length in picture.size)
        sized = picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        left, top = (width - side) // 2, (height - side) // 2
        square = np.asarray(sized.crop((left, top, left + side, top + side)), np.float32) / 255
        normal = (square - np.array(_MEAN, np.float32)) / np.array(_STD, np.float32)
        return torch.from_numpy(normal).permute(2, 0, 1)[None]


def cosine(one: Tensor, other: Tensor) -> float:
    """The cosine between two embeddings (1, D).

    >>> cosine(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0]]))
    1.0
    """
    return float(torch.cosine_similarity(one, other)[0])
