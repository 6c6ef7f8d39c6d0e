"""Begin a new denoiser with what an earlier one knows."""

from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from wordbrush.scenes.vocabulary import NOUNS

EMBEDDINGS = "token_embedding.weight"


@torch.no_grad()
def inherit(unet: UNet2DConditionModel, text: CLIPTextModel, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Copy the weights of the model in `folder`, whose networks may have fewer channels, positions and words.

    Latent channels that it did not have start at zero, words by what they were called there; a plural that it did not
    know starts as its singular, and any other new word stays as it is.
    """
    _overlap(UNet2DConditionModel.from_pretrained(folder, subfolder="unet").float(), unet)
    inherit_text(text, tokenizer, folder)


@torch.no_grad()
def inherit_text(text: nn.Module, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Copy the text encoder of the model in `folder`, as `inherit` does; layers that it lacks stay as they are."""
    earlier = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder").float()
    known = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer").get_vocab()
    _overlap(earlier, text, but=EMBEDDINGS)
    theirs, ours = _embeddings(earlier), _embeddings(text)
    for word, index in tokenizer.get_vocab().items():
        name = word if word in known else _SINGULAR.get(word.removesuffix("</w>"), word)
        if name in known:
            ours[index] = theirs[known[name]]


def _overlap(old: nn.Module, new: nn.Module, but: str = " ") -> None:
    before, after = old.state_dict(), new.state_dict()
    for name, values in after.items():
        if name not in before or name.endswith(but) or not values.is_floating_point():
            continue
        if values.shape != before[name].shape:
            values.zero_()
        values[tuple(slice(size) for size in before[name].shape)] = before[name]


def _embeddings(text: nn.Module) -> Tensor:
    found: Tensor = next(values for name, values in text.state_dict().items() if name.endswith(EMBEDDINGS))
    return found


_SINGULAR = {noun.plural: noun.word + "</w>" for noun in NOUNS.values() if noun.plural}
