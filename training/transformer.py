"""The networks of the second model: a joint-attention transformer as in Stable Diffusion 3, and its three texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from torch import Tensor, nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from training.networks import LATENT_CHANNELS, LATENT_SIZE
from training.tokenizer import MAX_LENGTH, build_tokenizer
from wordbrush.scenes.vocabulary import known_words

CLIP_WIDTH = 128
JOINT_WIDTH = 2 * CLIP_WIDTH
"""Of text in joint attention: both CLIPs' vectors side by side, or one of T5."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789'-"
UNLIKELY = -20.0
"""Log probability of a letter: words that are not known are spelt."""


def build_transformer() -> SD3Transformer2DModel:
    """A transformer on (32, 16, 16) latents in patches of 2 x 2: 64 image positions beside those of the text."""
    return SD3Transformer2DModel(
        sample_size=LATENT_SIZE,
        patch_size=2,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_layers=8,
        attention_head_dim=64,
        num_attention_heads=4,
        joint_attention_dim=JOINT_WIDTH,
        caption_projection_dim=256,
        pooled_projection_dim=2 * CLIP_WIDTH,
        pos_embed_max_size=LATENT_SIZE // 2,
        qk_norm="rms_norm",
    )


@dataclass(frozen=True, eq=False)
class Texts:
    """Two CLIP-like encoders and a T5-like one, each with a tokenizer of its own."""

    tokenizer: CLIPTokenizer
    tokenizer_2: CLIPTokenizer
    tokenizer_3: T5Tokenizer
    text_encoder: CLIPTextModelWithProjection
    text_encoder_2: CLIPTextModelWithProjection
    text_encoder_3: T5EncoderModel

    @property
    def encoders(self) -> dict[str, nn.Module]:
        """The networks, by the names of the pipeline."""
        return {
            "text_encoder": self.text_encoder,
            "text_encoder_2": self.text_encoder_2,
            "text_encoder_3": self.text_encoder_3,
        }

    def __call__(self, prompts: Sequence[str], device: str) -> tuple[Tensor, Tensor]:
        """What the transformer reads, as `StableDiffusion3Pipeline.encode_prompt` has it: (B, 2 T, D), (B, P)."""
        clips, pooled = [], []
        for tokenizer, encoder in (
            (self.tokenizer, self.text_encoder),
            (self.tokenizer_2, self.text_encoder_2),
        ):
            found = encoder(_ids(tokenizer, prompts, device), output_hidden_states=True)
            clips.append(found.hidden_states[-2])
            pooled.append(found.text_embeds)
        t5 = self.text_encoder_3(_ids(self.tokenizer_3, prompts, device))[0]
        return torch.cat([torch.cat(clips, -1), t5], 1), torch.cat(pooled, -1)


def build_texts() -> Texts:
    """The three encoders, untrained, for the words of scenes."""
    first, second = build_tokenizer(known_words()), build_tokenizer(known_words())
    third = build_t5_tokenizer()
    return Texts(first, second, third, _clip(first, layers=2), _clip(second, layers=3), _t5(third))


def build_t5_tokenizer() -> T5Tokenizer:
    """A tokenizer with one token for each known word, and letters for all others.

    >>> tokenizer = build_t5_tokenizer()
    >>> tokenizer.tokenize("a teddy bear"), len(tokenizer.tokenize("zebra"))
    (['▁a', '▁teddy', '▁bear'], 6)
    """
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    words = [(f"▁{word}", -1.0) for word in sorted(known_words())]
    letters = [(letter, UNLIKELY) for letter in ("▁", *LETTERS)]
    return T5Tokenizer(vocab=special + words + letters, extra_ids=0, model_max_length=MAX_LENGTH)


def assemble_transformer(
    vae: AutoencoderKL, averages: dict[str, dict[str, Tensor]], transformer: SD3Transformer2DModel | None = None
) -> StableDiffusion3Pipeline:
    """Build the pipeline from an autoencoder and a run's averaged states; `transformer` gives another size."""
    transformer, texts = transformer or build_transformer(), build_texts()
    transformer.load_state_dict(averages["transformer"])
    for name, encoder in texts.encoders.items():
        encoder.load_state_dict(averages[name])
        encoder.eval()
    # This pipeline adds the shift to latents, and stops where there is none.
    vae.register_to_config(shift_factor=0.0)
    return StableDiffusion3Pipeline(
        transformer=transformer.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        tokenizer=texts.tokenizer,
        tokenizer_2=texts.tokenizer_2,
        tokenizer_3=texts.tokenizer_3,
        **texts.encoders,
    )


def _clip(tokenizer: CLIPTokenizer, layers: int) -> CLIPTextModelWithProjection:
    return CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=CLIP_WIDTH,
            projection_dim=CLIP_WIDTH,
            intermediate_size=3 * CLIP_WIDTH,
            num_hidden_layers=layers,
            num_attention_heads=4,
            max_position_embeddings=MAX_LENGTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _t5(tokenizer: T5Tokenizer) -> T5EncoderModel:
    return T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=JOINT_WIDTH,
            d_kv=64,
            d_ff=2 * JOINT_WIDTH,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
        )
    )


def _ids(tokenizer: CLIPTokenizer | T5Tokenizer, prompts: Sequence[str], device: str) -> Tensor:
    ids: Tensor = tokenizer(
        list(prompts), padding="max_length", max_length=MAX_LENGTH, truncation=True, return_tensors="pt"
    ).input_ids
    return ids.to(device)
