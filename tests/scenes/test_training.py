"""The trainer at a tiny size: it learns, goes on exactly where it stopped, and exports what diffusers loads."""

import copy
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from typer.testing import CliRunner

from wordbrush.errors import SettingsError
from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.cast import Cast
from wordbrush.scenes.judge.labels import NOUN_NAMES
from wordbrush.scenes.pixels import to_tensor
from wordbrush.scenes.render import render
from wordbrush.scenes.scene import NUM_DRAWS, compose
from wordbrush.scenes.training.__main__ import app
from wordbrush.scenes.training.attention import keep_maps
from wordbrush.scenes.training.checkpoint import load_state, save_state
from wordbrush.scenes.training.critic import Critic, cell_loss, train_critic
from wordbrush.scenes.training.denoiser import Batch, DenoisingLoss, train_denoiser
from wordbrush.scenes.training.export import assemble, export
from wordbrush.scenes.training.grounding import Truth, grounding_loss, truth_of
from wordbrush.scenes.training.inherit import inherit
from wordbrush.scenes.training.latent_pool import LatentPool
from wordbrush.scenes.training.networks import build_text_encoder
from wordbrush.scenes.training.run import TrainingRun
from wordbrush.scenes.training.sample_grid import draw_grid
from wordbrush.scenes.training.shards import encode_shard, read_shard, shard_path, write_shard, write_shards
from wordbrush.scenes.training.tokenizer import MAX_LENGTH, build_tokenizer
from wordbrush.scenes.training.upsampling import double_by_repeating
from wordbrush.scenes.training.vae import sharpen_decoder, train_vae, whiten, widen
from wordbrush.scenes.vocabulary import known_words


def tiny_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(16, 32),
        layers_per_block=1,
        cross_attention_dim=128,
        attention_head_dim=2,
        norm_num_groups=8,
    )


@pytest.fixture
def vae() -> AutoencoderKL:
    torch.manual_seed(0)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=128,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    ).eval()


def train_tiny(folder: Path, vae: AutoencoderKL, steps: int) -> TrainingRun:
    latents = folder.parent / "latents"
    list(write_shards(latents, vae, seed=1, count=2, length=MAX_LENGTH, device="cpu", size=6))
    torch.manual_seed(5)
    return train_denoiser(
        folder, latents, 60, "cpu", unet=tiny_unet(), critic=Critic(4), batch_size=4, max_steps=steps
    )


def train_line(folder: Path, steps: int) -> tuple[TrainingRun, list[float]]:
    """Fit a line to one fixed batch, with torch's own noise on top."""
    torch.manual_seed(1)
    model = nn.Linear(3, 1)
    x = torch.linspace(-1, 1, 24).reshape(8, 3)
    run = TrainingRun(folder, {"model": model}, minutes=60, learning_rate=0.05)
    losses: list[float] = []

    def step(index: int) -> tuple[Tensor, int]:
        loss = (model(x + 0.01 * torch.randn_like(x)) - x.sum(1, keepdim=True)).square().mean()
        losses.append(float(loss.detach()))
        return loss, len(x)

    run.train(step, max_steps=steps)
    return run, losses


def same(a: object, b: object) -> bool:
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(same, a, b))
    return a == b


def states(*folders: Path) -> list[dict[str, object]]:
    """The states in some folders without what depends on the clock: the time spent, and the rate that follows it."""
    found = []
    for folder in folders:
        state = load_state(folder / "state.pt")
        del state["progress"]["seconds"]
        for optimizer in state["optimizers"]:
            for group in optimizer["param_groups"]:
                del group["lr"]
        found.append(state)
    return found


def test_a_run_learns_a_fixed_batch(tmp_path: Path) -> None:
    run, losses = train_line(tmp_path, 300)
    assert all(map(math.isfinite, losses))
    assert losses[-1] < 0.05 * losses[0]
    assert run.samples == 300 * 8


