"""The teacher of a flow: a network that knows the only scene there is says exactly where noise lies."""

from typing import cast

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from training.inherit import inherit_text
from training.networks import build_scheduler, build_text_encoder
from training.teacher import Teacher
from training.tokenizer import build_tokenizer
from training.transformer import build_texts
from wordbrush.models.folder import bundled_folder
from wordbrush.scenes.vocabulary import known_words


class OneScene(nn.Module):
    """Exact where there is one scene alone; between whole timesteps its schedule is straight in log SNR."""

    def __init__(self, scene: Tensor) -> None:
        super().__init__()
        self.scene = scene
        signal = build_scheduler().alphas_cumprod.double()
        self.log_snr = signal.log() - (1 - signal).log()

    def forward(self, noisy: Tensor, timesteps: Tensor, words: Tensor, return_dict: bool) -> tuple[Tensor]:
        low = timesteps.long().clamp(max=998)
        log_snr = torch.lerp(self.log_snr[low], self.log_snr[low + 1], timesteps.double() - low)
        alpha = torch.sigmoid(log_snr)[:, None, None, None]
        return (((noisy - alpha.sqrt() * self.scene) / (1 - alpha).sqrt()).float(),)


@pytest.fixture
def texts() -> tuple[CLIPTextModel, CLIPTokenizer]:
    tokenizer = build_tokenizer(known_words())
    return build_text_encoder(tokenizer), tokenizer


def test_what_it_says_is_the_direction_from_the_scene_to_the_noise(texts: tuple[CLIPTextModel, CLIPTokenizer]) -> None:
    generator = torch.Generator().manual_seed(0)
    scene, noise = torch.randn(4, 2, 4, 4, generator=generator), torch.randn(4, 2, 4, 4, generator=generator)
    shares = torch.tensor([0.05, 0.3, 0.7, 0.93])
    teacher = Teacher(cast(UNet2DConditionModel, OneScene(scene)), *texts, "cpu")
    said, known = teacher(torch.lerp(scene, noise, shares[:, None, None, None]), shares, ["a dog", "", "a cat", "a"])
    assert known.all()
    torch.testing.assert_close(said, noise - scene, atol=2e-3, rtol=0)


def test_it_knows_what_its_schedule_reaches(texts: tuple[CLIPTextModel, CLIPTokenizer]) -> None:
    teacher = Teacher(cast(UNet2DConditionModel, OneScene(torch.zeros(3, 2, 4, 4))), *texts, "cpu")
    _, known = teacher(torch.zeros(3, 2, 4, 4), torch.tensor([0.01, 0.5, 0.97]), ["", "", ""])
    assert known.tolist() == [False, True, False]


def test_the_clips_begin_with_what_the_bundled_model_knows() -> None:

    folder = bundled_folder()
    texts = build_texts()
    inherit_text(texts.text_encoder.text_model, texts.tokenizer, folder)
    theirs = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder")
    ids = texts.tokenizer(["a dog eating an apple"], padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        torch.testing.assert_close(texts.text_encoder(ids).last_hidden_state, theirs(ids).last_hidden_state)
