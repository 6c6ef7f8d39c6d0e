"""What the denoiser is asked for: the noise, where words look, what the critic names."""

import copy
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor
from torch.nn import functional

from helpers.rounding import DEEPEST, assert_same
from helpers.tiny_training import tiny_unet, train_tiny
from training.attention import keep_maps
from training.critic import Critic, cell_loss, train_critic
from training.denoiser import Batch, DenoisingLoss
from training.export import assemble, export
from training.grounding import Truth, grounding_loss, truth_of
from training.inherit import inherit
from training.networks import build_text_encoder
from training.schedule import Schedule
from training.shards import encode_shard, read_shard, shard_path, write_shards
from training.tokenizer import MAX_LENGTH, build_tokenizer
from training.upsampling import double_by_repeating
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.labels import NOUN_NAMES
from wordbrush.scenes.render import render
from wordbrush.scenes.scene import NUM_DRAWS, compose
from wordbrush.scenes.vocabulary import known_words


def test_the_denoisers_loss_falls_on_a_fixed_batch() -> None:
    torch.manual_seed(2)
    tokenizer = build_tokenizer(known_words())
    unet, text = tiny_unet(), build_text_encoder(tokenizer)
    latents = torch.randn(4, 4, 16, 16)
    ids = tokenizer(["a dog", "a cat", "an apple", ""], padding="max_length", return_tensors="pt").input_ids
    tokens = torch.zeros(4, 3, MAX_LENGTH)
    tokens[:3, 0, 2] = 1
    masks = torch.zeros(4, 3, 16, 16)
    masks[:, 0, 4:8, 4:8] = 1
    classes = torch.zeros(4, 16, 16, dtype=torch.long)
    batch = Batch(latents, classes, ids, torch.tensor([True, True, True, False]), Truth(tokens, masks))
    loss_of = DenoisingLoss(unet, text, None, "cpu")
    optimizer = torch.optim.AdamW([*unet.parameters(), *text.parameters()], 3e-3)
    losses = []
    for _ in range(25):
        loss = loss_of(batch, torch.Generator().manual_seed(0))
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(map(math.isfinite, losses))
    assert losses[-1] < 0.8 * losses[0]


def test_forming_the_maps_changes_no_prediction_and_keeps_the_words() -> None:
    torch.manual_seed(3)
    unet = tiny_unet()
    inputs = torch.randn(2, 4, 16, 16), torch.tensor([10, 600])
    words = torch.randn(2, MAX_LENGTH, 128)
    with torch.no_grad():
        fused = unet(*inputs, encoder_hidden_states=words).sample
        keeper = keep_maps(unet)
        formed = unet(*inputs, encoder_hidden_states=words).sample
    assert_same(formed, fused, DEEPEST)
    assert sorted(map_BQT.shape[1] for map_BQT in keeper.maps) == [64, 256, 256, 256]
    assert {map_BQT.shape[2] for map_BQT in keeper.maps} == {MAX_LENGTH}
    assert all(torch.allclose(map_BQT.sum(-1), torch.ones(()), atol=1e-5) for map_BQT in keeper.maps)


def test_the_critic_asks_for_what_should_be_there(vae: AutoencoderKL) -> None:
    """Its part of the loss is the cross-entropy of the predicted picture, and reaches the U-Net."""
    torch.manual_seed(4)
    unet, text = tiny_unet(), build_text_encoder(build_tokenizer(known_words()))
    shard = encode_shard(vae, 0, 0, 4, MAX_LENGTH, "cpu")
    ids = torch.zeros(4, MAX_LENGTH, dtype=torch.long)
    batch = Batch(shard.latents.float(), shard.classes.long(), ids, torch.ones(4, dtype=torch.bool), shard.truth)
    critic = Critic(4).requires_grad_(False)
    alone, asked = (
        DenoisingLoss(unet, text, c, "cpu")(batch, torch.Generator().manual_seed(0)) for c in (None, critic)
    )
    more = asked - alone
    assert more > 0
    more.backward()
    assert unet.conv_in.weight.grad is not None
    assert unet.conv_in.weight.grad.abs().sum() > 0
    logits = torch.zeros(1, critic.head.out_channels, 1, 1)
    logits[:, NOUN_NAMES.index("dog")] = 50
    assert cell_loss(logits, torch.full((1, 1, 1), NOUN_NAMES.index("dog"))) < 1e-3
    assert cell_loss(logits, torch.full((1, 1, 1), NOUN_NAMES.index("cat"))) > 10


