"""A caption of a picture, from a local folder of a BLIP model (Li et al. 2022, arXiv 2201.12086)."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from wordbrush.errors import ModelError
from wordbrush.files import expanded
from wordbrush.loading import load_network
from wordbrush.models.json_file import read_json
from wordbrush.models.load import load_part
from wordbrush.models.memory import memory_shortage_told
from wordbrush.quiet import quietly

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP and BLIP were trained on, where a folder does not say."""
_MOST_TOKENS = 30


def caption(folder: str | Path, image: Image.Image) -> str:
    """What an RGB picture shows, in the words of the model in `folder`, one line in lower case.

    Only safetensors of that folder are read, and nothing is fetched. Raises `ModelError`.
    """
    folder = expanded(folder)
    config = read_json(
        folder / "config.json",
        f"'{folder}' is not a captioner: it has no config.json; give the folder of a BLIP model",
    )
    if config.get("model_type") != "blip":
        raise ModelError(f"'{folder}' is a {config.get('model_type')} model; a captioner is a BLIP model")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"'{folder}' has no *.safetensors; save the captioner again with save_pretrained")
    with quietly():
        from transformers import AutoTokenizer, BlipForConditionalGeneration

        model = load_network(BlipForConditionalGeneration, folder, use_safetensors=True).eval()
        tokenizer = load_part(AutoTokenizer, folder)
        side = int(model.config.vision_config.image_size)
        with torch.no_grad(), memory_shortage_told("the captioner"):
            tokens = model.generate(_pixels(folder, image, side), max_new_tokens=_MOST_TOKENS, do_sample=False)
    said = " ".join(str(tokenizer.decode(tokens[0], skip_special_tokens=True)).split())
    if not said:
        raise ModelError(f"the captioner '{folder}' says nothing of the picture; give a prompt instead")
    return said


def _pixels(folder: Path, image: Image.Image, side: int) -> torch.Tensor:
    """The picture (1, 3, side, side) as the model was shown pictures."""
    path = folder / "preprocessor_config.json"
    about = read_json(path, "") if path.is_file() else {}
    mean, std = (torch.tensor(about.get(name, usual)) for name, usual in (("image_mean", _MEAN), ("image_std", _STD)))
    square = image.resize((side, side), Image.Resampling.BICUBIC)
    unit_HWC = torch.from_numpy(np.array(square, dtype=np.float32)) / 255
    return ((unit_HWC - mean) / std).permute(2, 0, 1)[None]