def test_going_on_is_the_same_as_never_stopping(
    tmp_path: Path, vae: AutoencoderKL, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The rate follows the clock; without that, every bit must agree.
    monkeypatch.setattr(TrainingRun, "_rate", lambda self: 1e-3)
    train_tiny(tmp_path / "whole", vae, 5)
    train_tiny(tmp_path / "parts", vae, 3)
    train_tiny(tmp_path / "parts", vae, 5)
    whole, parts = states(tmp_path / "whole", tmp_path / "parts")
    assert whole["progress"] == {"step": 5, "samples": 20}
    assert same(whole, parts)


def test_going_on_restores_torchs_random_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingRun, "_rate", lambda self: 1e-3)
    train_line(tmp_path / "whole", 6)
    train_line(tmp_path / "parts", 2)
    train_line(tmp_path / "parts", 6)
    whole, parts = states(tmp_path / "whole", tmp_path / "parts")
    assert same(whole, parts)


def test_the_rate_warms_up_and_falls_with_the_time_spent(tmp_path: Path) -> None:
    run = TrainingRun(tmp_path, {"model": nn.Linear(1, 1)}, minutes=10, learning_rate=1.0)
    assert run._rate() == pytest.approx(1 / 200)
    run.step = 1000
    assert run._rate() == pytest.approx(1)
    run._seconds = 300
    assert run._rate() == pytest.approx(0.51)
    run._seconds = 600
    assert run._rate() == pytest.approx(0.02)


def test_a_state_appears_whole_and_brings_the_random_state_back(tmp_path: Path) -> None:
    torch.manual_seed(3)
    save_state(tmp_path / "a" / "state.pt", {"x": torch.ones(2)})
    drawn = torch.rand(4)
    state = load_state(tmp_path / "a" / "state.pt")
    assert torch.equal(torch.rand(4), drawn)
    assert torch.equal(state["x"], torch.ones(2))
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["state.pt"]


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
    assert torch.allclose(fused, formed, atol=1e-5)
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
    critic = train_critic(tmp_path / "critic", tmp_path / "latents", 60, "cpu", batch_size=8, max_steps=30)
    shard = read_shard(shard_path(tmp_path / "latents", 0))
    learnt = cell_loss(critic(shard.latents.float()), shard.classes.long()).mean()
    assert learnt < cell_loss(Critic(4)(shard.latents.float()), shard.classes.long()).mean()
    assert not any(p.requires_grad for p in critic.parameters())


def test_a_shard_is_read_as_it_was_written(tmp_path: Path, vae: AutoencoderKL) -> None:
    shard = encode_shard(vae, 3, 1, 3, MAX_LENGTH, "cpu")
    write_shard(shard, shard_path(tmp_path, 0))
    again = read_shard(shard_path(tmp_path, 0))
    assert again.captions == shard.captions
    assert torch.equal(again.latents, shard.latents)
    assert torch.equal(again.classes, shard.classes)
    assert torch.equal(again.truth.tokens, shard.truth.tokens)
    assert torch.allclose(again.truth.masks, shard.truth.masks, atol=1e-3)


def test_a_pool_takes_in_shards_as_they_come(tmp_path: Path, vae: AutoencoderKL) -> None:
    with pytest.raises(SettingsError, match="latents"):
        LatentPool(tmp_path)
    list(write_shards(tmp_path, vae, seed=1, count=1, length=MAX_LENGTH, device="cpu", size=3))
    pool = LatentPool(tmp_path)
    list(write_shards(tmp_path, vae, seed=1, count=3, length=MAX_LENGTH, device="cpu", size=3))
    assert pool.look() == 3
    latents, classes, captions, truth = pool.draw(5, torch.Generator().manual_seed(0))
    assert (len(latents), len(classes), len(captions), len(truth.tokens)) == (5, 5, 5, 5)
    known = [caption for index in range(3) for caption in read_shard(shard_path(tmp_path, index)).captions]
    assert set(captions) <= set(known)


def test_the_trained_autoencoder_is_whitened(tmp_path: Path, vae: AutoencoderKL) -> None:
    trained = train_vae(tmp_path, 60, "cpu", vae=vae, batch_size=4, max_steps=3)
    pictures, _ = sample_batch(12, 0, 512)
    latents = trained.encode(to_tensor(torch.from_numpy(pictures[:128]), "cpu")).latent_dist.mean
    spread = latents.transpose(0, 1).flatten(1).std(dim=1)
    assert torch.allclose(spread, torch.ones(4), atol=0.25)
    assert trained.config.scaling_factor == 1.0