def test_the_critic_learns_what_encoded_scenes_show(tmp_path: Path, vae: AutoencoderKL) -> None:
    list(write_shards(tmp_path / "latents", vae, seed=1, count=1, length=MAX_LENGTH, device="cpu", size=8))
    critic = train_critic(tmp_path / "critic", tmp_path / "latents", Schedule(2e-3, steps=30), "cpu", batch_size=8)
    shard = read_shard(shard_path(tmp_path / "latents", 0))
    learnt = cell_loss(critic(shard.latents.float()), shard.classes.long()).mean()
    assert learnt < cell_loss(Critic(4)(shard.latents.float()), shard.classes.long()).mean()
    assert not any(p.requires_grad for p in critic.parameters())


def test_grounding_asks_words_to_look_at_what_they_name() -> None:
    scene = compose(Cast("eating", "teddy bear", "noto", "apple", "noto", "beach"), (0.2,) * NUM_DRAWS)
    _, masks = render(scene)
    truth = truth_of([scene], [masks], 12, 16)
    words = ["", *scene.caption.split()]
    named = [[words[i] for i in truth.tokens[0, phrase].nonzero().flatten()] for phrase in range(3)]
    assert named == [["teddy", "bear"], ["apple"], ["beach"]]
    looking = torch.zeros(1, 256, 12)
    for phrase in range(3):
        looking += truth.masks[:, phrase].flatten(1)[..., None] * truth.tokens[:, phrase, None]
    exact = (looking > 0.99).float()
    weights = torch.ones(1)
    assert grounding_loss([exact], truth, weights) < 1e-4
    assert grounding_loss([1 - exact], truth, weights) > 0.5
    assert grounding_loss([exact], truth, torch.zeros(1)) == 0


@pytest.mark.slow  # it compiles for a minute
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_doubling_by_repeating_is_the_same_picture_and_its_compiled_gradient_is_right() -> None:
    torch.manual_seed(2)
    plain = Upsample2D(32, use_conv=True).to(memory_format=torch.channels_last)
    ours = copy.deepcopy(plain)
    double_by_repeating(ours)
    block = ResnetBlock2D(in_channels=32, groups=8, temb_channels=None).to(memory_format=torch.channels_last)
    x = torch.randn(8, 32, 16, 16).to(memory_format=torch.channels_last)
    assert_same(ours(x), plain(x), products=9 * 32)

    def gradient(forward: Callable[[Tensor], Tensor]) -> Tensor:
        given = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            y = forward(given)
        y.float().square().sum().backward()  # type: ignore[no-untyped-call]
        assert given.grad is not None
        return given.grad.flatten()

    right = gradient(lambda t: block(plain(block(t, None)), None))
    found = gradient(torch.compile(lambda t: block(ours(block(t, None)), None)))
    assert functional.cosine_similarity(found, right, dim=0) > 0.99


def test_a_new_denoiser_begins_with_what_an_earlier_one_knows(tmp_path: Path, vae: AutoencoderKL) -> None:
    run = train_tiny(tmp_path / "run", vae, 2)
    averages = {name: run.averaged(name) for name in ("unet", "text_encoder")}
    export(assemble(vae, averages, tiny_unet()), tmp_path / "old", {})
    tokenizer = build_tokenizer(known_words() | {"zeppelin"})
    text = build_text_encoder(tokenizer)
    wide = UNet2DConditionModel.from_config({**tiny_unet().config, "in_channels": 6, "out_channels": 6})
    inherit(wide, text, tokenizer, tmp_path / "old")
    old = averages["unet"]["conv_in.weight"].half().float()
    assert torch.equal(wide.conv_in.weight[:, :4], old)
    assert not wide.conv_in.weight[:, 4:].any()
    assert not wide.conv_out.weight[4:].any()
    learnt = averages["text_encoder"]
    name = next(key for key in learnt if key.endswith("token_embedding.weight"))
    before, now = build_tokenizer(known_words()).get_vocab(), tokenizer.get_vocab()
    assert torch.equal(text.state_dict()[name][now["dog</w>"]], learnt[name][before["dog</w>"]])
