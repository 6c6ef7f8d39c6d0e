"""The transformer at a tiny size: its texts, its maps, its training, its folder."""

import math
from pathlib import Path

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel, StableDiffusion3Pipeline

from helpers.rounding import DEEPEST, assert_same
from helpers.tiny_training import same, states
from training.export import export
from training.flow import FlowBatch, FlowLoss, on_both_texts, train_transformer
from training.grounding import Truth
from training.joint_attention import keep_joint_maps
from training.run import TrainingRun
from training.schedule import Schedule
from training.shards import write_shards
from training.tokenizer import MAX_LENGTH
from training.transformer import JOINT_WIDTH, assemble_transformer, build_texts
from wordbrush.scenes.vocabulary import known_words


def tiny_transformer() -> SD3Transformer2DModel:
    return SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=JOINT_WIDTH,
        caption_projection_dim=32,
        pooled_projection_dim=JOINT_WIDTH,
        pos_embed_max_size=8,
        qk_norm="rms_norm",
    )


def train_tiny_transformer(folder: Path, vae: AutoencoderKL, steps: int) -> TrainingRun:
    latents = folder.parent / "latents"
    list(write_shards(latents, vae, seed=1, count=2, length=MAX_LENGTH, device="cpu", size=6))
    torch.manual_seed(5)
    return train_transformer(
        folder, latents, Schedule(1e-3, steps), "cpu", transformer=tiny_transformer(), batch_size=4
    )


def test_texts_are_encoded_as_the_pipeline_encodes_them(vae: AutoencoderKL) -> None:
    torch.manual_seed(0)
    texts = build_texts()
    averages = {name: encoder.state_dict() for name, encoder in texts.encoders.items()}
    network = tiny_transformer()
    pipeline = assemble_transformer(vae, {**averages, "transformer": network.state_dict()}, network)
    with torch.no_grad():
        words, pooled = texts(["a dog eating an apple"], "cpu")
        theirs, _, theirs_pooled, _ = pipeline.encode_prompt(
            "a dog eating an apple", None, None, do_classifier_free_guidance=False, max_sequence_length=MAX_LENGTH
        )
    torch.testing.assert_close(words, theirs)
    torch.testing.assert_close(pooled, theirs_pooled)


def test_every_known_word_is_one_token_of_each_text() -> None:
    texts = build_texts()
    for word in sorted(known_words()):
        assert texts.tokenizer_3.tokenize(word) == ["▁" + word]
    ids = texts.tokenizer_3("a teddy bear", padding="max_length", max_length=MAX_LENGTH).input_ids
    clip = texts.tokenizer("a teddy bear", padding="max_length").input_ids
    assert len(ids) == len(clip) == MAX_LENGTH
    assert ids[4:] == [texts.tokenizer_3.pad_token_id] * (MAX_LENGTH - 4)


def test_a_phrase_stands_one_place_earlier_in_the_third_text() -> None:
    tokens = torch.zeros(1, 1, MAX_LENGTH)
    tokens[0, 0, 2:4] = 1
    assert on_both_texts(tokens)[0, 0].nonzero().flatten().tolist() == [2, 3, MAX_LENGTH + 1, MAX_LENGTH + 2]


def test_forming_the_joint_maps_changes_no_prediction_and_keeps_the_words() -> None:
    torch.manual_seed(3)
    network = tiny_transformer().eval()
    inputs = torch.randn(2, 4, 16, 16), torch.randn(2, 2 * MAX_LENGTH, JOINT_WIDTH), torch.randn(2, JOINT_WIDTH)
    timesteps = torch.tensor([10, 600])
    with torch.no_grad():
        fused = network(*inputs, timesteps).sample
        keeper = keep_joint_maps(network)
        formed = network(*inputs, timesteps).sample
    assert_same(fused, formed, DEEPEST)
    assert [tuple(map_BQT.shape) for map_BQT in keeper.maps] == [(2, 64, 2 * MAX_LENGTH)] * 2
    assert all(0 < map_BQT.sum(-1).max() < 1 for map_BQT in keeper.maps)


def test_the_transformers_loss_falls_on_a_fixed_batch() -> None:
    torch.manual_seed(2)
    network, texts = tiny_transformer(), build_texts()
    tokens = torch.zeros(4, 3, MAX_LENGTH)
    tokens[:3, 0, 2] = 1
    masks = torch.zeros(4, 3, 16, 16)
    masks[:, 0, 4:8, 4:8] = 1
    batch = FlowBatch(
        torch.randn(4, 4, 16, 16),
        torch.randint(5, (4, 16, 16)),
        ["a dog", "a cat", "an apple", ""],
        torch.tensor([True, True, True, False]),
        Truth(tokens, masks),
    )
    loss_of = FlowLoss(network, texts, "cpu")
    modules = [network, *texts.encoders.values()]
    optimizer = torch.optim.AdamW([p for module in modules for p in module.parameters()], 3e-3)
    losses = []
    for _ in range(25):
        loss = loss_of(batch, torch.Generator().manual_seed(0))
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(map(math.isfinite, losses))
    assert losses[-1] < 0.8 * losses[0]
    for encoder in texts.encoders.values():
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.parameters())


def test_the_transformer_goes_on_to_the_same_bits(tmp_path: Path, vae: AutoencoderKL) -> None:
    train_tiny_transformer(tmp_path / "whole", vae, 4)
    train_tiny_transformer(tmp_path / "parts", vae, 2)
    train_tiny_transformer(tmp_path / "parts", vae, 4)
    assert same(*states(tmp_path / "whole", tmp_path / "parts"))


def test_the_folder_is_a_pipeline_that_diffusers_loads(tmp_path: Path, vae: AutoencoderKL) -> None:
    run = train_tiny_transformer(tmp_path / "run", vae, 1)
    names = ("transformer", "text_encoder", "text_encoder_2", "text_encoder_3")
    averages = {name: run.averaged(name) for name in names}
    export(assemble_transformer(vae, averages, tiny_transformer()), tmp_path / "model", {"guidance_scale": 4.0})
    loaded = StableDiffusion3Pipeline.from_pretrained(tmp_path / "model")
    loaded.set_progress_bar_config(disable=True)
    image = loaded(
        "a dog", num_inference_steps=2, output_type="np", max_sequence_length=MAX_LENGTH, generator=torch.Generator()
    ).images
    assert image.shape == (1, 128, 128, 3)
    exact = averages["transformer"]["proj_out.weight"]
    assert torch.equal(loaded.transformer.state_dict()["proj_out.weight"], exact.half().float())
    assert loaded.tokenizer_3.tokenize("a teddy bear") == ["▁a", "▁teddy", "▁bear"]