def wider(vae: AutoencoderKL) -> AutoencoderKL:
    return AutoencoderKL.from_config({**vae.config, "latent_channels": 6}).eval()


def test_a_widened_autoencoder_begins_where_the_earlier_one_is(vae: AutoencoderKL) -> None:
    more = wider(vae)
    with torch.no_grad():
        more.decoder.conv_in.weight[:, 4:] = 0
        widen(vae, more)
        x = to_tensor(torch.from_numpy(sample_batch(1, 0, 2)[0]), "cpu")
        before, after = vae.encode(x).latent_dist, more.encode(x).latent_dist
        torch.testing.assert_close(after.mean[:, :4], before.mean)
        torch.testing.assert_close(after.logvar[:, :4], before.logvar)
        torch.testing.assert_close(more.decode(after.mean).sample, vae.decode(before.mean).sample)


def test_whitening_turns_the_first_channels_to_those_of_the_earlier_autoencoder(vae: AutoencoderKL) -> None:
    x = to_tensor(torch.from_numpy(sample_batch(1, 0, 24)[0]), "cpu")
    whiten(vae, x)
    more = wider(vae)
    with torch.no_grad():
        widen(vae, more)
        whiten(more, x, vae)
        flat = more.encode(x).latent_dist.mean.permute(1, 0, 2, 3).flatten(1)
        theirs = vae.encode(x).latent_dist.mean.permute(1, 0, 2, 3).flatten(1)
    # Both are white and one holds the other: the first channels are the earlier ones.
    torch.testing.assert_close(flat[:4], theirs, atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(flat), torch.diag(torch.tensor([1, 1, 1, 1, 0.25, 0.25])), atol=0.02, rtol=0)


def test_whitening_does_not_change_what_is_decoded(vae: AutoencoderKL) -> None:
    pictures, _ = sample_batch(1, 0, 16)
    x = to_tensor(torch.from_numpy(pictures), "cpu")
    with torch.no_grad():
        before = vae.decode(vae.encode(x).latent_dist.mean).sample
        whiten(vae, x)
        latents = vae.encode(x).latent_dist.mean
        after = vae.decode(latents).sample
    assert torch.allclose(before, after, atol=1e-4)
    covariance = torch.cov(latents.transpose(0, 1).flatten(1))
    assert torch.allclose(covariance, torch.eye(4), atol=1e-2)


def test_the_export_is_a_pipeline_that_diffusers_loads(tmp_path: Path, vae: AutoencoderKL) -> None:
    run = train_tiny(tmp_path / "run", vae, 1)
    averages = {name: run.averaged(name) for name in ("unet", "text_encoder")}
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "README.md").write_text("the card")
    vae.save_pretrained(tmp_path / "vae")
    pipeline = assemble(AutoencoderKL.from_pretrained(tmp_path / "vae"), averages, tiny_unet())
    export(pipeline, folder, {"guidance_scale": 4.0})
    assert not [path for path in folder.rglob("*.json") if str(tmp_path) in path.read_text()]
    loaded = StableDiffusionPipeline.from_pretrained(folder)
    loaded.set_progress_bar_config(disable=True)
    image = loaded(
        "a dog", num_inference_steps=2, guidance_scale=4.0, output_type="np", generator=torch.Generator()
    ).images
    assert image.shape == (1, 128, 128, 3)
    exact = averages["unet"]["conv_in.weight"]
    assert torch.equal(loaded.unet.state_dict()["conv_in.weight"], exact.half().float())
    assert (folder / "README.md").read_text() == "the card"
    assert json.loads((folder / "wordbrush.json").read_text())["vocabulary"] == sorted(known_words())
    assert not (tmp_path / "weights.partial").exists()


