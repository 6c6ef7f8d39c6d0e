"""The decoder, sharpened against an adversary."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from torch import Tensor

from training.adversary import Adversary, adversary_loss, balanced, give_away
from training.schedule import Schedule
from training.sharpen import guess, sharpen_decoder
from wordbrush.scenes.batch import sample_batch
from wordbrush.scenes.pixels import to_tensor
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline


@pytest.fixture
def pictures() -> tuple[Tensor, Tensor]:
    """Soft pictures, which ask for a gradient, and sharp ones."""
    x = to_tensor(torch.from_numpy(sample_batch(3, 0, 4)[0]), "cpu")
    soft = torch.nn.functional.avg_pool2d(x, 5, stride=1, padding=2)
    return soft.requires_grad_(), x


def parameters(vae: AutoencoderKL) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in vae.state_dict().items()}


def test_sharpening_changes_the_decoder_alone(tmp_path: Path, vae: AutoencoderKL) -> None:
    before = parameters(vae)
    after = sharpen_decoder(tmp_path, vae, Schedule(1e-3, steps=3), "cpu", batch_size=2).state_dict()
    changed = {key.split(".")[0] for key, value in after.items() if not torch.equal(value, before[key])}
    assert changed == {"decoder"}


def test_a_sharpening_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path, vae: AutoencoderKL) -> None:
    start = parameters(vae)
    whole = sharpen_decoder(tmp_path / "whole", vae, Schedule(1e-3, steps=4), "cpu", batch_size=2).state_dict()
    whole = {key: value.clone() for key, value in whole.items()}
    for steps in (2, 4):
        vae.load_state_dict(start)
        parted = sharpen_decoder(tmp_path / "parted", vae, Schedule(1e-3, steps=steps), "cpu", batch_size=2)
    assert all(torch.equal(value, whole[key]) for key, value in parted.state_dict().items())


def test_the_decoder_sees_what_a_denoiser_makes_of_half_of_the_scenes(tmp_path: Path, vae: AutoencoderKL) -> None:
    start = parameters(vae)
    alone = parameters(sharpen_decoder(tmp_path / "alone", vae, Schedule(1e-3, steps=2), "cpu", batch_size=2))
    vae.load_state_dict(start)
    pipeline = tiny_pipeline()
    networks = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}
    before = {name: {k: v.clone() for k, v in network.state_dict().items()} for name, network in networks.items()}
    taught = parameters(
        sharpen_decoder(tmp_path / "taught", vae, Schedule(1e-3, steps=2), "cpu", denoiser=pipeline, batch_size=2)
    )
    assert any(not torch.equal(value, alone[key]) for key, value in taught.items())
    for name, network in networks.items():
        assert all(torch.equal(value, before[name][key]) for key, value in network.state_dict().items())


def test_a_guess_after_no_noise_is_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline: StableDiffusionPipeline = tiny_pipeline()
    latents = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr("training.sharpen.MOST_STEPS", 1)
    near = guess(pipeline, latents, ["a dog", "a cat"], torch.Generator().manual_seed(2))
    monkeypatch.setattr("training.sharpen.MOST_STEPS", 1000)
    far = guess(pipeline, latents, ["a dog", "a cat"], torch.Generator().manual_seed(2))
    assert (near - latents).std() < 0.1 < (far - latents).std()


def test_each_of_the_two_losses_teaches_one_network(pictures: tuple[Tensor, Tensor]) -> None:
    soft, sharp = pictures
    adversary = Adversary()
    give_away(adversary, soft, sharp).backward()
    assert soft.grad is not None
    assert all(p.grad is None for p in adversary.parameters())
    soft.grad = None
    adversary_loss(adversary, soft, sharp).backward()
    assert soft.grad is None
    assert all(p.grad is not None for p in adversary.parameters())


def test_the_adversary_learns_to_tell_soft_pictures(pictures: tuple[Tensor, Tensor]) -> None:
    torch.manual_seed(0)
    soft, sharp = pictures
    adversary = Adversary()
    optimizer = torch.optim.Adam(adversary.parameters(), 2e-3)
    losses = []
    for _ in range(60):
        loss = adversary_loss(adversary, soft, sharp)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]
    assert give_away(adversary, soft, sharp) > give_away(adversary, sharp, sharp)


@pytest.mark.parametrize("share", [0.5, 2.0])
def test_a_balanced_loss_has_the_plain_value_and_gradients_in_proportion(
    pictures: tuple[Tensor, Tensor], share: float
) -> None:
    soft, sharp = pictures
    plain, others = (soft - sharp).square().mean(), 1000 * (soft - 1).abs().sum()
    first, second = (torch.autograd.grad(loss, soft, retain_graph=True)[0] for loss in (plain, others))
    loss = balanced(soft, plain, others, share)
    loss.backward()
    torch.testing.assert_close(loss, plain)
    assert soft.grad is not None
    torch.testing.assert_close(soft.grad - first, share * first.norm() / second.norm() * second)