def test_a_grid_has_a_cell_for_each_prompt_and_seed(tmp_path: Path, vae: AutoencoderKL) -> None:
    run = train_tiny(tmp_path / "run", vae, 1)
    averages = {name: run.averaged(name) for name in ("unet", "text_encoder")}
    draw_grid(
        assemble(vae, averages, tiny_unet()),
        tmp_path / "grid.png",
        prompts=("a dog", "a cat"),
        seeds=(1,),
        num_inference_steps=1,
    )
    with Image.open(tmp_path / "grid.png") as sheet:
        assert sheet.size == (256, 128 + 14)


def test_each_known_word_is_one_token() -> None:
    tokenizer = build_tokenizer(known_words())
    for word in sorted(known_words()):
        assert tokenizer.tokenize(word) == [word + "</w>"]
    assert len({tokenizer(word).input_ids[1] for word in known_words()}) == len(known_words())


@pytest.mark.parametrize("text", ["zebra", "größe", "x1!", "狗"])
def test_unknown_words_fall_back_to_their_bytes(text: str) -> None:
    tokenizer = build_tokenizer(known_words())
    ids = tokenizer(text, add_special_tokens=False).input_ids
    assert len(ids) > 1
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids).replace(" ", "") == text


def test_prompts_are_padded_to_the_models_length() -> None:
    tokenizer = build_tokenizer(known_words())
    batch = tokenizer(["a dog", ""], padding="max_length", return_tensors="pt").input_ids
    assert batch.shape == (2, MAX_LENGTH)


def test_an_earlier_run_is_not_taken_up_by_accident(tmp_path: Path) -> None:
    save_state(tmp_path / "vae" / "state.pt", {})
    result = CliRunner().invoke(app, ["vae", "--out", str(tmp_path), "--minutes", "0"])
    assert isinstance(result.exception, SettingsError)
    assert "--resume" in str(result.exception)


def test_sharpening_changes_the_decoder_alone(tmp_path: Path, vae: AutoencoderKL) -> None:
    before = {key: value.clone() for key, value in vae.state_dict().items()}
    after = sharpen_decoder(tmp_path / "decoder", vae, 1.0, "cpu", batch_size=2, max_steps=3).state_dict()
    changed = {key.split(".")[0] for key, value in after.items() if not torch.equal(value, before[key])}
    assert changed == {"decoder"}


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


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_doubling_by_repeating_is_the_same_picture_and_its_compiled_gradient_is_right() -> None:
    torch.manual_seed(2)
    plain = Upsample2D(32, use_conv=True).to(memory_format=torch.channels_last)
    ours = copy.deepcopy(plain)
    double_by_repeating(ours)
    block = ResnetBlock2D(in_channels=32, groups=8, temb_channels=None).to(memory_format=torch.channels_last)
    x = torch.randn(8, 32, 16, 16).to(memory_format=torch.channels_last)
    torch.testing.assert_close(ours(x), plain(x))

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


TOGETHER = """
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from wordbrush.scenes.training import parallel
from wordbrush.scenes.training.run import TrainingRun

parallel.join()
torch.manual_seed(0)
model = nn.Linear(3, 1)
per_lot = int(sys.argv[2])
run = TrainingRun(Path(sys.argv[1]), {"model": model}, minutes=60, learning_rate=0.1)

def step(lot):
    parts = (torch.Generator().manual_seed(lot * per_lot + i) for i in range(per_lot))
    x = torch.cat([torch.randn(4, 3, generator=generator) for generator in parts])
    return (model(x) - x.sum(1, keepdim=True)).square().mean(), len(x)

run.train(step, max_steps=5)
"""


def test_two_processes_learn_as_one_with_batches_twice_as_large(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    one = [sys.executable, str(script), str(tmp_path / "one"), "2"]
    two = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(one, check=True, env=environment, capture_output=True)
    subprocess.run([*two, str(script), str(tmp_path / "two"), "1"], check=True, env=environment, capture_output=True)
    alone, together = (load_state(tmp_path / name / "state.pt") for name in ("one", "two"))
    assert alone["progress"]["samples"] == together["progress"]["samples"] == 40
    for name, values in alone["modules"]["model"].items():
        torch.testing.assert_close(together["modules"]["model"][name], values)
